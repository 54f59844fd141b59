package rules

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// unit is what a number is counted in. Numbers of one dimension can be compared.
type unit struct {
	name      string
	dimension string   // duration, size or share
	factor    *big.Rat // of the dimension's base: seconds, bytes, a share of 1
}

// The dimensions.
const (
	duration = "duration"
	size     = "size"
	share    = "share"
)

// units are in the order in which a text's unit is looked for: longer names first.
var units = []unit{
	{"percent", share, big.NewRat(1, 100)},
	{"share", share, big.NewRat(1, 1)},
	{"min", duration, big.NewRat(60, 1)},
	{"KiB", size, big.NewRat(1<<10, 1)},
	{"MiB", size, big.NewRat(1<<20, 1)},
	{"GiB", size, big.NewRat(1<<30, 1)},
	{"TiB", size, big.NewRat(1<<40, 1)},
	{"ns", duration, big.NewRat(1, 1e9)},
	{"us", duration, big.NewRat(1, 1e6)},
	{"ms", duration, big.NewRat(1, 1e3)},
	{"kB", size, big.NewRat(1e3, 1)},
	{"KB", size, big.NewRat(1e3, 1)},
	{"MB", size, big.NewRat(1e6, 1)},
	{"GB", size, big.NewRat(1e9, 1)},
	{"TB", size, big.NewRat(1e12, 1)},
	{"s", duration, big.NewRat(1, 1)},
	{"h", duration, big.NewRat(3600, 1)},
	{"d", duration, big.NewRat(86400, 1)},
	{"w", duration, big.NewRat(7*86400, 1)},
	{"B", size, big.NewRat(1, 1)},
	{"%", share, big.NewRat(1, 100)},
}

func unitNamed(name string) *unit {
	if i := slices.IndexFunc(units, func(u unit) bool { return u.name == name }); i >= 0 {
		return &units[i]
	}
	return nil
}

// impliedUnit is the unit that the name of a number tells, as the manifest's schema says.
func impliedUnit(keys []string) *unit {
	last := keys[len(keys)-1]
	switch {
	case strings.HasSuffix(last, "_ms"):
		return unitNamed("ms")
	case last == "size":
		return unitNamed("B")
	case last == "errorRate":
		return unitNamed("share")
	}
	return nil
}

// The form of a number with its unit, and of an ISO 8601 duration: weeks, or years to seconds. A year
// is 365 days and a month the twelfth of it, so that P12M and P1Y are the same. lib/rule.rego reads
// the texts of manifests by the same forms.
var (
	measureForm  = regexp.MustCompile(`^([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([a-zA-Z%]+)$`)
	durationForm = regexp.MustCompile(`^P(?:([0-9]{1,9})Y)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?)?$`)
	durationPart = []int64{365 * 86400, 365 * 86400 / 12, 7 * 86400, 86400, 3600, 60, 1} // seconds
)

// quantity reads a number with a unit ("500ms", "10 GB", "1.5 %") or an ISO 8601 duration ("P2Y"), in
// the base of its dimension.
func quantity(s string) (value *big.Rat, dimension string, err error) {
	if m := durationForm.FindStringSubmatch(s); m != nil && s != "P" && !strings.HasSuffix(s, "T") {
		sum := new(big.Rat)
		for i, digits := range m[1:] {
			if n, ok := new(big.Rat).SetString(digits); ok {
				sum.Add(sum, n.Mul(n, big.NewRat(durationPart[i], 1)))
			}
		}
		return sum, duration, nil
	}
	m := measureForm.FindStringSubmatch(s)
	if m == nil {
		return nil, "", fmt.Errorf("%q is no number with a unit", s)
	}
	u := unitNamed(m[2])
	if u == nil {
		return nil, "", fmt.Errorf("%q is no unit", m[2])
	}
	n, ok := new(big.Rat).SetString(m[1])
	if !ok {
		return nil, "", fmt.Errorf("%q is no number", m[1])
	}
	return n.Mul(n, u.factor), u.dimension, nil
}

// decimal writes a number as Rego and JSON do: exactly, or to 15 places where it never ends.
func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(strings.TrimRight(r.FloatString(15), "0"), ".")
}
