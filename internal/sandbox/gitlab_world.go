package sandbox

import "time"

// What a merge request of GitLab has besides what a pull request has. All of it hangs on the same
// repositories and pull requests, and is guarded by Sandbox.mu like them.

// version is one state of a merge request's diff: GitLab makes one when the request is opened and one
// for each push to its branch.
type version struct {
	ID                         int64
	HeadSHA, BaseSHA, StartSHA string // StartSHA is the target's tip then, BaseSHA the merge base
	Created                    time.Time
}

// approval is a standing approval; GitLab keeps no commit with it.
type approval struct {
	User *Account
	At   time.Time
}

// thread is a discussion of a merge request. The notes of it are comments whose thread it is.
type thread struct {
	ID         string // 40 hex digits
	Individual bool   // a single comment that nobody can resolve
	Path       string // of a diff thread, as is Line in the file at the head
	Line       int
	HeadSHA    string
	At         *position // of a diff thread: what was commented on, as it was then
	Resolved   bool
	ResolvedBy *Account
	ResolvedAt time.Time
}

// position is a line of a diff: an added one has a new number only, a removed one an old one only.
type position struct {
	BaseSHA, StartSHA, HeadSHA string
	OldPath, NewPath           string
	OldLine, NewLine           int
}

// pipeline groups the jobs of one commit on one branch; one that a commit status made is "external".
type pipeline struct {
	ID      int64
	IID     int
	SHA     string
	Ref     string
	Source  string // "external", "push", "merge_request_event"
	Created time.Time
	Updated time.Time
	User    *Account
	Jobs    []*job // oldest first; Retried ones were replaced by a later one of the same name
}

// job is a commit status (GenericCommitStatus) in a pipeline.
type job struct {
	ID                     int64
	Name, State            string // pending, running, success, failed, canceled, skipped
	Description, TargetURL string
	User                   *Account
	Created                time.Time
	Started, Finished      time.Time
	Retried                bool
}
