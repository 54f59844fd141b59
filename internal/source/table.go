package source

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/releases"
)

// maxValue bounds one value: what is longer is no name of anything. In bytes.
const maxValue = 4096

// table is what a source gave: text cells below the names of their columns. An absent value is empty.
type table struct {
	columns []string
	rows    [][]string
}

// fact makes a list or limits of the table: limits when it has a column metric. The order of the rows,
// and rows that stand twice, change nothing.
func (t *table) fact() (forge.SourceFact, error) {
	for i, c := range t.columns {
		t.columns[i] = strings.ToLower(strings.TrimSpace(c))
	}
	for _, row := range t.rows {
		for i, cell := range row {
			row[i] = strings.TrimSpace(cell)
			if err := plain(row[i]); err != nil {
				return forge.SourceFact{}, err
			}
		}
	}
	if slices.Contains(t.columns, "metric") {
		limits, err := t.limits()
		if err != nil {
			return forge.SourceFact{}, err
		}
		return forge.SourceFact{Limits: limits, Digest: digest("limits", spelled(limits))}, nil
	}
	values, err := t.values()
	if err != nil {
		return forge.SourceFact{}, err
	}
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return forge.SourceFact{Values: values, Digest: digest("values", list)}, nil
}

// plain refuses what no list should hold.
func plain(s string) error {
	switch {
	case len(s) > maxValue:
		return problem(fmt.Sprintf("it gives a value of more than %d bytes", maxValue))
	case !utf8.ValidString(s):
		return problem("it gives a value that is not UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return problem("it gives a value with a control character")
	}
	return nil
}

// values reads a list: one column, or an id and its revision, which are joined as in "id@revision".
func (t *table) values() ([]string, error) {
	if n := len(t.columns); n != 1 && (n != 2 || t.columns[1] != "revision") {
		return nil, problem(fmt.Sprintf("it gives the columns %s: want one, or two of which the second is named revision, or metric with min and max", strings.Join(t.columns, ", ")))
	}
	out := make([]string, 0, len(t.rows))
	for _, row := range t.rows {
		if row[0] == "" {
			return nil, problem("it gives a row without a value in the column " + t.columns[0])
		}
		v := row[0]
		if len(row) > 1 && row[1] != "" {
			v += "@" + row[1]
		}
		out = append(out, v)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// limitColumns are those of a table of limits.
var limitColumns = []string{"metric", "min", "max", "group", "task", "tier"}

// limits reads rows of limits.
func (t *table) limits() ([]config.Limit, error) {
	at := map[string]int{}
	for i, c := range t.columns {
		if _, twice := at[c]; twice || !slices.Contains(limitColumns, c) {
			return nil, problem(fmt.Sprintf("it gives limits with the columns %s: want metric, min, max, and perhaps group, task and tier", strings.Join(t.columns, ", ")))
		}
		at[c] = i
	}
	out := make([]config.Limit, 0, len(t.rows))
	for _, row := range t.rows {
		cell := func(name string) string {
			if i, ok := at[name]; ok {
				return row[i]
			}
			return ""
		}
		l := config.Limit{Group: cmp.Or(cell("group"), config.GroupEvaluations), Metric: cell("metric"), Task: cell("task"), Tier: releases.Tier(cell("tier"))}
		var err error
		if l.Min, err = number(cell("min")); err == nil {
			l.Max, err = number(cell("max"))
		}
		switch {
		case err != nil:
			return nil, problem(fmt.Sprintf("it gives a limit of the metric %q that is not a number", l.Metric))
		case l.Metric == "":
			return nil, problem("it gives a limit without a metric")
		case l.Min == nil && l.Max == nil:
			return nil, problem(fmt.Sprintf("it gives a limit of the metric %q with neither min nor max", l.Metric))
		case l.Contradicts():
			return nil, problem(fmt.Sprintf("it gives a limit of the metric %q whose min is above its max", l.Metric))
		case !slices.Contains(config.Groups(), l.Group):
			return nil, problem(fmt.Sprintf("it gives a limit of the metric %q in the group %q: want %s", l.Metric, l.Group, strings.Join(config.Groups(), ", ")))
		case l.Tier != "" && !slices.Contains(tiers, l.Tier):
			return nil, problem(fmt.Sprintf("it gives a limit of the metric %q for the tier %q: want low, medium, high or critical", l.Metric, l.Tier))
		case l.Group == config.GroupRegression && (l.Min != nil || *l.Max < 0):
			return nil, problem(fmt.Sprintf("it gives a regression of the metric %q that is not a max of 0 or more", l.Metric))
		}
		out = append(out, l)
	}
	slices.SortFunc(out, compare)
	return slices.CompactFunc(out, func(a, b config.Limit) bool { return compare(a, b) == 0 }), nil
}

var tiers = []releases.Tier{releases.TierLow, releases.TierMedium, releases.TierHigh, releases.TierCritical}

// number reads a number that may be absent.
func number(s string) (*float64, error) {
	if s == "" {
		return nil, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || strings.ContainsAny(s, "xX_") {
		return nil, problem("not a number")
	}
	return &f, nil
}

func compare(a, b config.Limit) int {
	end := func(f *float64) float64 {
		if f == nil {
			return math.Inf(-1)
		}
		return *f
	}
	return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Task, b.Task), cmp.Compare(a.Tier, b.Tier),
		cmp.Compare(end(a.Min), end(b.Min)), cmp.Compare(end(a.Max), end(b.Max)))
}

// spelled writes limits as a JSON value.
func spelled(limits []config.Limit) []any {
	out := make([]any, len(limits))
	for i, l := range limits {
		m := map[string]any{"group": l.Group, "metric": l.Metric, "task": l.Task, "tier": string(l.Tier)}
		for name, end := range map[string]*float64{"min": l.Min, "max": l.Max} {
			if end != nil {
				m[name] = *end
			}
		}
		out[i] = m
	}
	return out
}

// digest is the sha256 over the canonical JSON of {kind: items}. The items are text and finite numbers,
// which always have one.
func digest(kind string, items []any) string {
	b, err := document.Canonical(map[string]any{kind: items})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ofRecords makes a table of mappings, whose columns are all keys that any of them has.
func ofRecords(records []map[string]string) *table {
	keys := map[string]bool{}
	for _, r := range records {
		for k := range r {
			keys[k] = true
		}
	}
	t := &table{columns: slices.Sorted(maps.Keys(keys))}
	for _, r := range records {
		row := make([]string, len(t.columns))
		for i, c := range t.columns {
			row[i] = r[c]
		}
		t.rows = append(t.rows, row)
	}
	return t
}
