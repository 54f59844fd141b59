package policy

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/policies"
)

// TestRego runs every Rego test of every pack in the sandbox. Each control must be shown to pass and
// to fail, and every row of it must be reached by some test.
func TestRego(t *testing.T) {
	t.Parallel()
	shelf, err := NewLibrary(policies.FS).shelf()
	if err != nil {
		t.Fatal(err)
	}
	conf := &config.Config{}
	lists := maps.Clone(shelf.catalog.Lists)
	maps.Copy(lists, shelf.lib.Lists)
	input, err := inputSchema(slices.Sorted(maps.Keys(lists)), slices.Sorted(maps.Keys(thresholdsOf(conf))))
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]*ast.Module{}
	for _, m := range slices.Concat(shelf.lib.own, shelf.catalog.own) {
		if m.parsed != nil {
			modules[m.path] = m.parsed
		}
	}
	coverage := cover.New()
	results := runRego(t, newCompiler(input), modules, coverage)

	seen := map[string]bool{} // "data.lumos.core.id_01_test pass"
	for _, r := range results {
		kind, _, _ := strings.Cut(strings.TrimPrefix(r.Name, "test_"), "_")
		seen[r.Package+" "+kind] = true
		t.Run(strings.TrimPrefix(r.Package, "data.lumos.")+"/"+r.Name, func(t *testing.T) {
			if r.Error != nil || r.Fail {
				t.Errorf("%s:%d: failed: %v", r.Location.File, r.Location.Row, r.Error)
			}
		})
	}
	report := coverage.Report(modules)
	for _, m := range shelf.catalog.own {
		if m.control == nil || m.control.Language != Rego {
			continue
		}
		for _, kind := range []string{"pass", "fail"} {
			if !seen[m.parsed.Package.Path.String()+"_test "+kind] {
				t.Errorf("%s: no test whose name starts with test_%s", m.path, kind)
			}
		}
		for _, gap := range report.Files[m.path].NotCovered {
			t.Errorf("%s:%d: no test reaches this row (to row %d)", m.path, gap.Start.Row, gap.End.Row)
		}
	}
}

func runRego(t *testing.T, compiler *ast.Compiler, modules map[string]*ast.Module, coverage *cover.Cover) []*tester.Result {
	t.Helper()
	ctx, store := context.Background(), inmem.New()
	txn := storage.NewTransactionOrDie(ctx, store)
	defer store.Abort(ctx, txn)
	results, err := tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(modules).
		SetDefaultRegoVersion(ast.RegoV1).RaiseBuiltinErrors(true).SetTimeout(10*time.Second).
		SetCoverageQueryTracer(coverage).RunTests(ctx, txn)
	if err != nil {
		t.Fatal(err)
	}
	var out []*tester.Result
	for r := range results {
		out = append(out, r)
	}
	return out
}
