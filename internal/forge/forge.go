// Package forge holds the facts of a code host, the same for every host, and the small ports
// through which they are read and written.
//
// A fact never loses evidence on the way in: a review keeps the commit it was made on and the
// numeric id of who made it, because the decision rests on both. The package imports no SDK and
// does no I/O but that of the cache's folder; the adapters below it (github, …) do.
package forge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Repo names a repository of a code host.
type Repo struct {
	Host  string `json:"host"` // "github.com", or the host of a self-managed instance
	ID    int64  `json:"id"`   // the host's numeric id: survives renames; 0 if not read yet
	Owner string `json:"owner"`
	Name  string `json:"name"`
}

// FullName is "owner/name"; on GitLab the owner is a path of groups.
func (r Repo) FullName() string { return r.Owner + "/" + r.Name }

// Key is "host/owner/name": it tells repositories of several hosts apart.
func (r Repo) Key() string { return r.Host + "/" + r.FullName() }

// ParseRepoKey reads what Key wrote.
func ParseRepoKey(key string) (Repo, bool) {
	host, path, _ := strings.Cut(key, "/")
	i := strings.LastIndexByte(path, '/')
	if host == "" || i <= 0 || i == len(path)-1 {
		return Repo{}, false
	}
	return Repo{Host: host, Owner: path[:i], Name: path[i+1:]}, true
}

// Platform is the kind of code host. What differs between two of them and cannot be told by a fact
// (the dialect of CODEOWNERS, where the text of a check is shown) hangs on it, and nothing else.
type Platform string

// The platforms. The zero Platform is GitHub: so are the snapshots that were saved before there was another.
const (
	GitHub Platform = "github"
	GitLab Platform = "gitlab"
)

// Ref names one pull request.
type Ref struct {
	Repo   Repo `json:"repo"`
	Number int  `json:"number"`
}

func (r Ref) String() string { return fmt.Sprintf("%s#%d", r.Repo.FullName(), r.Number) }

// AccountKind tells people from machines: a machine's vote never counts.
type AccountKind string

// The kinds of account.
const (
	User    AccountKind = "user"
	Bot     AccountKind = "bot"     // a GitHub App, or any account that the host marks as a machine
	Unknown AccountKind = "unknown" // the host cannot say who this is (an unattributed e-mail, a deleted account)
)

// Account is somebody on the code host. Accounts are compared by ID, never by Login: logins are
// renamed and recycled. The zero ID is nobody.
type Account struct {
	ID     int64       `json:"id"`
	NodeID string      `json:"nodeId,omitempty"` // the host's opaque id, where a write needs it
	Login  string      `json:"login"`
	Kind   AccountKind `json:"kind"`
}

// Known reports whether the host vouches for who this is.
func (a Account) Known() bool { return a.ID != 0 && a.Kind != Unknown && a.Kind != "" }

// State is the life of a pull request.
type State string

// The states of a pull request.
const (
	Open   State = "open"
	Closed State = "closed"
	Merged State = "merged"
)

// PullRequest holds the facts of the pull request itself. Base.SHA is the live tip of the base
// branch, resolved once: everything that is trusted is read at that commit.
type PullRequest struct {
	Ref
	Platform    Platform  `json:"platform,omitempty"`
	NodeID      string    `json:"nodeId,omitempty"` // the host's opaque id, needed to write
	RepoNodeID  string    `json:"repoNodeId,omitempty"`
	URL         string    `json:"url"`
	Title       string    `json:"title"`
	State       State     `json:"state"`
	Draft       bool      `json:"draft"`
	Author      Account   `json:"author"`
	Head        Branch    `json:"head"`
	Base        Branch    `json:"base"`
	CreatedAt   time.Time `json:"createdAt"`
	MergeCommit string    `json:"mergeCommit,omitempty"` // once merged
	MergedBy    *Account  `json:"mergedBy,omitempty"`
	Mergeable   Mergeable `json:"mergeable"`
	// MergeBase is where the three-dot diff begins, where the host tells (GitLab): a thread on a line names it.
	MergeBase string `json:"mergeBase,omitempty"`
}

// Branch is one end of a pull request.
type Branch struct {
	Ref  string `json:"ref"` // the branch's short name
	SHA  string `json:"sha"`
	Fork bool   `json:"fork,omitempty"` // the branch lives in another repository
	Repo string `json:"repo,omitempty"` // that repository, "owner/name"; empty when it was deleted
}

// Mergeable is what the host says of the merge itself, checks left aside.
type Mergeable string

// The answers to "can this be merged without conflict?".
const (
	MergeClean     Mergeable = "clean"
	MergeConflict  Mergeable = "conflict"
	MergeUncertain Mergeable = "unknown" // the host is still computing it
)

// FileStatus says what a change does to a file.
type FileStatus string

// The statuses of a changed file.
const (
	Added    FileStatus = "added"
	Modified FileStatus = "modified"
	Removed  FileStatus = "removed"
	Renamed  FileStatus = "renamed"
	Copied   FileStatus = "copied"
)

// File is one entry of the three-dot diff (merge base to head).
type File struct {
	Path     string     `json:"path"`
	Previous string     `json:"previous,omitempty"` // the old name of a rename or copy
	Status   FileStatus `json:"status"`
	Blob     string     `json:"blob"` // git object id at head; of the removed blob when Status is Removed
	// Shown are the lines of the file at the head on which its diff has a place for a thread: on GitHub those
	// that it shows, on GitLab those that it adds. Of a new file that is every line, and none is listed.
	Shown []Lines `json:"shown,omitempty"`
}

// Lines are lines of a file, from 1; both ends are part of them.
type Lines struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Shows reports whether the diff shows a line of the file at the head.
func (f File) Shows(line int) bool {
	return slices.ContainsFunc(f.Shown, func(l Lines) bool { return l.From <= line && line <= l.To })
}

// Commit is one commit of base..head, over all parents.
type Commit struct {
	SHA       string    `json:"sha"`
	Parents   []string  `json:"parents"`
	Authors   []Account `json:"authors"`   // author and co-authors; Kind is Unknown where the host cannot attribute one
	Committer Account   `json:"committer"` // the zero Account when the host itself committed (web editor, API) and says so by its signature
}

// ReviewState is the state of a review.
type ReviewState string

// The states of a review. Only a review's newest non-comment state is its author's vote.
const (
	ReviewApproved         ReviewState = "approved"
	ReviewChangesRequested ReviewState = "changes_requested"
	ReviewCommented        ReviewState = "commented"
	ReviewDismissed        ReviewState = "dismissed"
)

// Review is a review as submitted on the host.
type Review struct {
	ID          int64       `json:"id"`
	Author      Account     `json:"author"`
	State       ReviewState `json:"state"`
	CommitSHA   string      `json:"commit"` // the head that was reviewed; empty when the host no longer knows
	SubmittedAt time.Time   `json:"submittedAt"`
	URL         string      `json:"url,omitempty"`
}

// Comment is a comment in the pull request's conversation.
type Comment struct {
	ID        int64     `json:"id"`
	NodeID    string    `json:"nodeId,omitempty"`
	Author    Account   `json:"author"`
	Body      string    `json:"body"`
	CreatedAt time.Time `json:"createdAt"`
	Edited    bool      `json:"edited"` // an edited comment is never a command
	Mine      bool      `json:"mine"`   // written by Lumos itself, and changed by nobody else, told by the host from our credentials
	URL       string    `json:"url,omitempty"`
	// Outsider says that its author may not approve in this repository (GitLab: below Developer). A host
	// that does not tell leaves it false.
	Outsider bool `json:"outsider,omitempty"`
}

// Thread is a discussion that Lumos opened on a line of a file, for one gap: on GitLab for each that
// blocks, on GitHub, where the annotations of a check run do this, only to suggest a change.
type Thread struct {
	NodeID   string `json:"nodeId"` // the host's id of the discussion
	Key      string `json:"key"`    // what it is about: see ThreadKey
	Body     string `json:"body"`   // of the first comment
	Resolved bool   `json:"resolved"`
	ByUs     bool   `json:"byUs,omitempty"` // resolved by Lumos
}

// CheckStatus and Conclusion are those of a GitHub check run; other hosts map onto them.
type (
	CheckStatus string
	Conclusion  string
)

// The values of CheckStatus and Conclusion that Lumos writes.
const (
	InProgress CheckStatus = "in_progress"
	Completed  CheckStatus = "completed"

	Success        Conclusion = "success"
	Failure        Conclusion = "failure"
	Neutral        Conclusion = "neutral"
	ActionRequired Conclusion = "action_required"
)

// Check is a check run of our own on the head.
type Check struct {
	ID         string      `json:"id"` // the host's id, needed to update it
	Name       string      `json:"name"`
	HeadSHA    string      `json:"head"`
	Status     CheckStatus `json:"status"`
	Conclusion Conclusion  `json:"conclusion,omitempty"`
	ExternalID string      `json:"externalId,omitempty"` // what we wrote there: see bot.published
	StartedAt  time.Time   `json:"startedAt,omitzero"`
}

// Team is a team with its active members. On GitHub those of its child teams are members too; on
// GitLab a group's members are the direct ones, as GitLab's own CODEOWNERS counts them, and who is one
// by inheritance alone is in Inherited, for the explanation. A role of GitLab ("@developer": the
// direct members of the project with exactly that role) is a Team without Org and with its "@" as
// part of Slug. Unreadable says why the members could not be read; such a team satisfies nothing.
type Team struct {
	ID         int64     `json:"id"`
	NodeID     string    `json:"nodeId,omitempty"`
	Org        string    `json:"org"`
	Slug       string    `json:"slug"`
	Members    []Account `json:"members"`
	Inherited  []Account `json:"inherited,omitempty"`
	Unreadable string    `json:"unreadable,omitempty"`
}

// Name is "org/slug", in lower case, without the "@" of CODEOWNERS; without an Org it is the slug.
func (t Team) Name() string {
	if t.Org == "" {
		return t.Slug
	}
	return t.Org + "/" + t.Slug
}

// Entry is one entry of a git tree.
type Entry struct {
	Path string `json:"path"` // relative to the tree that was read
	Mode string `json:"mode"` // git's octal mode: 100644, 100755, 120000 (symlink), 160000 (submodule), 040000 (tree)
	OID  string `json:"oid"`
}

// IsTree and IsRegular tell directories and plain files apart from links and submodules.
func (e Entry) IsTree() bool { return e.Mode == "040000" || e.Mode == "40000" }
func (e Entry) IsRegular() bool {
	return e.Mode == "100644" || e.Mode == "100755" || e.Mode == "100664"
}

// Conversation is what one query tells of a pull request. Truncated names what the host holds more
// of than was read: a decision must not rest on it.
type Conversation struct {
	PullRequest PullRequest `json:"pullRequest"`
	Commits     []Commit    `json:"commits"`
	Reviews     []Review    `json:"reviews"`   // oldest first
	Comments    []Comment   `json:"comments"`  // oldest first
	Requested   []string    `json:"requested"` // reviewers already asked: "login" or "org/slug", lower case
	Checks      []Check     `json:"checks"`    // our own, on the head
	Teams       []Team      `json:"teams"`
	Threads     []Thread    `json:"threads,omitempty"`  // our own
	BaseFiles   []Entry     `json:"baseFiles"`          // at Base.SHA: everything under .lumos, the places of CODEOWNERS, and the entries of each Want.Dirs (paths from the root)
	AuditTip    string      `json:"auditTip,omitempty"` // the commit at the tip of the audit branch; empty when there is none
	Truncated   []string    `json:"truncated,omitempty"`
}

// Want tells Conversation what else to bring along in the same query.
type Want struct {
	Teams []string // "org/slug"; on GitLab also "group", a name that may be a user's as well, and "@developer", a role
	Dirs  []string // directories whose direct entries at Base.SHA are wanted, e.g. "releases"
}

// Changes is the three-dot diff of a pull request.
type Changes struct {
	HeadSHA string `json:"head"` // the head that the diff belongs to: compare it with the conversation's
	Files   []File `json:"files"`
}

// Push is one update of the head branch.
type Push struct {
	Actor Account `json:"actor"`
	After string  `json:"after"`
}

// Reader reads a code host. Blob, Tree and Lookup are of immutable objects and may be cached for
// ever; the others tell the live state. All errors wrap one of the errors below where it applies.
type Reader interface {
	// Conversation reads the live state in one request.
	Conversation(ctx context.Context, ref Ref, want Want) (*Conversation, error)
	// Changes reads the changed files; more than the host lists is ErrTooLarge.
	Changes(ctx context.Context, ref Ref) (*Changes, error)
	// Pushes reads who moved the pull request's head branch, newest first.
	Pushes(ctx context.Context, head Branch, repo Repo) ([]Push, error)
	// Blob reads a blob by object id; more than max bytes is ErrTooLarge.
	Blob(ctx context.Context, repo Repo, oid string, max int64) ([]byte, error)
	// Tree reads the direct entries of a directory at a commit. dir.Path is where it is, from the root;
	// dir.OID is the id of its tree, which the answer must prove. The answer's paths are relative to it.
	Tree(ctx context.Context, repo Repo, commit string, dir Entry) ([]Entry, error)
	// Lookup finds paths at a commit; what is not there is absent from the answer. A path that ends with
	// a slash is that of a folder, and so named in the answer.
	Lookup(ctx context.Context, repo Repo, commit string, paths []string) (map[string]Entry, error)
	// OpenPullRequests lists the open pull requests of a repository.
	OpenPullRequests(ctx context.Context, repo Repo) ([]Ref, error)
	// Repositories lists the repositories that the installation may act on.
	Repositories(ctx context.Context) ([]Repo, error)
}

// Publication is all that one evaluation says on the host: only what changed is in it.
type Publication struct {
	Checks   []CheckWrite
	Comments []CommentWrite // our sticky comment, and replies to commands
	AskUsers []Account      // people to request a review from
	AskTeams []Team         // teams to request a review from
	Threads  []ThreadWrite
}

// Empty reports whether there is nothing to write.
func (p Publication) Empty() bool {
	return len(p.Checks) == 0 && len(p.Comments) == 0 && len(p.AskUsers) == 0 && len(p.AskTeams) == 0 && len(p.Threads) == 0
}

// CheckWrite creates (empty ID) or updates a check run on HeadSHA.
type CheckWrite struct {
	ID          string
	Name        string
	HeadSHA     string
	Status      CheckStatus
	Conclusion  Conclusion // set only when Status is Completed
	ExternalID  string
	Title       string
	Summary     string // Markdown, at most 65,535 bytes
	Text        string // Markdown, at most 65,535 bytes
	DetailsURL  string
	Annotations []Annotation // any number: the adapter sends them in the host's batches
}

// Annotation marks lines of a file in the pull request's diff view.
type Annotation struct {
	Path    string
	Line    int // from 1
	Level   AnnotationLevel
	Title   string
	Message string
}

// AnnotationLevel is one of notice, warning, failure.
type AnnotationLevel string

// The annotation levels.
const (
	LevelNotice  AnnotationLevel = "notice"
	LevelWarning AnnotationLevel = "warning"
	LevelFailure AnnotationLevel = "failure"
)

// CommentWrite creates (empty NodeID) or edits a comment of ours.
type CommentWrite struct {
	NodeID string
	Body   string
}

// ThreadWrite opens a thread on a line (empty NodeID), or resolves or reopens one of ours.
type ThreadWrite struct {
	NodeID  string
	Resolve bool   // of an existing thread: resolve, or reopen
	Path    string // of a new one
	Line    int    // from 1, in the file at the head
	Body    string
}

// Publisher writes what Lumos has to say of a pull request.
type Publisher interface {
	// Publish writes everything in p, in order, in as few requests as possible. What was written
	// before an error stays written: observing again tells what is still missing.
	Publish(ctx context.Context, pr PullRequest, p Publication) error
}

// Merger merges.
type Merger interface {
	// Merge merges pr only if its head is still pr.Head.SHA and returns the merge commit.
	// ErrHeadMoved and ErrNotMergeable tell the two refusals apart.
	Merge(ctx context.Context, pr PullRequest, method, title string) (string, error)
}

// Issue is an issue of the repository that Lumos opened.
type Issue struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
	Body   string `json:"body"` // Markdown
	Open   bool   `json:"open"`
	URL    string `json:"url"`
}

// IssueWrite creates an issue (Number 0) or changes one: title, body and state become as given.
type IssueWrite struct {
	Number int
	Title  string // at most 255 characters: the adapter cuts what is longer
	Body   string // Markdown
	Open   bool
}

// IssueLabel is the label of the issues that Lumos opens.
const IssueLabel = "lumos"

// MaxIssues is how many issues of ours a repository may have.
const MaxIssues = 1000

// Issues is the issue tracker of a repository, as far as Lumos uses it. A repository without one is
// ErrNotFound or ErrForbidden, as the host puts it, as soon as something is written.
type Issues interface {
	// Issues lists the issues that this installation itself opened and labelled IssueLabel, open and
	// closed, newest first, at most MaxIssues; more is ErrTooLarge. Anybody may set a label: what somebody
	// else opened is not listed.
	Issues(ctx context.Context, repo Repo) ([]Issue, error)
	// WriteIssue writes w and returns the issue. A new one is labelled IssueLabel. A Number must be one
	// that Issues gave: whose issue it is is not asked again.
	WriteIssue(ctx context.Context, repo Repo, w IssueWrite) (Issue, error)
}

// Host is everything an adapter offers.
type Host interface {
	Reader
	Publisher
	Merger
	Issues
}
