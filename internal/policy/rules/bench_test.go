package rules_test

import (
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/policy/rules"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// BenchmarkLoad reads and renders every control in YAML that ships.
func BenchmarkLoad(b *testing.B) {
	all := catalogue(b)
	for b.Loop() {
		for _, c := range all {
			r, errs := rules.Parse(c.name, c.src)
			if errs != nil {
				b.Fatal(errs)
			}
			if _, _, errs := r.Render("lumos.controls."+c.stem, options); errs != nil {
				b.Fatal(errs)
			}
		}
	}
}
