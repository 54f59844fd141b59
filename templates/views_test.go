package templates

import (
	"fmt"
	"strings"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// The views that the golden files show. Each call makes its own copy.

const (
	headSHA = "575db8b7a51b6f85eb06eee540738584589f131c"
	baseSHA = "0f4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b"
)

func sha256Of(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func score(n int) *policy.Tenths { t := policy.Tenths(n); return &t }

func is(b bool) *bool { return &b }

var (
	ana = forge.Account{ID: 1, Login: "ana", Kind: forge.User}
	joe = forge.Account{ID: 2, Login: "joe", Kind: forge.User}
	mia = forge.Account{ID: 3, Login: "mia", Kind: forge.User}
)

// core is the pack core, all passed but those given by id.
func core(changed ...policy.Result) []policy.Result {
	titles := []struct {
		id, title string
		severity  policy.Severity
	}{
		{"ID-01", "Immutable revision pinned", policy.Critical},
		{"ID-02", "Every artifact digested", policy.Critical},
		{"ID-03", "Signature verified by a trusted identity", policy.High},
		{"ID-04", "Safe serialization and clean scan", policy.Critical},
		{"ID-05", "Inventory entry complete", policy.Medium},
		{"DOC-01", "Model card present, no placeholders", policy.Critical},
		{"DOC-02", "Intended purpose stated", policy.High},
		{"DOC-06", "Licence identified, allowed, consistent", policy.Critical},
		{"DAT-01", "Training data named", policy.Critical},
		{"DAT-02", "Every dataset approved", policy.Critical},
		{"EVL-02", "Thresholds met", policy.Critical},
		{"GOV-01", "Risk tier declared, not below the derived tier", policy.Critical},
	}
	by := map[string]policy.Result{}
	for _, c := range changed {
		by[c.ID] = c
	}
	var out []policy.Result
	for _, x := range titles {
		c := policy.Result{Outcome: policy.Pass}
		if got, ok := by[x.id]; ok {
			c = got
		}
		c.ID, c.Title, c.Severity, c.Pack = x.id, x.title, x.severity, "core"
		c.Mandatory = x.id != "ID-03"
		c.References = map[string][]string{"nist-ai-rmf": {"GOVERN 1.6"}, "eu-ai-act": {"11.1", "13.3.b.i"}}
		out = append(out, c)
	}
	return out
}

var (
	placeholders = policy.Result{ID: "DOC-01", Outcome: policy.Fail, Remediation: `Replace every "[More Information Needed]" in the card`,
		Findings: []policy.Finding{{Message: "the card holds 4 placeholders", Pointer: "/spec/modelCard/placeholders", Line: 41, Column: 17}}}
	dataset = policy.Result{ID: "DAT-02", Outcome: policy.Fail, Remediation: "Register the dataset or retrain without it",
		Findings: []policy.Finding{{Message: `"acme/tickets-2025" at revision 9f3c is not in the list approvedDatasets`, Pointer: "/spec/data/0/id", Line: 57, Column: 11}}}
	inventory = policy.Result{ID: "ID-05", Outcome: policy.Missing, Remediation: "Fill the three fields",
		Findings: []policy.Finding{{Message: "metadata.businessUnit is missing", Pointer: "/metadata", Line: 3, Column: 1}}}
	unsigned = policy.Result{ID: "ID-03", Outcome: policy.Missing, Remediation: "Sign with OpenSSF model-signing, add the signer to the policy"}
	latency  = policy.Result{ID: "EVL-02", Outcome: policy.Waived, Unwaived: policy.Fail, Reason: "waived until 2026-12-01",
		Findings: []policy.Finding{{Message: "e2e_p95_ms is 1140.5, more than 1000", Pointer: "/spec/performance/metrics/e2e_p95_ms", Line: 88, Column: 41}},
		Waiver:   &policy.WaiverUse{Path: ".lumos/waivers/latency.yaml", ExpiresAt: "2026-12-01", Reason: "new hardware arrives in November"}}
	foreign = policy.Result{ID: "DOC-06", Outcome: policy.NotApplicable, Reason: "the model is not distributed"}
)

func triage(controls []policy.Result, of, coverage *policy.Tenths, c policy.Conclusion) policy.Report {
	return policy.Report{
		Path: "releases/support-triage/2.3.0.yaml", Model: "support-triage", Version: "2.3.0",
		Digest: sha256Of("d"), Policy: sha256Of("b"), Conclusion: c, Score: of, Coverage: coverage,
		Tier: policy.Tier{Effective: releases.TierHigh, Declared: releases.TierMedium, Derived: releases.TierHigh,
			Reason: "data 3: personal data in training, which weighs more than the declared medium"},
		Controls: controls,
		Frameworks: []policy.FrameworkScore{
			{Framework: "eu-ai-act", Score: of, Coverage: coverage, Controls: 11, Open: 2},
			{Framework: "nist-ai-rmf", Score: of, Coverage: coverage, Controls: 12, Open: 2},
		},
		Previous: "2.2.1",
		Changes: []releases.Change{
			{Kind: "metric", Pointer: "/spec/evaluations/0/value", Title: "f1 on acme/tickets-eval", Before: "0.905", After: "0.913", Better: is(true)},
			{Kind: "metric", Pointer: "/spec/performance/metrics/e2e_p95_ms", Title: "e2e_p95_ms", Before: "870", After: "940.5", Better: is(false)},
			{Kind: "data", Pointer: "/spec/data/0", Title: "training data acme/tickets-2025", After: "9f3c"},
			{Kind: "license", Pointer: "/spec/model/license/spdx", Title: "licence", Before: "MIT", After: "Apache-2.0"},
		},
	}
}

func speech() policy.Report {
	return policy.Report{
		Path: "releases/speech-notes/1.0.0.yaml", Model: "speech-notes", Version: "1.0.0",
		Digest: sha256Of("e"), Policy: sha256Of("b"), Conclusion: policy.NeedsApproval, Score: score(1000), Coverage: score(1000),
		Tier:     policy.Tier{Effective: releases.TierLow, Derived: releases.TierLow, Reason: "no factor is above 0"},
		Controls: core(),
	}
}

func base(d approval.Verdict, reports ...policy.Report) View {
	d.Subject, d.Policy, d.Head, d.Base = sha256Of("a"), sha256Of("b"), headSHA, baseSHA
	if d.Kind == "" {
		d.Kind = approval.KindRelease
	}
	repo := forge.Repo{Host: "github.com", ID: 7, Owner: "acme", Name: "models"}
	return View{
		PR: forge.PullRequest{Ref: forge.Ref{Repo: repo, Number: 12}, URL: "https://github.com/acme/models/pull/12", State: forge.Open, Author: ana, Title: "Release support-triage 2.3.0",
			Head: forge.Branch{Ref: "release", SHA: headSHA}, Base: forge.Branch{Ref: "main", SHA: baseSHA}},
		Reports: reports, Verdict: d, Links: Links{Blob: "https://github.com/acme/models/blob"},
	}
}

var (
	metCompliance = approval.Node{ID: "compliance", Title: "The manifests comply", Met: true, Detail: "no gap blocks"}
	asked         = []approval.Ask{
		{Who: []string{"@acme/ml-owners"}, Why: "code owner of releases/**", Need: 1},
		{Who: []string{"@acme/model-risk"}, Why: "tier high asks for the team", Need: 2},
	}
	excluded = []approval.Barred{{Account: ana, Because: []string{"opened the pull request", "author of 1a2b3c4"}}}
	stale    = approval.Vote{ID: "review:80", By: joe, Action: approval.ActApprove, Bound: sha256Of("c"), Commit: baseSHA,
		Reason: "ignored: the change has moved on since commit 0f4b3c2", URL: "https://github.com/acme/models/pull/12#pullrequestreview-80"}
	counted = approval.Vote{ID: "review:81", By: joe, Action: approval.ActApprove, Bound: sha256Of("a"), Commit: headSHA, Counted: true,
		Reason: "code owner of releases/**", URL: "https://github.com/acme/models/pull/12#pullrequestreview-81"}
	own = approval.Vote{ID: "comment:7", By: ana, Action: approval.ActApprove, Bound: sha256Of("a"), Reason: "ignored: opened the pull request"}
)

func waiting(reports ...policy.Report) View {
	return base(approval.Verdict{State: approval.Waiting, Summary: "Waiting for @acme/ml-owners, code owner of releases/**", Tier: releases.TierHigh,
		Ask: asked, Excluded: excluded, Votes: []approval.Vote{stale, own},
		Reasons: []approval.Node{metCompliance, {ID: "quorum:high", Title: "Tier high is approved", Detail: "2 of 2 conditions are open", Children: []approval.Node{
			{ID: "owners", Title: "Code owners agree", Detail: "no owner of releases/** has approved this subject"},
			{ID: "team:acme/model-risk", Title: "2 of @acme/model-risk agree", Detail: "0 of 2"},
		}}},
	}, reports...)
}

func views() map[string]View {
	v := map[string]View{}

	v["refused-gaps"] = base(approval.Verdict{State: approval.Refused, Summary: "Refused: The manifests comply: 2 critical gaps", Tier: releases.TierHigh, Ask: nil, Excluded: excluded,
		Reasons: []approval.Node{{ID: "compliance", Title: "The manifests comply", Blocking: true, Detail: "2 critical controls are open: fix them and push"}}},
		triage(core(placeholders, dataset, inventory, unsigned, foreign), score(742), score(961), policy.Blocked))

	v["paused-gaps"] = v["refused-gaps"]
	paused := v["paused-gaps"]
	paused.Verdict.State, paused.Verdict.Paused = approval.Waiting, true
	v["paused-gaps"] = paused

	v["waiting"] = waiting(triage(core(unsigned), score(957), score(957), policy.NeedsApproval))

	v["waiting-two"] = waiting(speech(), triage(core(unsigned), score(957), score(957), policy.NeedsApproval))

	v["approved"] = base(approval.Verdict{State: approval.Approved, Summary: "Approved for the high tier by @joe", Tier: releases.TierHigh, Merge: true, Method: "squash",
		Votes: []approval.Vote{stale, counted}, Excluded: excluded,
		Reasons: []approval.Node{metCompliance, {ID: "owners", Title: "Code owners agree", Met: true, Detail: "@joe owns releases/**"}}},
		triage(core(), score(1000), score(1000), policy.NeedsApproval))

	released := v["approved"]
	released.PR.State, released.Stage = forge.Merged, StageRecorded
	v["recorded"] = released

	v["rejected"] = base(approval.Verdict{State: approval.Refused, Summary: "Refused: @mia: reject: code owner of releases/**", Tier: releases.TierLow,
		Votes: []approval.Vote{{ID: "comment:9", By: mia, Action: approval.ActReject, Text: "the *French* tickets were never cleared", Bound: sha256Of("a"),
			Counted: true, Reason: "code owner of releases/**"}},
		Reasons: []approval.Node{metCompliance, {ID: "block", Title: "Nobody objects", Blocking: true, Detail: "@mia rejected: an approval by the same person lifts it"}}},
		speech())

	invalid := policy.Report{Path: "releases/support-triage/2.3.0.yaml", Policy: sha256Of("b"), Conclusion: policy.Errored, Invalid: []releases.Error{
		{Path: "releases/support-triage/2.3.0.yaml", Line: 4, Column: 12, Pointer: "/metadata/version", Message: "want a string, got a number", Hint: `write "2.30" in quotes`},
		{Path: "releases/support-triage/2.3.0.yaml", Line: 19, Column: 3, Pointer: "/spec", Message: `unknown key "evalutions"`, Hint: "did you mean evaluations?"},
	}}
	v["invalid"] = base(approval.Verdict{State: approval.Refused, Summary: "the manifest cannot be read",
		Reasons: []approval.Node{{ID: "compliance", Title: "The manifests comply", Blocking: true, Detail: "2 errors in releases/support-triage/2.3.0.yaml"}}}, invalid)

	v["problems"] = base(approval.Verdict{State: approval.Refused, Summary: "the policy cannot be trusted"})
	problems := v["problems"]
	problems.Problems = []string{".lumos/config.yaml:7:3: unknown key \"pack\": write packs"}
	v["problems"] = problems

	held := waiting(speech())
	held.Verdict.Paused, held.Verdict.Ask, held.Verdict.Summary = true, nil, "Waiting: held by @mia: the launch moved"
	v["held"] = held

	v["waived"] = waiting(triage(core(latency), score(890), score(1000), policy.NeedsApproval))

	nothing := speech()
	nothing.Score, nothing.Coverage, nothing.Controls = nil, nil, core()[:1]
	nothing.Controls[0].Outcome, nothing.Controls[0].Reason = policy.NotApplicable, "source.type is custom"
	v["null-score"] = waiting(nothing)

	governance := waiting()
	governance.Verdict.Kind, governance.Verdict.Ask = approval.KindGovernance, asked[:1]
	governance.Verdict.Votes, governance.Verdict.Tier = nil, ""
	governance.Verdict.Reasons = []approval.Node{{ID: "owners", Title: "Code owners agree", Detail: "no owner of .lumos/config.yaml has approved this subject"}}
	governance.Snapshot = &forge.Snapshot{Files: []forge.File{
		{Path: ".lumos/config.yaml", Status: forge.Modified}, {Path: "README.md", Status: forge.Modified},
		{Path: ".lumos/waivers/old.yaml", Status: forge.Removed}, {Path: ".github/CODEOWNERS", Status: forge.Modified},
	}}
	v["governance"] = governance

	v["other"] = base(approval.Verdict{Kind: approval.KindOther, State: approval.NotGoverned, Summary: "no release is touched"})

	v["news"] = news()

	v["huge"] = huge()
	return v
}

// mechanical is a manifest with one value that is wrong for certain.
const mechanical = `apiVersion: lumos/v1
kind: ModelRelease
spec:
  source: {type: huggingface, revision: main, modelId: acme/triage} # as found
`

// sources are the manifests of a view's reports as written.
func sources(v View) map[string][]byte {
	out := map[string][]byte{}
	for _, r := range v.Reports {
		out[r.Path] = []byte(mechanical)
	}
	return out
}

// news has what most reports do not: notices, sources, controls that do not count yet, fixes, and
// frameworks in their editions.
func news() View {
	branch := policy.Result{ID: "ID-01", Outcome: policy.Fail, Remediation: "Pin the commit or digest the scanner found",
		Findings: []policy.Finding{{Message: `revision "main" is a branch`, Pointer: "/spec/source/revision", Line: 4, Column: 41,
			Fix: &policy.Fix{Pointer: "/spec/source/revision", Value: headSHA, Line: 4, Column: 41}}}}
	later := policy.Result{ID: "GOV-01", Outcome: policy.NotApplicable, EffectiveFrom: "2027-12-02",
		Reason: "takes effect on 2027-12-02 (eu-ai-act, profile high-risk): today it would be fail"}
	r := triage(core(branch, later, latency), score(742), score(961), policy.Blocked)
	r.Notices = []string{"the waiver .lumos/waivers/latency.yaml of EVL-02 ends on 2026-12-01", "the evidence ev-eval ends on 2026-12-03"}
	r.Sources = []policy.SourceUse{
		{Name: "approved-datasets", Digest: sha256Of("e"), Since: "2026-08-30T06:00:00Z"},
		{Name: "vendors", Error: "it did not answer within 2s"},
	}
	r.Frameworks = []policy.FrameworkScore{
		{Framework: "eu-ai-act", Title: "EU Artificial Intelligence Act", Edition: "Regulation (EU) 2024/1689", Unverified: []string{"10.5", "10.5.b"}, Score: score(742), Coverage: score(961), Controls: 11, Open: 1},
		{Framework: "nist-ai-rmf", Title: "NIST AI Risk Management Framework", Edition: "1.0 (January 2023)", Score: score(742), Coverage: score(961), Controls: 12, Open: 1},
		{Framework: "acme-handbook", Unverified: []string{"7"}, Score: nil, Controls: 0},
	}
	return waiting(r)
}

// huge is more than any page can hold.
func huge() View {
	long := strings.Repeat("word @somebody ", 60)
	path := "releases/" + strings.Repeat("long-name/", 30) + "1.0.0.yaml"
	v := waiting()
	v.Verdict.State = approval.Refused
	for i := range 20 {
		r := triage(nil, score(0), score(0), policy.Blocked)
		r.Path, r.Model = fmt.Sprintf("%s.%d", path, i), fmt.Sprintf("model-%d-%s", i, long)
		r.Tier.Reason = long
		for j := range 30 {
			c := policy.Result{ID: fmt.Sprintf("X-%03d", j), Pack: fmt.Sprintf("pack-%d", j/10), Title: long, Severity: policy.Critical, Mandatory: true,
				Outcome: policy.Fail, Remediation: long, References: map[string][]string{"nist-ai-rmf": {long}}}
			for k := range 8 {
				c.Findings = append(c.Findings, policy.Finding{Message: fmt.Sprint(k, " ", long), Line: k + 1, Fix: &policy.Fix{Value: long}})
			}
			if j%3 == 0 {
				c.Outcome, c.EffectiveFrom, c.Reason = policy.NotApplicable, "2027-12-02", long
			}
			r.Controls = append(r.Controls, c)
		}
		for range 40 {
			r.Changes = append(r.Changes, releases.Change{Kind: "metric", Title: long, Before: "1", After: "2"})
			r.Frameworks = append(r.Frameworks, policy.FrameworkScore{Framework: long, Title: long, Edition: long, Unverified: []string{long, long}})
			r.Notices = append(r.Notices, fmt.Sprint(len(r.Notices), " ", i, " ", long))
			r.Sources = append(r.Sources, policy.SourceUse{Name: fmt.Sprint(len(r.Sources), " ", i, " ", long), Error: long})
		}
		v.Reports = append(v.Reports, r)
	}
	for i := range 500 {
		v.Problems = append(v.Problems, fmt.Sprint(i, " ", long))
		v.Verdict.Votes = append(v.Verdict.Votes, approval.Vote{By: joe, Action: approval.ActReject, Text: long, Reason: long})
		v.Verdict.Ask = append(v.Verdict.Ask, approval.Ask{Who: []string{long, long, long}, Why: long, Need: 3})
		v.Verdict.Excluded = append(v.Verdict.Excluded, approval.Barred{Account: mia, Because: []string{long, long}})
		v.Verdict.Reasons = append(v.Verdict.Reasons, approval.Node{Title: long, Detail: long, Children: []approval.Node{{Title: long, Detail: long}}})
	}
	return v
}
