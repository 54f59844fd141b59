package checker

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
	"github.com/lumos-governance/lumos/releases"
)

var today = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// snapshot holds the example release, under a configuration.
func snapshot(t *testing.T, config string) *forge.Snapshot {
	t.Helper()
	files, err := releases.Example(today)
	if err != nil {
		t.Fatal(err)
	}
	s := &forge.Snapshot{Evidence: map[string]forge.Blob{}, Config: forge.Blob{Path: ".lumos/config.yaml"}}
	if config != "" {
		s.Config.Data = []byte(config)
		s.Config.OID = forge.ObjectID("blob", s.Config.Data, 40)
	}
	for p, data := range files {
		b := forge.Blob{Path: p, Data: data, OID: forge.ObjectID("blob", data, 40)}
		if path.Ext(p) == ".yaml" {
			s.Manifests = append(s.Manifests, b)
		} else {
			s.Evidence[p] = b
		}
	}
	return s
}

const good = `apiVersion: lumos/v1
kind: Config
lists:
  approvedDatasets: [squad_v2]
  allowedLicenses: [CC-BY-4.0]
  trustedSigners: [model-releases@acme.example]
thresholds:
  evaluations: {exact_match: {min: 78}, f1: {min: 80}}
  performance: {e2e_p95_ms: {max: 200}}
`

func check(t *testing.T, c *Checker, s *forge.Snapshot) *Assessment {
	t.Helper()
	a, err := c.Check(t.Context(), s, today)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTheExamplePassesEveryControl(t *testing.T) {
	t.Parallel()
	a := check(t, New(policy.NewLibrary(policies.FS)), snapshot(t, good))
	if len(a.Problems) > 0 || len(a.Reports) != 1 {
		t.Fatalf("%d reports, problems %v", len(a.Reports), a.Problems)
	}
	r := a.Reports[0]
	if n := r.Count(policy.Pass); n != 17 || r.Conclusion != policy.NeedsApproval {
		t.Errorf("%d of 17 controls pass, %s", n, r.Conclusion)
		for _, c := range r.Controls {
			if c.Outcome != policy.Pass {
				t.Errorf("%s is %s: %v %s", c.ID, c.Outcome, c.Findings, c.Reason)
			}
		}
	}
	if !slices.Equal(a.Authors, []string{"@jonas"}) {
		t.Errorf("authors %v", a.Authors)
	}
}

func TestTheSameSnapshotGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	warm := New(policy.NewLibrary(policies.FS))
	var first []byte
	for i := range 3 {
		c := warm
		if i == 2 {
			c = New(policy.NewLibrary(policies.FS))
		}
		got, err := json.Marshal(check(t, c, snapshot(t, good)))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if string(got) != string(first) {
			t.Errorf("run %d differs", i)
		}
	}
}

func TestRulesFollowTheBase(t *testing.T) {
	t.Parallel()
	c := New(policy.NewLibrary(policies.FS))
	before := check(t, c, snapshot(t, good))
	after := check(t, c, snapshot(t, strings.Replace(good, "{min: 80}", "{min: 99}", 1)))
	if before.Policy == after.Policy {
		t.Error("another threshold, but the same policy digest")
	}
	if after.Reports[0].Conclusion != policy.Blocked {
		t.Errorf("f1 below its threshold concludes %s", after.Reports[0].Conclusion)
	}
}

func TestBrokenRulesAreToldAndNothingPasses(t *testing.T) {
	t.Parallel()
	rule := func(src string) *forge.Snapshot {
		s := snapshot(t, good)
		s.Lumos = []forge.Blob{{Path: ".lumos/policies/own.rego", OID: "o", Data: []byte(src)}}
		return s
	}
	for name, s := range map[string]*forge.Snapshot{
		"a configuration that does not parse": snapshot(t, "apiVersion: lumos/v1\nkind: Config\npaks: [core]\n"),
		"a pack that is not there":            snapshot(t, "apiVersion: lumos/v1\nkind: Config\npacks: [nope]\n"),
		"a rule that does not compile":        rule("package lumos.local.own\n\nfail contains {\n"),
		"a rule that reaches out":             rule("package lumos.local.own\n\nfail contains f if { f := http.send({}) }\n"),
	} {
		a := check(t, New(policy.NewLibrary(policies.FS)), s)
		if len(a.Problems) == 0 {
			t.Errorf("%s: no problem is told", name)
		}
		for _, r := range a.Reports {
			if a.Policy == "" && r.Conclusion != policy.Errored {
				t.Errorf("%s: concludes %s", name, r.Conclusion)
			}
		}
	}
}

func TestACheckThatIsCutShortIsNoCheck(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := New(policy.NewLibrary(policies.FS))
	if _, err := c.Check(ctx, snapshot(t, good), today); err == nil {
		t.Error("a cancelled check gave an assessment")
	}
	if a := check(t, c, snapshot(t, good)); a.Reports[0].Conclusion != policy.NeedsApproval {
		t.Errorf("and it left something behind: %s", a.Reports[0].Conclusion)
	}
}
