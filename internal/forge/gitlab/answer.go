package gitlab

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
)

// The shapes of GraphQL answers, as far as they are used.
type (
	page struct {
		HasNextPage bool   `json:"hasNextPage"`
		EndCursor   string `json:"endCursor"`
	}
	user struct {
		ID       string `json:"id"` // "gid://gitlab/User/7"
		Username string `json:"username"`
		Bot      bool   `json:"bot"`
		State    string `json:"state"` // active, or blocked, banned, deactivated, …; empty where it was not asked
	}
	commits struct {
		PageInfo page     `json:"pageInfo"`
		Nodes    []commit `json:"nodes"`
	}
	commit struct {
		SHA            string `json:"sha"`
		Message        string `json:"message"`
		AuthorEmail    string `json:"authorEmail"`
		CommitterEmail string `json:"committerEmail"`
		Author         *user  `json:"author"`
	}
	notes struct {
		PageInfo page   `json:"pageInfo"`
		Nodes    []note `json:"nodes"`
	}
	note struct {
		ID           string     `json:"id"`
		Body         string     `json:"body"`
		System       bool       `json:"system"`
		CreatedAt    time.Time  `json:"createdAt"`
		LastEditedAt *time.Time `json:"lastEditedAt"`
		LastEditedBy *user      `json:"lastEditedBy"`
		MaxAccess    string     `json:"maxAccessLevelOfAuthor"`
		Author       *user      `json:"author"`
		Metadata     *struct {
			Action string `json:"action"`
		} `json:"systemNoteMetadata"`
		Resolved   bool  `json:"resolved"`
		ResolvedBy *user `json:"resolvedBy"`
		Discussion *struct {
			ID string `json:"id"`
		} `json:"discussion"`
	}
	members struct {
		PageInfo page `json:"pageInfo"`
		Nodes    []struct {
			AccessLevel *struct {
				Value int `json:"integerValue"`
			} `json:"accessLevel"`
			User *user `json:"user"`
		} `json:"nodes"`
	}
	group struct {
		ID      string  `json:"id"`
		Members members `json:"groupMembers"`
	}
	tip struct {
		LastCommit *struct {
			SHA string `json:"sha"`
		} `json:"lastCommit"`
	}
	leaf struct {
		Path string `json:"path"`
		SHA  string `json:"sha"`
		OID  string `json:"oid"` // of a blob found by path
		Mode string `json:"mode"`
	}
	leaves struct {
		Nodes    []leaf `json:"nodes"`
		PageInfo page   `json:"pageInfo"`
	}
	tree struct {
		Blobs      leaves `json:"blobs"`
		Trees      leaves `json:"trees"`
		Submodules leaves `json:"submodules"`
	}
	pipeline struct {
		ID   string `json:"id"`
		SHA  string `json:"sha"`
		Ref  string `json:"ref"`  // a branch, or "refs/merge-requests/7/head"
		Path string `json:"path"` // "/group/project/-/pipelines/9"
		Job  *struct {
			ID        string    `json:"id"`
			Status    string    `json:"status"`
			CreatedAt time.Time `json:"createdAt"`
		} `json:"job"`
	}
	project struct {
		ID         string `json:"id"`
		FullPath   string `json:"fullPath"`
		Repository struct {
			RootRef string `json:"rootRef"`
			Base    *tip   `json:"base"`
			Audit   *tip   `json:"audit"`
		} `json:"repository"`
		Members      members       `json:"projectMembers"`
		MergeRequest *mergeRequest `json:"mergeRequest"`
	}
	mergeRequest struct {
		ID            string    `json:"id"`
		IID           string    `json:"iid"`
		WebURL        string    `json:"webUrl"`
		Title         string    `json:"title"`
		State         string    `json:"state"`
		Draft         bool      `json:"draft"`
		CreatedAt     time.Time `json:"createdAt"`
		SourceBranch  string    `json:"sourceBranch"`
		TargetBranch  string    `json:"targetBranch"`
		SourceProject *struct {
			FullPath string `json:"fullPath"`
		} `json:"sourceProject"`
		DiffHeadSHA string    `json:"diffHeadSha"`
		DiffRefs    *diffRefs `json:"diffRefs"`
		MergeCommit string    `json:"mergeCommitSha"`
		Conflicts   bool      `json:"conflicts"`
		MergeStatus string    `json:"mergeStatusEnum"`
		MergeUser   *user     `json:"mergeUser"`
		Author      *user     `json:"author"`
		ApprovedBy  struct {
			Nodes    []*user `json:"nodes"`
			PageInfo page    `json:"pageInfo"`
		} `json:"approvedBy"`
		Reviewers struct {
			Nodes    []*reviewer `json:"nodes"`
			PageInfo page        `json:"pageInfo"`
		} `json:"reviewers"`
		Committers struct {
			Nodes    []*user `json:"nodes"`
			PageInfo page    `json:"pageInfo"`
		} `json:"committers"`
		Commits      commits   `json:"commits"`
		Notes        notes     `json:"notes"`
		HeadPipeline *pipeline `json:"headPipeline"`
	}
	reviewer struct {
		user
		Interaction *struct {
			State string `json:"reviewState"`
		} `json:"mergeRequestInteraction"`
	}
	// diffRefs are the three commits that a position in a diff names.
	diffRefs struct {
		Base  string `json:"baseSha"`
		Head  string `json:"headSha"`
		Start string `json:"startSha"`
	}
	conversationAnswer struct {
		CurrentUser *user    `json:"currentUser"`
		Project     *project `json:"project"`
		groups      map[string]*group
	}
)

// UnmarshalJSON takes the groups by their aliases (g0, g1, …): these differ from call to call.
func (c *conversationAnswer) UnmarshalJSON(data []byte) error {
	type plain conversationAnswer
	if err := json.Unmarshal(data, (*plain)(c)); err != nil {
		return err
	}
	var err error
	c.groups, err = groupsOf(data)
	return err
}

var groupAlias = regexp.MustCompile(`^g\d+$`)

func groupsOf(data []byte) (map[string]*group, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	out := map[string]*group{}
	for alias, raw := range all {
		if !groupAlias.MatchString(alias) {
			continue
		}
		var g *group
		if err := json.Unmarshal(raw, &g); err != nil {
			return nil, err
		}
		out[alias] = g
	}
	return out, nil
}

// number is the number at the end of a global id ("gid://gitlab/User/7"); 0 is none.
func number(gid string) int64 {
	n, err := strconv.ParseInt(gid[strings.LastIndexByte(gid, '/')+1:], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// ghost is the account that GitLab puts in the place of deleted ones (docs.gitlab.com, "Deleting a user").
const ghost = "ghost"

// account is who acted. Somebody whom GitLab no longer knows, and somebody whose account is known not
// to be active, is Unknown: what a blocked account said once must not count now.
func (u *user) account() forge.Account {
	switch {
	case u == nil:
		return forge.Account{Kind: forge.Unknown}
	case number(u.ID) == 0 || u.Username == ghost || !u.active():
		return forge.Account{Login: u.Username, Kind: forge.Unknown}
	case u.Bot:
		return forge.Account{ID: number(u.ID), NodeID: u.ID, Login: u.Username, Kind: forge.Bot}
	}
	return forge.Account{ID: number(u.ID), NodeID: u.ID, Login: u.Username, Kind: forge.User}
}

func (u *user) active() bool { return u.State == "" || u.State == "active" }

func (n note) action() string {
	if n.System && n.Metadata != nil {
		return n.Metadata.Action
	}
	return ""
}
