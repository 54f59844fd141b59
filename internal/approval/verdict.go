package approval

import (
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/releases"
)

// State is what the gate shows.
type State string

// The gate's states. Only Approved and NotGoverned let a merge through.
const (
	Approved    State = "approved"     // the decision to release is complete
	Waiting     State = "waiting"      // people or facts are missing; shown as an unfinished check
	Refused     State = "refused"      // the answer is no until something changes
	NotGoverned State = "not-governed" // nothing in this pull request is Lumos's business
)

// Kind says what a pull request is to Lumos.
type Kind string

// The kinds of change.
const (
	KindRelease    Kind = "release"    // adds or changes release manifests
	KindGovernance Kind = "governance" // touches .lumos or CODEOWNERS, so its owners must agree
	KindOther      Kind = "other"
)

// Verdict is the decision on one pull request, with a reason at every node.
type Verdict struct {
	Kind    Kind          `json:"kind"`
	State   State         `json:"state"`
	Summary string        `json:"summary"` // one line: what it waits for, or why it is refused
	Tier    releases.Tier `json:"tier,omitempty"`
	Subject string        `json:"subject"` // the digest that an approval binds to
	Policy  string        `json:"policy"`
	Head    string        `json:"head"`
	Base    string        `json:"base"`

	Reasons  []Node   `json:"reasons"`  // every condition of the gate, met or not, in order of importance
	Votes    []Vote   `json:"votes"`    // every vote and command that was seen
	Excluded []Barred `json:"excluded"` // who cannot approve this change, and why
	Ask      []Ask    `json:"ask"`      // who must still act
	Merge    bool     `json:"merge"`    // config asks Lumos to merge once approved, and nothing stands in the way
	Method   string   `json:"method,omitempty"`
	Paused   bool     `json:"paused"` // a critical gap, or a hold, stops everything until a person acts
}

// Node is one condition with its outcome and what it rests on.
type Node struct {
	ID       string `json:"id"` // a stable slug: "compliance", "owners", "quorum:high", "hold", …
	Title    string `json:"title"`
	Met      bool   `json:"met"`
	Blocking bool   `json:"blocking,omitempty"` // not met is a refusal, not a wait
	Detail   string `json:"detail"`             // why, and what would change it
	Children []Node `json:"children,omitempty"`
}

// Action is what a vote says.
type Action string

// The actions that a review or a command can carry.
const (
	ActApprove Action = "approve"
	ActReject  Action = "reject"          // blocks until the voter approves what is there then, in the same channel
	ActChanges Action = "request-changes" // the same; a review's is also lifted when the review is dismissed
	ActHold    Action = "hold"
	ActResume  Action = "resume"

	ActDismissed Action = "dismissed" // a review that was withdrawn, or dismissed by a maintainer
)

// Vote is one review or command, counted or ignored, with the reason.
type Vote struct {
	ID      string        `json:"id"` // "review:81", "comment:7"
	By      forge.Account `json:"by"`
	Action  Action        `json:"action"`
	Text    string        `json:"text,omitempty"` // the reason that was given, as written
	Commit  string        `json:"commit,omitempty"`
	Bound   string        `json:"bound,omitempty"` // the subject digest it is bound to
	Counted bool          `json:"counted"`
	Reason  string        `json:"reason"` // "owner of releases/**", "ignored: wrote a commit of this change", …
	URL     string        `json:"url,omitempty"`
}

// Barred is a contributor, who therefore cannot approve.
type Barred struct {
	Account forge.Account `json:"account"`
	Because []string      `json:"because"` // "opened the pull request", "author of 1a2b3c4", "pushed 1a2b3c4", "named in metadata.authors"
}

// Ask is somebody who must still act.
type Ask struct {
	Who  []string `json:"who"` // "@login" or "@org/team"; any one of them will do
	Why  string   `json:"why"`
	Need int      `json:"need"` // how many of them
}
