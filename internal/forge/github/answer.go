package github

import (
	"encoding/json"
	"time"
)

// The shapes of what the documents answer. What a list's nodes lack GitHub could not read: null
// there decodes to the zero value, and is told by its missing id.
type (
	oid struct {
		OID string `json:"oid"`
	}
	actor struct {
		Type   string `json:"__typename"`
		NodeID string `json:"id"`
		ID     int64  `json:"databaseId"`
		Login  string `json:"login"`
	}
	page struct {
		HasNextPage     bool   `json:"hasNextPage"`
		HasPreviousPage bool   `json:"hasPreviousPage"`
		EndCursor       string `json:"endCursor"`
		StartCursor     string `json:"startCursor"`
	}
	gitActor struct {
		Email string `json:"email"`
		User  *actor `json:"user"`
	}
	treeEntry struct {
		Name    string      `json:"name"`
		Mode    int         `json:"mode"`
		OID     string      `json:"oid"`
		Object  *treeEntry  `json:"object"`  // the tree behind the entry, as far as it was asked for
		Entries []treeEntry `json:"entries"` // of a tree
	}
	commit struct {
		oid
		Parents struct {
			TotalCount int   `json:"totalCount"`
			Nodes      []oid `json:"nodes"`
		} `json:"parents"`
		Authors struct {
			TotalCount int        `json:"totalCount"`
			Nodes      []gitActor `json:"nodes"`
		} `json:"authors"`
		Committer *gitActor `json:"committer"`
		Signature *struct {
			IsValid           bool `json:"isValid"`
			WasSignedByGitHub bool `json:"wasSignedByGitHub"`
		} `json:"signature"`
	}
	commits struct {
		TotalCount int  `json:"totalCount"`
		PageInfo   page `json:"pageInfo"`
		Nodes      []struct {
			Commit commit `json:"commit"`
		} `json:"nodes"`
	}
	review struct {
		ID          bigInt    `json:"fullDatabaseId"`
		Author      *actor    `json:"author"`
		State       string    `json:"state"`
		Commit      *oid      `json:"commit"`
		SubmittedAt time.Time `json:"submittedAt"`
		URL         string    `json:"url"`
	}
	reviews struct {
		PageInfo page     `json:"pageInfo"`
		Nodes    []review `json:"nodes"`
	}
	issueComment struct {
		NodeID       string     `json:"id"`
		ID           bigInt     `json:"fullDatabaseId"`
		Author       *actor     `json:"author"`
		Body         string     `json:"body"`
		CreatedAt    time.Time  `json:"createdAt"`
		LastEditedAt *time.Time `json:"lastEditedAt"`
		Mine         bool       `json:"viewerDidAuthor"`
		URL          string     `json:"url"`
	}
	comments struct {
		PageInfo page           `json:"pageInfo"`
		Nodes    []issueComment `json:"nodes"`
	}
	threads struct {
		PageInfo page `json:"pageInfo"`
		Nodes    []struct {
			NodeID     string `json:"id"`
			Resolved   bool   `json:"isResolved"`
			ResolvedBy *actor `json:"resolvedBy"`
			Comments   struct {
				Nodes []struct {
					Body string `json:"body"`
					Mine bool   `json:"viewerDidAuthor"`
				} `json:"nodes"`
			} `json:"comments"`
		} `json:"nodes"`
	}
	checkRun struct {
		ID         string    `json:"id"`
		Name       string    `json:"name"`
		Status     string    `json:"status"`
		Conclusion string    `json:"conclusion"`
		ExternalID string    `json:"externalId"`
		StartedAt  time.Time `json:"startedAt"`
	}
	team struct {
		NodeID  string  `json:"id"`
		ID      int64   `json:"databaseId"`
		Members members `json:"members"`
	}
	members struct {
		PageInfo page    `json:"pageInfo"`
		Nodes    []actor `json:"nodes"`
	}
	repository struct {
		NodeID      string       `json:"id"`
		ID          int64        `json:"databaseId"`
		Name        string       `json:"name"`
		Owner       actor        `json:"owner"`
		Audit       *ref         `json:"audit"`
		PullRequest *pullRequest `json:"pullRequest"`
	}
	ref struct {
		Target oid `json:"target"`
	}
	pullRequest struct {
		NodeID            string    `json:"id"`
		Number            int       `json:"number"`
		URL               string    `json:"url"`
		Title             string    `json:"title"`
		State             string    `json:"state"`
		IsDraft           bool      `json:"isDraft"`
		CreatedAt         time.Time `json:"createdAt"`
		Mergeable         string    `json:"mergeable"`
		MergeCommit       *oid      `json:"mergeCommit"`
		MergedBy          *actor    `json:"mergedBy"`
		Author            *actor    `json:"author"`
		HeadRefName       string    `json:"headRefName"`
		HeadRefOID        string    `json:"headRefOid"`
		IsCrossRepository bool      `json:"isCrossRepository"`
		HeadRepository    *struct {
			NameWithOwner string `json:"nameWithOwner"`
		} `json:"headRepository"`
		BaseRefName string `json:"baseRefName"`
		BaseRefOID  string `json:"baseRefOid"`
		BaseRef     *struct {
			Target map[string]json.RawMessage `json:"target"` // by alias: these differ from call to call
		} `json:"baseRef"`
		Commits        commits  `json:"commits"`
		Reviews        reviews  `json:"reviews"`
		Comments       comments `json:"comments"`
		ReviewThreads  threads  `json:"reviewThreads"`
		ReviewRequests struct {
			Nodes []struct {
				Reviewer *struct {
					Type         string `json:"__typename"`
					Login        string `json:"login"`
					Slug         string `json:"slug"`
					Organization actor  `json:"organization"`
				} `json:"requestedReviewer"`
			} `json:"nodes"`
		} `json:"reviewRequests"`
		Last struct {
			Nodes []struct {
				Commit struct {
					oid
					CheckSuites struct {
						Nodes []struct {
							CheckRuns struct {
								Nodes []checkRun `json:"nodes"`
							} `json:"checkRuns"`
						} `json:"nodes"`
					} `json:"checkSuites"`
				} `json:"commit"`
			} `json:"nodes"`
		} `json:"last"`
	}
)
