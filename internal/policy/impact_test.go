package policy_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

func stricter(t testing.TB) *policy.Engine {
	conf := acme()
	limit := conf.Thresholds["evaluations"]["f1"]
	limit.Min = number(0.95)
	conf.Thresholds["evaluations"]["f1"] = limit
	return load(t, conf)
}

func TestCompare(t *testing.T) {
	t.Parallel()
	s := subject(manifest(t))
	before, after := load(t, acme()).Evaluate(t.Context(), s), stricter(t).Evaluate(t.Context(), s)
	if _, changed := policy.Compare(before, before); changed {
		t.Error("a report differs from itself")
	}
	effect, changed := policy.Compare(before, after)
	want := []policy.ControlChange{{ID: "EVL-02", Title: "Thresholds met", Before: policy.Pass, After: policy.Fail, Why: "f1 is 0.913, below the threshold of 0.95"}}
	if d := cmp.Diff(want, effect.Controls); d != "" || !changed || !effect.Worse() || effect.Better() {
		t.Errorf("changed %v, worse %v, better %v %s", changed, effect.Worse(), effect.Better(), d)
	}
	if back, _ := policy.Compare(after, before); !back.Better() || back.Worse() {
		t.Error("the way back is not for the better")
	}
	// Controls come and go with packs and own rules.
	own := load(t, acme(), rule("missing contains {\"message\": \"none\"} if not pass\n\npass if input.tier.derived == \"none\"\n")).Evaluate(t.Context(), s)
	if e, _ := policy.Compare(before, own); len(e.Controls) != 1 || e.Controls[0].Before != "" || e.Controls[0].After != policy.Missing || e.Controls[0].Why != "none" {
		t.Errorf("a new control: %+v", e.Controls)
	}
	if e, _ := policy.Compare(own, before); len(e.Controls) != 1 || e.Controls[0].Before != policy.Missing || e.Controls[0].After != "" {
		t.Errorf("a control that is gone: %+v", e.Controls)
	}
}

func TestCompareAll(t *testing.T) {
	t.Parallel()
	good, low := manifest(t), manifest(t, "value: 0.913", "value: 0.96")
	var done atomic.Int64
	effects, err := policy.CompareAll(t.Context(), load(t, acme()).Evaluate, stricter(t).Evaluate, 30, func(i int) policy.Subject {
		s := subject(low)
		if i%3 == 0 {
			s = subject(good)
		}
		s.Manifest.Path = fmt.Sprintf("releases/support-triage/%02d.yaml", i)
		s.Manifest.Data = []byte(strings.Replace(string(s.Manifest.Data), `version: "2.3.0"`, fmt.Sprintf("version: %q", fmt.Sprintf("%02d", i)), 1))
		return s
	}, func() { done.Add(1) })
	if err != nil || done.Load() != 30 || len(effects) != 10 {
		t.Fatalf("%d effects of %d, %v", len(effects), done.Load(), err)
	}
	for i, e := range effects {
		if want := fmt.Sprintf("releases/support-triage/%02d.yaml", 3*i); e.Path != want {
			t.Errorf("effect %d is on %s, want %s", i, e.Path, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := policy.CompareAll(ctx, load(t, acme()).Evaluate, stricter(t).Evaluate, 3, func(int) policy.Subject { return subject(good) }, nil); err == nil {
		t.Error("what was cut short is an answer all the same")
	}
}

// BenchmarkImpact judges 10,000 manifests under two policies, on all cores: LUMOS_MANIFESTS sets another
// number.
func BenchmarkImpact(b *testing.B) {
	n := 10_000
	if text := os.Getenv("LUMOS_MANIFESTS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			b.Fatal(err)
		}
	}
	before, after, s := load(b, acme()), stricter(b), subject(manifest(b))
	var err error
	if s.Release, err = releases.Parse(s.Manifest.Path, s.Manifest.Data); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range 1 { // one run says enough
		start := time.Now()
		effects, err := policy.CompareAll(b.Context(), before.Evaluate, after.Evaluate, n, func(int) policy.Subject { return s }, nil)
		if err != nil || len(effects) != n {
			b.Fatal(len(effects), err)
		}
		b.ReportMetric(float64(n)/time.Since(start).Seconds(), "manifests/s")
	}
}
