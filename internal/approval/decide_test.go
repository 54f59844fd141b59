package approval

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	headSHA  = "1a2b3c4d5e6f708192a3b4c5d6e7f80910213243"
	otherSHA = "ffffffffffffffffffffffffffffffffffffffff"
	baseSHA  = "00000000000000000000000000000000000000ba"
	manifest = "releases/fraud/2.3.0.yaml"
	policyID = "sha256:9999999999999999999999999999999999999999999999999999999999999999"
)

// The cast. ana opened the pull request and wrote it; bob owns releases, with carol and dan as the
// team acme/models; rita is in acme/model-risk; eve is a stranger, robo a machine.
var (
	ana     = forge.Account{ID: 1, Login: "ana", Kind: forge.User}
	bob     = forge.Account{ID: 2, Login: "Bob", Kind: forge.User}
	carol   = forge.Account{ID: 3, Login: "carol", Kind: forge.User}
	dan     = forge.Account{ID: 4, Login: "dan", Kind: forge.User}
	rita    = forge.Account{ID: 5, Login: "rita", Kind: forge.User}
	eve     = forge.Account{ID: 6, Login: "eve", Kind: forge.User}
	robo    = forge.Account{ID: 7, Login: "robo[bot]", Kind: forge.Bot}
	olga    = forge.Account{ID: 8, Login: "olga", Kind: forge.User} // owns .lumos
	nobody  = forge.Account{Login: "ghost", Kind: forge.Unknown}
	started = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
)

const codeowners = `* @fallback
/releases/ @bob @acme/models
/.lumos/ @olga
/.github/ @olga
`

// world is a pull request that changes one release of the medium tier and lacks only an approval.
func world() *Input {
	cfg := config.Default()
	cfg.Approval[releases.TierLow] = config.Rule{Auto: true}
	cfg.Approval[releases.TierHigh] = config.Rule{All: []config.Need{{Codeowners: true}, {Team: "acme/model-risk", Count: 2}}}
	return &Input{
		Policy: policyID,
		Config: cfg,
		Now:    started.Add(48 * time.Hour),
		Reports: []policy.Report{{
			Path: manifest, Policy: policyID, Conclusion: policy.NeedsApproval, Score: tenthsOf(874), Coverage: tenthsOf(960),
			Tier: policy.Tier{Effective: releases.TierMedium, Derived: releases.TierMedium},
		}},
		Snapshot: &forge.Snapshot{
			PullRequest: forge.PullRequest{
				Ref: forge.Ref{Repo: forge.Repo{Host: "github.com", ID: 9, Owner: "acme", Name: "models"}, Number: 12}, State: forge.Open,
				Author: ana, Head: forge.Branch{Ref: "fraud-2.3.0", SHA: headSHA}, Base: forge.Branch{Ref: "main", SHA: baseSHA}, Mergeable: forge.MergeClean,
			},
			Files:      []forge.File{{Path: manifest, Status: forge.Added, Blob: "b10b"}},
			Commits:    []forge.Commit{{SHA: headSHA, Parents: []string{baseSHA}, Authors: []forge.Account{ana}, Committer: ana}},
			Pushes:     []forge.Push{{Actor: ana, After: headSHA}},
			AuditTip:   "a0d17",
			Codeowners: forge.Blob{Path: ".github/CODEOWNERS", OID: "c0de", Data: []byte(codeowners)},
			Teams: []forge.Team{
				{ID: 70, Org: "acme", Slug: "models", Members: []forge.Account{carol, dan}},
				{ID: 71, Org: "acme", Slug: "model-risk", Members: []forge.Account{rita, dan, ana}},
			},
		},
	}
}

func tenthsOf(n int) *policy.Tenths { t := policy.Tenths(n); return &t }

// Times follow ids, one minute each.
func (in *Input) review(id int64, by forge.Account, state forge.ReviewState, commit string) *Input {
	in.Snapshot.Reviews = append(in.Snapshot.Reviews, forge.Review{
		ID: id, Author: by, State: state, CommitSHA: commit, SubmittedAt: started.Add(time.Duration(id) * time.Minute)})
	return in
}

func (in *Input) comment(id int64, by forge.Account, body string) *Input {
	in.Snapshot.Comments = append(in.Snapshot.Comments, forge.Comment{
		ID: id, Author: by, Body: body, CreatedAt: started.Add(time.Duration(id) * time.Minute)})
	return in
}

func (in *Input) approve(id int64, by forge.Account) *Input {
	return in.review(id, by, forge.ReviewApproved, headSHA)
}

// report puts our gate check on the head, as after an evaluation.
func (in *Input) report(subject string) *Input {
	in.Snapshot.Checks = []forge.Check{{ID: "1", Name: forge.GateCheck, HeadSHA: headSHA, Status: forge.InProgress,
		ExternalID: forge.ExternalID(subject, "sha256:c0"), StartedAt: started}}
	return in
}

func (in *Input) reported() *Input { return in.report(Subject(in.Snapshot, in.Policy)) }

func (in *Input) record(ids ...string) *Input {
	for _, id := range ids {
		in.Snapshot.Recorded = append(in.Snapshot.Recorded, forge.RecordedVote{ID: id, Subject: Subject(in.Snapshot, in.Policy)})
	}
	return in
}

func (in *Input) edit(f func(*Input)) *Input { f(in); return in }

func (in *Input) tier(t releases.Tier) *Input { in.Reports[0].Tier.Effective = t; return in }

func node(v Verdict, id string) *Node {
	var find func([]Node) *Node
	find = func(nodes []Node) *Node {
		for i := range nodes {
			if nodes[i].ID == id {
				return &nodes[i]
			}
			if n := find(nodes[i].Children); n != nil {
				return n
			}
		}
		return nil
	}
	return find(v.Reasons)
}

func vote(v Verdict, id string) *Vote {
	for i := range v.Votes {
		if v.Votes[i].ID == id {
			return &v.Votes[i]
		}
	}
	return nil
}

// want says what a verdict must hold.
type want struct {
	state   State
	unmet   string // id of a condition that is not met
	says    string // in its detail; or in the summary when unmet is empty
	ignored string // id of a vote that is not counted
	because string // in that vote's reason
}

func check(t *testing.T, in *Input, w want) {
	t.Helper()
	v := Decide(*in)
	if v.State != w.state {
		t.Errorf("state %q, want %q\n%s", v.State, w.state, Explain(v))
	}
	if w.unmet != "" {
		if n := node(v, w.unmet); n == nil || n.Met || !strings.Contains(n.Detail, w.says) {
			t.Errorf("condition %q: %+v, want it not met and saying %q\n%s", w.unmet, n, w.says, Explain(v))
		}
	} else if !strings.Contains(v.Summary, w.says) {
		t.Errorf("summary %q, want it to say %q", v.Summary, w.says)
	}
	if w.ignored != "" {
		if b := vote(v, w.ignored); b == nil || b.Counted || !strings.Contains(b.Reason, w.because) {
			t.Errorf("vote %q: %+v, want it ignored because %q", w.ignored, b, w.because)
		}
	}
	if v.Merge && v.State != Approved {
		t.Errorf("asks to merge while %s", v.State)
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in *Input
		want
	}{
		"no vote yet":           {world(), want{state: Waiting, unmet: "owners:2", says: "waiting for @bob or @acme/models"}},
		"owner approves":        {world().approve(1, bob), want{state: Approved, says: "medium tier by @Bob"}},
		"team member approves":  {world().approve(1, carol), want{state: Approved, says: "@carol"}},
		"command after report":  {world().reported().comment(1, bob, "/lumos approve"), want{state: Approved}},
		"command with commit":   {world().comment(1, bob, "/lumos approve 1a2b3c4"), want{state: Approved}},
		"stranger approves":     {world().approve(1, eve), want{state: Waiting, ignored: "review:1", because: "neither an owner"}},
		"owner of another path": {world().approve(1, olga), want{state: Waiting, ignored: "review:1", because: "neither an owner"}},
		"owner objects":         {world().approve(1, bob).review(2, carol, forge.ReviewChangesRequested, otherSHA), want{state: Refused, unmet: "objections", says: "@carol"}},
		"objection by command":  {world().approve(1, bob).comment(2, carol, "/lumos reject wrong data"), want{state: Refused, unmet: "objections", says: "@carol"}},
		"stranger objects":      {world().approve(1, bob).review(2, eve, forge.ReviewChangesRequested, headSHA), want{state: Approved, ignored: "review:2", because: "neither"}},
		"objection lifted":      {world().review(1, bob, forge.ReviewChangesRequested, headSHA).approve(2, bob), want{state: Approved, ignored: "review:1", because: "lifted by review:2"}},
		"objection dismissed":   {world().review(1, carol, forge.ReviewDismissed, headSHA).approve(2, bob), want{state: Approved}},
		"approval dismissed":    {world().review(1, bob, forge.ReviewDismissed, headSHA), want{state: Waiting, ignored: "review:1", because: "dismissed"}},
		"later one dismissed":   {world().approve(1, bob).review(2, bob, forge.ReviewDismissed, headSHA), want{state: Waiting, ignored: "review:1", because: "dismissed"}},
		"comment keeps vote":    {world().approve(1, bob).review(2, bob, forge.ReviewCommented, headSHA), want{state: Approved}},
		"stale approval lifts no objection": {world().review(1, bob, forge.ReviewChangesRequested, otherSHA).review(2, bob, forge.ReviewApproved, otherSHA).approve(3, carol),
			want{state: Refused, unmet: "objections", ignored: "review:2", because: "the head is"}},
		"other channel lifts no objection": {world().reported().comment(1, bob, "/lumos reject no").approve(2, bob).approve(3, carol),
			want{state: Refused, unmet: "objections", ignored: "review:2", because: "objects in comment:1"}},
		"same channel lifts it": {world().reported().comment(1, bob, "/lumos reject no").comment(2, bob, "/lumos approve"), want{state: Approved}},
		"takes approval back":   {world().approve(1, bob).review(2, bob, forge.ReviewChangesRequested, headSHA), want{state: Refused, ignored: "review:1", because: "taken back"}},

		"held by its author":        {world().approve(1, bob).comment(2, ana, "/lumos hold the data team calls"), want{state: Waiting, unmet: "hold", says: "@ana"}},
		"held by a stranger":        {world().approve(1, bob).comment(2, eve, "/lumos hold"), want{state: Approved, ignored: "comment:2", because: "only the author"}},
		"resumed by the same":       {world().approve(1, bob).comment(2, ana, "/lumos hold").comment(3, ana, "/lumos resume"), want{state: Approved}},
		"resumed by an owner":       {world().approve(1, bob).comment(2, ana, "/lumos hold").comment(3, carol, "/lumos resume"), want{state: Approved}},
		"resumed by a contributor":  {world().approve(1, bob).comment(2, carol, "/lumos hold").comment(3, ana, "/lumos resume"), want{state: Waiting, unmet: "hold"}},
		"resumed before it is held": {world().approve(1, bob).comment(2, ana, "/lumos resume").comment(3, ana, "/lumos hold"), want{state: Waiting, unmet: "hold"}},

		"draft":                 {world().approve(1, bob).edit(func(in *Input) { in.Snapshot.PullRequest.Draft = true }), want{state: Waiting, unmet: "open", says: "draft"}},
		"draft with gaps":       {world().edit(func(in *Input) { in.Snapshot.PullRequest.Draft = true; blocked(in) }), want{state: Waiting, unmet: "compliance"}},
		"closed":                {world().approve(1, bob).edit(func(in *Input) { in.Snapshot.PullRequest.State = forge.Closed }), want{state: Waiting, unmet: "open", says: "closed"}},
		"merged":                {world().approve(1, bob).edit(func(in *Input) { in.Snapshot.PullRequest.State = forge.Merged }), want{state: Approved}},
		"gaps":                  {world().approve(1, bob).edit(blocked), want{state: Refused, unmet: "compliance", says: "1 control stands in the way: DOC-02"}},
		"critical gap pauses":   {world().tier(releases.TierCritical).edit(blocked).edit(func(in *Input) { in.Reports[0].Controls[0].Severity = policy.Critical }), want{state: Refused, unmet: "pause", says: "DOC-02"}},
		"policy error":          {world().approve(1, bob).edit(func(in *Input) { in.Reports[0].Conclusion = policy.Errored }), want{state: Refused, unmet: "compliance", says: "could not be evaluated"}},
		"approvable with a gap": {world().approve(1, bob).edit(blocked).edit(func(in *Input) { in.Reports[0].Conclusion = policy.AutoApprovable }), want{state: Refused, unmet: "compliance", says: "DOC-02"}},
		"approvable with an error": {world().approve(1, bob).edit(blocked).edit(func(in *Input) {
			in.Reports[0].Conclusion, in.Reports[0].Controls[0].Outcome = policy.AutoApprovable, policy.Error
		}), want{state: Refused, unmet: "compliance", says: "could not be evaluated: DOC-02"}},
		"unknown conclusion": {world().approve(1, bob).edit(func(in *Input) { in.Reports[0].Conclusion = "" }), want{state: Refused, unmet: "compliance", says: "could not be evaluated"}},
		"no report":          {world().approve(1, bob).edit(func(in *Input) { in.Reports = nil }), want{state: Refused, unmet: "compliance", says: "not evaluated"}},
		"another policy":     {world().approve(1, bob).edit(func(in *Input) { in.Reports[0].Policy = "sha256:old" }), want{state: Refused, unmet: "compliance", says: "another policy"}},
		"broken config":      {world().approve(1, bob).edit(func(in *Input) { in.Config, in.Problems = nil, []string{"config.yaml:1:1: no"} }), want{state: Refused, unmet: "policy", says: "config.yaml:1:1"}},
		"no config":          {world().approve(1, bob).edit(func(in *Input) { in.Config = nil }), want{state: Refused, unmet: "policy"}},
		"broken policy":      {world().approve(1, bob).edit(func(in *Input) { in.Problems = []string{"pack x"} }), want{state: Refused, unmet: "policy", says: "pack x"}},

		"tier high lacks the team":   {world().tier(releases.TierHigh).approve(1, bob), want{state: Waiting, unmet: "team:acme/model-risk", says: "0 of 2 approvals; waiting for @acme/model-risk"}},
		"tier high, one of two":      {world().tier(releases.TierHigh).approve(1, bob).approve(2, rita), want{state: Waiting, unmet: "team:acme/model-risk", says: "1 of 2 approvals"}},
		"tier high, both":            {world().tier(releases.TierHigh).approve(1, bob).approve(2, rita).approve(3, dan), want{state: Approved, says: "high tier by @Bob, @dan and @rita"}},
		"one person, both channels":  {world().tier(releases.TierHigh).reported().approve(1, bob).approve(2, rita).comment(3, rita, "/lumos approve"), want{state: Waiting, unmet: "team:acme/model-risk", says: "1 of 2"}},
		"too few in the team":        {world().tier(releases.TierHigh).edit(func(in *Input) { in.Snapshot.Teams[1].Members = []forge.Account{rita, ana} }), want{state: Refused, unmet: "team:acme/model-risk", says: "only 1 can"}},
		"two owners wanted":          {world().approve(1, bob).edit(func(in *Input) { in.Config.Approval[releases.TierMedium].Any[0].Count = 2 }), want{state: Waiting, unmet: "owners:2", says: "1 of 2"}},
		"ticket alone":               {world().approve(1, bob).edit(func(in *Input) { in.Config.Approval[releases.TierMedium] = ruleAll(config.Need{Ticket: true}) }), want{state: Refused, unmet: "ticket", says: "no service desk"}},
		"no rule for the tier":       {world().approve(1, bob).edit(func(in *Input) { delete(in.Config.Approval, releases.TierMedium) }), want{state: Refused, unmet: "quorum:medium", says: "no approval rule"}},
		"a rule that asks nobody":    {world().edit(func(in *Input) { in.Config.Approval[releases.TierMedium] = config.Rule{} }), want{state: Waiting, unmet: "codeowners"}},
		"an empty need":              {world().approve(1, bob).edit(func(in *Input) { in.Config.Approval[releases.TierMedium] = ruleAll(config.Need{}) }), want{state: Refused, unmet: "need"}},
		"auto never above low":       {world().edit(func(in *Input) { in.Config.Approval[releases.TierMedium] = config.Rule{Auto: true} }).edit(routine), want{state: Waiting, unmet: "quorum:medium", says: "only the low tier"}},
		"auto":                       {world().tier(releases.TierLow).edit(routine), want{state: Approved, says: "automatically"}},
		"auto, objection":            {world().tier(releases.TierLow).edit(routine).comment(1, bob, "/lumos reject no"), want{state: Refused, unmet: "objections"}},
		"auto, report asks":          {world().tier(releases.TierLow).edit(routine).edit(func(in *Input) { in.Reports[0].Conclusion = policy.NeedsApproval }), want{state: Waiting, unmet: "quorum:low", says: "the report asks"}},
		"auto, nothing known":        {world().tier(releases.TierLow).edit(routine).edit(func(in *Input) { in.Routine = nil }), want{state: Waiting, unmet: "quorum:low", says: "not declared as a patch"}},
		"auto, inferred":             {world().tier(releases.TierLow).edit(routine).edit(func(in *Input) { in.Routine[0].Confirmed = false }), want{state: Waiting, unmet: "quorum:low", says: "inferred"}},
		"auto, long ago":             {world().tier(releases.TierLow).edit(routine).edit(func(in *Input) { in.Now = in.Now.Add(routineAge) }), want{state: Waiting, unmet: "quorum:low", says: "180 days"}},
		"auto, approved in future":   {world().tier(releases.TierLow).edit(routine).edit(func(in *Input) { in.Now = time.Time{} }), want{state: Waiting, unmet: "quorum:low", says: "180 days"}},
		"auto, first release":        {world().tier(releases.TierLow).edit(routine).edit(func(in *Input) { in.Reports[0].Previous = "" }), want{state: Waiting, unmet: "quorum:low", says: "first release"}},
		"auto, another file removed": {world().tier(releases.TierLow).edit(routine).edit(remove("releases/fraud/1.0.0.yaml")), want{state: Waiting, unmet: "quorum:high"}},

		"other":                       {world().edit(func(in *Input) { in.Snapshot.Files[0].Path = "src/a.go" }), want{state: NotGoverned}},
		"other, long conversation":    {world().edit(func(in *Input) { in.Snapshot.Files[0].Path = "src/a.go"; in.Snapshot.Truncated = []string{"comments"} }), want{state: NotGoverned}},
		"other, broken config":        {world().edit(func(in *Input) { in.Snapshot.Files[0].Path = "src/a.go"; in.Problems = []string{"x"} }), want{state: Refused}},
		"governance lacks its owners": {world().approve(1, bob).edit(also(".lumos/config.yaml")), want{state: Waiting, unmet: "owners:3", says: "@olga"}},
		"removal is high":             {world().edit(func(in *Input) { in.Snapshot.Files[0].Status, in.Reports = forge.Removed, nil }).approve(1, bob), want{state: Waiting, unmet: "quorum:high"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, tc.in, tc.want)
		})
	}
}

func ruleAll(needs ...config.Need) config.Rule { return config.Rule{All: needs} }

func blocked(in *Input) {
	in.Reports[0].Conclusion = policy.Blocked
	in.Reports[0].Controls = []policy.Result{{ID: "DOC-02", Title: "Intended purpose stated", Severity: policy.High, Mandatory: true, Outcome: policy.Missing,
		Findings: []policy.Finding{{Message: "spec.intendedUse.purpose is absent"}}, Remediation: "Write purpose and users"}}
}

func routine(in *Input) {
	in.Reports[0].Conclusion, in.Reports[0].Previous = policy.AutoApprovable, "2.2.9"
	in.Routine = []Routine{{Path: manifest, Change: "patch", Confirmed: true, ApprovedAt: started}}
}

func also(path string) func(*Input) {
	return func(in *Input) {
		in.Snapshot.Files = append(in.Snapshot.Files, forge.File{Path: path, Status: forge.Modified, Blob: "a150"})
	}
}

// alone is also, with nothing else in the pull request that is governed.
func alone(path string) func(*Input) {
	return func(in *Input) {
		in.Snapshot.Files, in.Snapshot.Manifests, in.Reports = nil, nil, nil
		also(path)(in)
	}
}

func remove(path string) func(*Input) {
	return func(in *Input) {
		in.Snapshot.Files = append(in.Snapshot.Files, forge.File{Path: path, Status: forge.Removed, Blob: "601e"})
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file forge.File
		want Kind
	}{
		"manifest":         {forge.File{Path: manifest, Status: forge.Added}, KindRelease},
		"manifest removed": {forge.File{Path: manifest, Status: forge.Removed}, KindRelease},
		"renamed away":     {forge.File{Path: "old.yaml", Previous: manifest, Status: forge.Renamed}, KindRelease},
		"copied from":      {forge.File{Path: "old.yaml", Previous: manifest, Status: forge.Copied}, KindOther},
		"config":           {forge.File{Path: ".lumos/config.yaml", Status: forge.Modified}, KindGovernance},
		"the folder":       {forge.File{Path: ".lumos", Status: forge.Added}, KindGovernance},
		"code owners":      {forge.File{Path: "docs/CODEOWNERS", Status: forge.Added}, KindGovernance},
		"policy moved out": {forge.File{Path: "x.rego", Previous: ".lumos/policies/x.rego", Status: forge.Renamed}, KindGovernance},
		"other":            {forge.File{Path: "releases/README.md", Status: forge.Added}, KindOther},
		"disguised":        {forge.File{Path: "Releases/fraud/2.yaml", Status: forge.Added}, KindRelease},
		"disguised owners": {forge.File{Path: "docs/codeowners", Status: forge.Added}, KindGovernance},
	}
	for name, tc := range tests {
		in := world()
		in.Snapshot.Files = []forge.File{tc.file}
		if got := Decide(*in).Kind; got != tc.want {
			t.Errorf("%s: kind %q, want %q", name, got, tc.want)
		}
	}
}

func TestAskAndMerge(t *testing.T) {
	t.Parallel()
	auto := func(in *Input) { in.Config.Merge.Auto = true }
	tests := map[string]struct {
		in    *Input
		ask   []Ask
		merge bool
	}{
		"owners":          {world(), []Ask{{Who: []string{"@bob", "@acme/models"}, Why: "owners of /releases/ (line 2)", Need: 1}}, false},
		"without barred":  {world().edit(func(in *Input) { in.Snapshot.Commits[0].Authors = []forge.Account{ana, bob} }), []Ask{{Who: []string{"@acme/models"}, Why: "owners of /releases/ (line 2)", Need: 1}}, false},
		"the team":        {world().tier(releases.TierHigh).approve(1, bob).approve(2, rita), []Ask{{Who: []string{"@acme/model-risk"}, Why: "team acme/model-risk", Need: 1}}, false},
		"who objects":     {world().approve(1, bob).comment(2, carol, "/lumos reject no"), []Ask{{Who: []string{"@carol"}, Why: "objected, and has not approved what is there now", Need: 1}}, false},
		"not with gaps":   {world().edit(blocked), []Ask{}, false},
		"not for a draft": {world().edit(func(in *Input) { in.Snapshot.PullRequest.Draft = true }), []Ask{}, false},
		"not when held":   {world().comment(1, ana, "/lumos hold"), []Ask{}, false},
		"approved":        {world().approve(1, bob), []Ask{}, false},
		"merge":           {world().edit(auto).approve(1, bob), []Ask{}, true},
		"conflict":        {world().edit(auto).approve(1, bob).edit(func(in *Input) { in.Snapshot.PullRequest.Mergeable = forge.MergeConflict }), []Ask{}, false},
		"merged already":  {world().edit(auto).approve(1, bob).edit(func(in *Input) { in.Snapshot.PullRequest.State = forge.Merged }), []Ask{}, false},
		"other":           {world().edit(auto).edit(func(in *Input) { in.Snapshot.Files[0].Path = "a" }), []Ask{}, false},
	}
	for name, tc := range tests {
		v := Decide(*tc.in)
		if diff := cmp.Diff(tc.ask, v.Ask); diff != "" {
			t.Errorf("%s: ask (-want +got):\n%s", name, diff)
		}
		if v.Merge != tc.merge || tc.merge && v.Method != "squash" {
			t.Errorf("%s: merge %v %q", name, v.Merge, v.Method)
		}
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	tests := map[string]*Input{
		"waiting":  world(),
		"approved": world().tier(releases.TierHigh).reported().approve(1, bob).comment(2, rita, "/lumos approve 1a2b3c4d").approve(3, dan).approve(4, ana).approve(5, eve),
		"refused":  world().edit(blocked).approve(1, robo).comment(2, carol, "/lumos reject the numbers\u202e are of another model").edit(also(".lumos/config.yaml")),
		"deceived": world().edit(also("releases/a\nm/1.yaml")).edit(func(in *Input) {
			in.Snapshot.Commits[0].Authors = append(in.Snapshot.Commits[0].Authors, nobody)
			in.Authors = []string{"@bob", "zoe"}
			in.Snapshot.Codeowners.Data = []byte("/releases/ @bob ops@example.com @acme/gone\n!x @y\n")
		}),
		"other": world().edit(func(in *Input) { in.Snapshot.Files[0].Path = "README.md" }),
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := Decide(*in)
			b, err := json.MarshalIndent(v, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", string(b)+"\n")
			golden(t, name+".txt", Explain(v))
			var again Verdict
			if err := json.Unmarshal(b, &again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v, again); diff != "" {
				t.Errorf("the JSON loses something (-want +got):\n%s", diff)
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if diff := cmp.Diff(string(b), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func BenchmarkDecide(b *testing.B) {
	in := world().tier(releases.TierHigh).reported()
	for i := range int64(20) {
		in.comment(100+i, eve, fmt.Sprintf("remark %d, a/b and nothing to do", i))
	}
	in.approve(1, bob).approve(2, rita).approve(3, dan)
	if v := Decide(*in); v.State != Approved {
		b.Fatal(v.Summary)
	}
	b.ReportAllocs()
	for b.Loop() {
		Decide(*in)
	}
}
