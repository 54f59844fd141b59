package rules_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/internal/policy/rules"
	"github.com/lumos-governance/lumos/releases"
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

// BenchmarkEvaluate judges the example by every control in YAML that ships, and by nothing else.
func BenchmarkEvaluate(b *testing.B) {
	manifest, err := os.ReadFile("../../../releases/examples/roberta-squad2/1.0.0.yaml")
	if err != nil {
		b.Fatal(err)
	}
	var files []policy.File
	for i, c := range catalogue(b) {
		src := regexp.MustCompile(`(?m)^id: .*$`).ReplaceAll(c.src, fmt.Appendf(nil, "id: ACME-%02d", i+1))
		files = append(files, policy.File{Path: fmt.Sprintf(".lumos/policies/acme_%02d.yaml", i+1), Data: src})
	}
	engine := load(b, &config.Config{MaxAge: "180d"}, files...)
	release, err := releases.Parse("releases/roberta-squad2/1.0.0.yaml", manifest)
	if err != nil {
		b.Fatal(err)
	}
	subject := policy.Subject{Manifest: policy.File{Path: "releases/roberta-squad2/1.0.0.yaml", Data: manifest}, Release: release, Now: now}
	for b.Loop() {
		engine.Evaluate(b.Context(), subject)
	}
}
