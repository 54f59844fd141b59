package policy

import (
	"strconv"

	"github.com/lumos-governance/lumos/releases"
)

// Outcome is how one control fared.
type Outcome string

// The outcomes.
const (
	Pass          Outcome = "pass"
	Fail          Outcome = "fail"
	Missing       Outcome = "missing"        // no evidence either way
	NotApplicable Outcome = "not-applicable" // the control's condition is false; Reason says which
	Waived        Outcome = "waived"         // failed or missing, with a valid waiver
	Error         Outcome = "error"          // the policy itself failed: never a pass
)

// Severity weighs a control: critical 10, high 5, medium 2, low 1.
type Severity string

// The severities.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
)

// Conclusion is what the report as a whole says. It is advice to the gate, which decides.
type Conclusion string

// The conclusions, worst first.
const (
	Errored        Conclusion = "error"           // something could not be evaluated: fails closed
	Blocked        Conclusion = "blocked"         // a mandatory control, or any critical one, is open
	NeedsApproval  Conclusion = "needs-approval"  // people must decide
	AutoApprovable Conclusion = "auto-approvable" // nothing in the report asks for a person
)

// Stops reports whether a release with this conclusion cannot go on, whoever approves it.
func (c Conclusion) Stops() bool { return c == Errored || c == Blocked }

// Tenths is a percentage in integer tenths, so that scores are exact; JSON shows 87.4.
type Tenths int

// MarshalJSON prints one decimal: 1000 is 100.0.
func (t Tenths) MarshalJSON() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Tenths) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return err
	}
	*t = Tenths(f*10 + 0.5)
	return nil
}

func (t Tenths) String() string {
	return strconv.Itoa(int(t)/10) + "." + strconv.Itoa(int(t)%10)
}

// Report says how one manifest fares under one policy. It holds no clock reading, host or commit of
// the head: the same manifest, evidence and base give the same bytes wherever they are evaluated.
type Report struct {
	Path    string `json:"path"`
	Model   string `json:"model,omitempty"`
	Version string `json:"version,omitempty"`
	Digest  string `json:"digest,omitempty"` // sha256 of the canonical manifest (RFC 8785); empty when it does not parse
	Policy  string `json:"policy"`           // sha256 of everything that judged: packs, config, lists, waivers

	Conclusion Conclusion `json:"conclusion"`
	Score      *Tenths    `json:"score"`    // null when no control applies
	Coverage   *Tenths    `json:"coverage"` // how much of the applicable weight has evidence either way
	Tier       Tier       `json:"tier"`

	Controls   []Result          `json:"controls"` // in pack order, then by id
	Frameworks []FrameworkScore  `json:"frameworks"`
	Sources    []SourceUse       `json:"sources,omitempty"`  // compliance data from outside the repository
	Notices    []string          `json:"notices,omitempty"`  // what will matter soon, such as a waiver that ends
	Changes    []releases.Change `json:"changes"`            // against the model's previous release
	Previous   string            `json:"previous,omitempty"` // the version that Changes compares with
	Invalid    []releases.Error  `json:"invalid,omitempty"`  // why the manifest could not be read at all
	Problems   []string          `json:"problems,omitempty"` // why the policy itself could not be loaded or trusted
}

// SourceUse records the data of a source that the verdict rests on.
type SourceUse struct {
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"` // sha256 of what was read
	Since  string `json:"since,omitempty"`  // when this very content was first read (RFC 3339)
	Error  string `json:"error,omitempty"`  // why it could not be read
}

// Tier is the risk tier with its grounds.
type Tier struct {
	Effective releases.Tier `json:"effective"` // the higher of the two
	Declared  releases.Tier `json:"declared,omitempty"`
	Derived   releases.Tier `json:"derived"`
	Reason    string        `json:"reason"` // names the factor that sets it
}

// Result is one control's outcome.
type Result struct {
	ID          string              `json:"id"`
	Pack        string              `json:"pack"`
	Title       string              `json:"title"`
	Severity    Severity            `json:"severity"`
	Mandatory   bool                `json:"mandatory"` // for this manifest: conditional modes are resolved
	Outcome     Outcome             `json:"outcome"`
	Reason      string              `json:"reason,omitempty"` // why not applicable, waived or errored
	Findings    []Finding           `json:"findings,omitempty"`
	Remediation string              `json:"remediation,omitempty"` // set when there is something to do
	References  map[string][]string `json:"references,omitempty"`  // framework → ids
	Waiver      *WaiverUse          `json:"waiver,omitempty"`
	Unwaived    Outcome             `json:"unwaived,omitempty"` // what a waived control would be without its waiver

	EffectiveFrom string `json:"effectiveFrom,omitempty"` // date; set while the control does not count yet
}

// Open reports whether the control stands in the way: mandatory or critical, and not passed.
func (r Result) Open() bool {
	return (r.Outcome == Fail || r.Outcome == Missing) && (r.Mandatory || r.Severity == Critical)
}

// Finding is one thing found, at its place in the manifest.
type Finding struct {
	Message string `json:"message"`
	Pointer string `json:"pointer,omitempty"` // RFC 6901
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Fix     *Fix   `json:"fix,omitempty"` // set where only one value can be right
}

// Fix is the value that Pointer should have. It is mechanical: no judgement is in it.
type Fix struct {
	Pointer string `json:"pointer"` // of a scalar that is there
	Value   string `json:"value"`   // as YAML writes it
	// The place of the scalar in the manifest, on one line.
	Line   int `json:"line"`
	Column int `json:"column"`
}

// WaiverUse names the waiver that was applied.
type WaiverUse struct {
	Path      string `json:"path"`
	ExpiresAt string `json:"expiresAt"`
	Reason    string `json:"reason"`
}

// FrameworkScore is the same score over the controls that cite one framework.
type FrameworkScore struct {
	Framework  string   `json:"framework"`
	Title      string   `json:"title,omitempty"`
	Edition    string   `json:"edition,omitempty"`
	Unverified []string `json:"unverified,omitempty"` // cited ids that were not compared with its text
	Score      *Tenths  `json:"score"`
	Coverage   *Tenths  `json:"coverage"`
	Controls   int      `json:"controls"` // applicable ones
	Open       int      `json:"open"`
}

// Count returns how many controls have the outcome.
func (r *Report) Count(o Outcome) int {
	n := 0
	for i := range r.Controls {
		if r.Controls[i].Outcome == o {
			n++
		}
	}
	return n
}

// CriticalGaps returns the critical controls that failed or lack evidence, without a waiver.
func (r *Report) CriticalGaps() []Result {
	var out []Result
	for _, c := range r.Controls {
		if c.Severity == Critical && (c.Outcome == Fail || c.Outcome == Missing) {
			out = append(out, c)
		}
	}
	return out
}
