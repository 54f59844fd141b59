package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
)

func TestFact(t *testing.T) {
	t.Parallel()
	f := func(x float64) *float64 { return &x }
	for _, tc := range []struct {
		name    string
		columns string
		rows    string // rows by "/", cells by "|"
		values  []string
		limits  []config.Limit
		err     string
	}{
		{name: "a list", columns: "id", rows: "b/a/ a /b", values: []string{"a", "b"}},
		{name: "an empty list", columns: "id", values: []string{}},
		{name: "with revisions", columns: "Dataset|REVISION", rows: "a|1/b|/a|2", values: []string{"a@1", "a@2", "b"}},
		{name: "no value", columns: "id", rows: "a/ ", err: "it gives a row without a value in the column id"},
		{name: "no column", columns: "", rows: "", values: []string{}},
		{name: "too many columns", columns: "id|owner", rows: "a|b", err: "it gives the columns id, owner: want one, or two of which the second is named revision, or metric with min and max"},
		{name: "a control character", columns: "id", rows: "a\nb", err: "it gives a value with a control character"},
		{name: "not UTF-8", columns: "id", rows: "a\xff", err: "it gives a value that is not UTF-8"},
		{name: "a huge value", columns: "id", rows: strings.Repeat("x", maxValue+1), err: "it gives a value of more than 4096 bytes"},
		{name: "limits", columns: "min|Metric|max|tier|task|group", rows: "0.5|f1||||/0.5|f1||||/|e2e|100|high||performance/-1|bleu|2||summarization|evaluations/|f1|0|||regression",
			limits: []config.Limit{
				{Group: "evaluations", Metric: "bleu", Task: "summarization", Limits: config.Limits{Min: f(-1), Max: f(2)}},
				{Group: "evaluations", Metric: "f1", Limits: config.Limits{Min: f(0.5)}},
				{Group: "performance", Metric: "e2e", Tier: "high", Limits: config.Limits{Max: f(100)}},
				{Group: "regression", Metric: "f1", Limits: config.Limits{Max: f(0)}},
			}},
		{name: "no limits", columns: "metric|min", limits: []config.Limit{}},
		{name: "a limit of nothing", columns: "metric|min", rows: "|1", err: "it gives a limit without a metric"},
		{name: "a limit that limits nothing", columns: "metric|min", rows: "f1|", err: `it gives a limit of the metric "f1" with neither min nor max`},
		{name: "a word", columns: "metric|min", rows: "f1|high", err: `it gives a limit of the metric "f1" that is not a number`},
		{name: "no number", columns: "metric|max", rows: "f1|NaN", err: `it gives a limit of the metric "f1" that is not a number`},
		{name: "infinity", columns: "metric|max", rows: "f1|inf", err: `it gives a limit of the metric "f1" that is not a number`},
		{name: "a misspelt column", columns: "metric|mni", rows: "f1|1", err: "it gives limits with the columns metric, mni: want metric, min, max, and perhaps group, task and tier"},
		{name: "a column twice", columns: "metric|min|min", rows: "f1|1|2", err: "it gives limits with the columns metric, min, min: want metric, min, max, and perhaps group, task and tier"},
		{name: "upside down", columns: "metric|min|max", rows: "f1|2|1", err: `it gives a limit of the metric "f1" whose min is above its max`},
		{name: "a group", columns: "metric|min|group", rows: "f1|1|evals", err: `it gives a limit of the metric "f1" in the group "evals": want evaluations, performance, regression`},
		{name: "a tier", columns: "metric|min|tier", rows: "f1|1|highest", err: `it gives a limit of the metric "f1" for the tier "highest": want low, medium, high or critical`},
		{name: "a regression", columns: "metric|min|group", rows: "f1|1|regression", err: `it gives a regression of the metric "f1" that is not a max of 0 or more`},
		{name: "a gain", columns: "metric|max|group", rows: "f1|-1|regression", err: `it gives a regression of the metric "f1" that is not a max of 0 or more`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := &table{columns: strings.Split(tc.columns, "|")}
			if tc.rows != "" {
				for row := range strings.SplitSeq(tc.rows, "/") {
					in.rows = append(in.rows, strings.Split(row, "|"))
				}
			}
			got, err := in.fact()
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Errorf("error %v, want %s", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.values, got.Values) + cmp.Diff(tc.limits, got.Limits); diff != "" || !strings.HasPrefix(got.Digest, "sha256:") {
				t.Error(diff, got.Digest)
			}
		})
	}
}

// The order of rows, and rows that stand twice, change nothing; anything else does.
func TestDigest(t *testing.T) {
	t.Parallel()
	digest := func(columns []string, rows ...[]string) string {
		fact, err := (&table{columns, rows}).fact()
		if err != nil {
			t.Fatal(err)
		}
		return fact.Digest
	}
	id := []string{"id"}
	if a, b := digest(id, []string{"x"}, []string{"y"}), digest(id, []string{"y"}, []string{"x"}, []string{"x"}); a != b {
		t.Errorf("%s, %s", a, b)
	}
	// printf '{"values":["x"]}' | sha256sum
	if got, want := digest(id, []string{"x"}), "sha256:7bdaef15cfa619b7a7035f933eed32c30af8c5ad62a6671de422ff4b2de7edf7"; got != want || got == digest(id) || got == digest(id, []string{"x@"}) {
		t.Errorf("%s", got)
	}
	limit := []string{"metric", "min", "tier"}
	if a, b := digest(limit, []string{"f1", "0.50", "low"}), digest([]string{"tier", "metric", "min"}, []string{"low", "f1", ".5"}); a != b {
		t.Errorf("%s, %s", a, b)
	}
	if a, b := digest(limit, []string{"f1", "0.5", "low"}), digest(limit, []string{"f1", "0.5", "high"}); a == b {
		t.Error("another tier is the same")
	}
}
