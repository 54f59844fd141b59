package policy

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/releases"
)

//go:embed schema/waiver.schema.json
var waiverSchemaSource []byte

var waiverSchema = document.MustCompile("waiver", waiverSchemaSource)

// WaiverSchema returns the JSON Schema (draft 2020-12) of a waiver.
func WaiverSchema() []byte { return slices.Clone(waiverSchemaSource) }

// longest is how long a waiver may last, by the severity of the control.
var longest = map[Severity]int{Critical: 14, High: 30, Medium: 90, Low: 180} // days

// neverWaived are the controls that no waiver can cover: a prohibited use, an approver who is an
// author, and waivers themselves.
var neverWaived = []string{"GOV-02", "GOV-08", "GOV-14"}

// waiver excuses named controls of one model for a limited time.
type waiver struct {
	APIVersion   string    `json:"apiVersion"`
	Kind         string    `json:"kind"`
	Controls     []string  `json:"controls"`
	Scope        scope     `json:"scope"`
	Reason       string    `json:"reason"`
	Compensating []string  `json:"compensating"`
	RequestedBy  string    `json:"requestedBy"`
	ApprovedBy   []string  `json:"approvedBy"`
	Ticket       string    `json:"ticket"`
	CreatedAt    time.Time `json:"createdAt"`
	ExpiresAt    time.Time `json:"expiresAt"`
	path         string    // where it lies
	unreadable   []string  // why it could not be read; nothing else is known then
}

// scope says which releases a waiver is meant for; an empty list means all.
type scope struct {
	Model    string          `json:"model"`
	Versions []string        `json:"versions"`
	Tiers    []releases.Tier `json:"tiers"`
}

// parseWaiver reads a waiver. One that cannot be read is kept, as a problem of every release: nobody
// can tell which it was meant for.
func parseWaiver(f File) *waiver {
	w := &waiver{path: f.Path}
	if f.Err != "" {
		w.unreadable = []string{"it could not be read: " + f.Err}
		return w
	}
	doc, errs := document.Parse(f.Path, f.Data, waiverSchema)
	for _, e := range errs {
		w.unreadable = append(w.unreadable, fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message))
	}
	if errs == nil {
		if err := doc.Decode(w); err != nil {
			w.unreadable = []string{err.Error()}
		}
	}
	return w
}

// concerns tells whether the waiver is meant for this release.
func (w *waiver) concerns(model, version string, tier releases.Tier) bool {
	return w.unreadable != nil || w.Scope.Model == model &&
		(len(w.Scope.Versions) == 0 || slices.Contains(w.Scope.Versions, version)) &&
		(len(w.Scope.Tiers) == 0 || slices.Contains(w.Scope.Tiers, tier))
}

// problems says why the waiver does not count at now, in absolute dates; it is empty for a valid one.
func (w *waiver) problems(severities map[string]Severity, now time.Time) []string {
	if w.unreadable != nil {
		return w.unreadable
	}
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, id := range w.Controls {
		severity, known := severities[id]
		switch {
		case slices.Contains(neverWaived, id):
			add("%s can never be waived", id)
		case !known:
			add("no selected pack has a control %s", id)
		default:
			if last := w.CreatedAt.AddDate(0, 0, longest[severity]); w.ExpiresAt.After(last) {
				add("it lasts too long: %s is %s, which can be waived for %d days, until %s", id, severity, longest[severity], day(last))
			}
		}
	}
	if w.CreatedAt.After(now) {
		add("it is dated %s, which has not come yet", w.CreatedAt.Format(time.RFC3339))
	}
	if !w.ExpiresAt.After(w.CreatedAt) {
		add("it ends (%s) before it begins (%s)", w.ExpiresAt.Format(time.RFC3339), w.CreatedAt.Format(time.RFC3339))
	} else if !w.ExpiresAt.After(now) {
		add("it expired on %s", w.ExpiresAt.Format(time.RFC3339))
	}
	if slices.ContainsFunc(w.ApprovedBy, func(by string) bool { return account(by) == account(w.RequestedBy) }) {
		add("%s requested it and cannot approve it", w.RequestedBy)
	}
	return out
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// account is the name that a host compares: without case and without the leading @.
func account(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "@"))
}

// concern is a waiver that is meant for the release at hand, with what is wrong with it.
type concern struct {
	*waiver
	problems []string
}

// concerning selects the waivers that are meant for a release, in the order of their paths.
func concerning(waivers []*waiver, severities map[string]Severity, model, version string, tier releases.Tier, now time.Time) []concern {
	var out []concern
	for _, w := range waivers {
		if w.concerns(model, version, tier) {
			out = append(out, concern{w, w.problems(severities, now)})
		}
	}
	return out
}

// waive applies the waivers to a result: the valid one that lasts longest turns a failed or missing
// control into a waived one. An invalid one only leaves its reason.
func waive(r Result, concerns []concern) Result {
	if r.Outcome != Fail && r.Outcome != Missing {
		return r
	}
	var best *waiver
	for _, c := range concerns {
		if !slices.Contains(c.Controls, r.ID) {
			continue
		}
		if len(c.problems) > 0 {
			r.Reason = fmt.Sprintf("the waiver %s does not count: %s", c.path, strings.Join(c.problems, "; "))
		} else if best == nil || c.ExpiresAt.After(best.ExpiresAt) {
			best = c.waiver
		}
	}
	if best == nil {
		return r
	}
	expires := best.ExpiresAt.UTC().Format(time.RFC3339)
	r.Unwaived, r.Outcome = r.Outcome, Waived
	r.Waiver = &WaiverUse{Path: best.path, ExpiresAt: expires, Reason: clean(best.Reason)}
	r.Reason = fmt.Sprintf("waived until %s by %s", expires, best.path)
	return r
}
