package config

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lumos-governance/lumos/releases"
)

func TestSourcesOfConfig(t *testing.T) {
	t.Parallel()
	c, err := Parse(Path, []byte(head+`lists: {approvedDatasets: {source: data-catalog}, allowedLicenses: {source: legal}, mine: [a], more: {source: data-catalog}}
thresholdsFrom: model-limits
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"data-catalog", "legal", "model-limits"}, c.SourceNames()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(List{Source: "data-catalog"}, c.Lists["approvedDatasets"]); diff != "" {
		t.Error(diff)
	}
	if names := Default().SourceNames(); names != nil {
		t.Errorf("the default names the sources %v", names)
	}
}

const thresholds = head + `thresholds:
  evaluations:
    f1: {min: 0.8, tasks: {text-classification: {min: 0.9, max: 0.999}, summarization: {min: 0.7}}, tiers: {high: {min: 0.92}, critical: {min: 0.95}}}
    rouge: {tasks: {summarization: {min: 0.3}}}
    toxicity: {max: 0.1, tiers: {high: {max: 0.05}}}
  performance: {e2e_p95_ms: {max: 1000}}
  regression: {f1: {max: 0.02, tasks: {summarization: {max: 0.01}}, tiers: {critical: {max: 0}}}}
`

func TestResolve(t *testing.T) {
	t.Parallel()
	c, err := Parse(Path, []byte(thresholds), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, task string
		tier       releases.Tier
		more       []Limit
		want       string
	}{
		{"what holds for all", "translation", "low", nil,
			`{"evaluations":{"f1":{"min":0.8},"toxicity":{"max":0.1}},"performance":{"e2e_p95_ms":{"max":1000}},"regression":{"f1":{"max":0.02}}}`},
		{"a task", "text-classification", "low", nil,
			`{"evaluations":{"f1":{"min":0.9,"max":0.999},"toxicity":{"max":0.1}},"performance":{"e2e_p95_ms":{"max":1000}},"regression":{"f1":{"max":0.02}}}`},
		{"in whatever case", " Text-Classification", "low", nil,
			`{"evaluations":{"f1":{"min":0.9,"max":0.999},"toxicity":{"max":0.1}},"performance":{"e2e_p95_ms":{"max":1000}},"regression":{"f1":{"max":0.02}}}`},
		{"a task asks for less than all must keep", "summarization", "low", nil,
			`{"evaluations":{"f1":{"min":0.8},"rouge":{"min":0.3},"toxicity":{"max":0.1}},"performance":{"e2e_p95_ms":{"max":1000}},"regression":{"f1":{"max":0.01}}}`},
		{"a task and a tier", "text-classification", "high", nil,
			`{"evaluations":{"f1":{"min":0.92,"max":0.999},"toxicity":{"max":0.05}},"performance":{"e2e_p95_ms":{"max":1000}},"regression":{"f1":{"max":0.02}}}`},
		{"a zero is a limit", "translation", "critical", nil,
			`{"evaluations":{"f1":{"min":0.95},"toxicity":{"max":0.1}},"performance":{"e2e_p95_ms":{"max":1000}},"regression":{"f1":{"max":0}}}`},
		{"no task is every task", "", "low", nil,
			`{"evaluations":{"f1":{"min":0.9,"max":0.999},"rouge":{"min":0.3},"toxicity":{"max":0.1}},"performance":{"e2e_p95_ms":{"max":1000}},"regression":{"f1":{"max":0.01}}}`},
		{"a source on top", "translation", "low", []Limit{
			{Group: GroupEvaluations, Metric: "f1", Limits: Limits{Min: ptr(0.5)}},
			{Group: GroupEvaluations, Metric: "bleu", Limits: Limits{Min: ptr(0.4)}},
			{Group: GroupEvaluations, Metric: "bleu", Tier: "high", Limits: Limits{Min: ptr(0.6)}},
			{Group: GroupPerformance, Metric: "e2e_p95_ms", Task: "translation", Limits: Limits{Max: ptr(500.0)}},
			{Group: "unknown", Metric: "x", Limits: Limits{Max: ptr(1.0)}},
		}, `{"evaluations":{"bleu":{"min":0.4},"f1":{"min":0.8},"toxicity":{"max":0.1}},"performance":{"e2e_p95_ms":{"max":500}},"regression":{"f1":{"max":0.02}}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(c.Resolve(tc.task, tc.tier, tc.more))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got, err := json.Marshal(Default().Resolve("", "low", nil)); err != nil || string(got) != `{"evaluations":{},"performance":{},"regression":{}}` {
		t.Errorf("without thresholds: %s, %v", got, err)
	}
}

// More that applies never makes a limit weaker.
func TestResolveOnlyTightens(t *testing.T) {
	t.Parallel()
	end := rapid.Ptr(rapid.Float64Range(-10, 10), true)
	limit := rapid.Custom(func(t *rapid.T) Limit {
		return Limit{Group: GroupEvaluations, Metric: "m", Task: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "task"),
			Tier: rapid.SampledFrom([]releases.Tier{"", "low", "high"}).Draw(t, "tier"), Limits: Limits{Min: end.Draw(t, "min"), Max: end.Draw(t, "max")}}
	})
	rapid.Check(t, func(t *rapid.T) {
		limits := rapid.SliceOfN(limit, 1, 6).Draw(t, "limits")
		task, tier := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "of task"), rapid.SampledFrom([]releases.Tier{"low", "high"}).Draw(t, "of tier")
		less := (&Config{}).Resolve(task, tier, limits[1:])[GroupEvaluations]["m"]
		more := (&Config{}).Resolve(task, tier, limits)[GroupEvaluations]["m"]
		if less.Min != nil && (more.Min == nil || *more.Min < *less.Min) || less.Max != nil && (more.Max == nil || *more.Max > *less.Max) {
			t.Fatalf("%+v became %+v", less, more)
		}
	})
}

func TestThresholdsRefused(t *testing.T) {
	t.Parallel()
	const f1 = head + "thresholds: {evaluations: {f1: "
	for _, tc := range []struct{ name, src, want string }{
		{"a misspelt key", f1 + "{min: 1, task: {a: {min: 1}}}}}", `.lumos/config.yaml:3:41: unknown key "task" (did you mean "tasks"?)`},
		{"a misspelt tier", f1 + "{tiers: {hgih: {min: 1}}}}}", `.lumos/config.yaml:3:41: unknown key "hgih" (did you mean "high"?)`},
		{"a misspelt end", f1 + "{tasks: {a: {mni: 1}}}}}", `.lumos/config.yaml:3:45: unknown key "mni" (did you mean "min"?)`},
		{"a task without limits", f1 + "{tasks: {a: {}}}}}", ".lumos/config.yaml:3:41: the mapping has 0 keys, want at least 1 (The lowest and highest value that is accepted)"},
		{"a task within itself", f1 + "{tasks: {a: {min: 2, max: 1}}}}}", ".lumos/config.yaml:3:41: min is above max: nothing can keep both (exchange them)"},
		{"a task against all", f1 + "{max: 1, tasks: {a: {min: 2}}}}}", ".lumos/config.yaml:3:49: together with the limits of f1 for all, min is above max: nothing can keep both (the strictest of what applies counts)"},
		{"a tier against all", f1 + "{max: 1, tiers: {low: {min: 2}}}}}", ".lumos/config.yaml:3:49: together with the limits of f1 for all, min is above max: nothing can keep both (the strictest of what applies counts)"},
		{"a tier within itself", f1 + "{tiers: {low: {min: 2, max: 1}}}}}", ".lumos/config.yaml:3:41: min is above max: nothing can keep both (exchange them)"},
		{"a tier against a task", f1 + "{tasks: {a: {max: 1}}, tiers: {low: {min: 2}}}}}", ".lumos/config.yaml:3:63: together with the limits for the task a, min is above max: nothing can keep both (the strictest of what applies counts)"},
		{"a regression has a max only", head + "thresholds: {regression: {f1: {min: 0.1}}}", `.lumos/config.yaml:3:32: unknown key "min" (known here: max, tasks, tiers)`},
		{"a regression below zero", head + "thresholds: {regression: {f1: {max: -0.1}}}", ".lumos/config.yaml:3:37: -0.1 is too small, want at least 0 (The largest drop that is accepted, in the metric's own unit; 0 for none, for example 0.01)"},
		{"a misspelt group", head + "thresholds: {regressions: {f1: {max: 1}}}", `.lumos/config.yaml:3:14: unknown key "regressions" (did you mean "regression"?)`},
		{"a source's name", head + "lists: {a: {source: Data Catalog}}\nthresholdsFrom: 7\n", `.lumos/config.yaml:3:21: "Data Catalog" does not have the form that is expected here (Lower-case letters, digits and inner hyphens, for example data-catalog)` + "\n" +
			`.lumos/config.yaml:4:17: got a number, want text (quote it: "7")`},
		{"a source and a file", head + "lists: {a: {source: x, file: lists/datasets.yaml}}", ".lumos/config.yaml:3:9: the mapping has 2 keys, want at most 1"},
		{"a misspelt form of a list", head + "lists: {a: {sorce: x}}", `.lumos/config.yaml:3:13: unknown key "sorce" (did you mean "source"?)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := Parse(Path, []byte(tc.src), testFiles)
			var errs releases.Errors
			if c != nil || !errors.As(err, &errs) {
				t.Fatalf("config %v, error %v", c, err)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
