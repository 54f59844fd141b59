package demo

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/bot/wire"
	"github.com/lumos-governance/lumos/internal/audit"
)

// TestBothHostsAtOnce has one bot with both hosts in its settings. The repositories have the same name and
// the pull requests the same number: what happens on one is nothing to the other, until both are merged.
func TestBothHostsAtOnce(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("the sandbox needs the git command")
	}
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	var worlds []*World
	for _, host := range platforms {
		w, err := Start(ctx, Options{Host: host, Dir: filepath.Join(dir, string(host)), NoBot: true})
		must(err)
		t.Cleanup(func() {
			if err := w.Close(); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		})
		worlds = append(worlds, w)
	}
	settings, err := writeSettings(dir, false, worlds...)
	must(err)
	svc, err := wire.Start(ctx, settings, wire.Options{Log: zerolog.Nop(), RecordWithin: 50 * time.Millisecond, Version: "test"})
	must(err)
	for _, w := range worlds {
		w.Pin, _, err = svc.InitAudit(ctx, w.Repo())
		must(err)
	}
	must(worlds[0].run(ctx, svc)) // whose StopBot then ends it
	must(worlds[1].side.aim(worlds[1], svc.URL()))

	for _, w := range worlds {
		number, err := w.Furnish(ctx)
		must(err)
		if number != 1 {
			t.Fatalf("%s: number %d, expected 1", w.Platform, number)
		}
		_, err = w.As(Engineer).Gate(ctx, 1, "", "in_progress")
		must(err)
	}
	here, there := worlds[0], worlds[1]
	must(here.As(Owner).Review(ctx, 1, Approve, "Read."))
	must(there.As(Owner).Comment(ctx, 1, "/lumos reject the limits are missing"))
	_, err = there.As(Engineer).Gate(ctx, 1, "", "failure")
	must(err)
	pr, err := here.As(Engineer).Gate(ctx, 1, "", "in_progress")
	must(err)
	if strings.Contains(pr.Status, "the limits are missing") {
		t.Error("an objection on GitLab is shown on GitHub")
	}
	must(here.As(Second).Review(ctx, 1, Approve, "Read."))
	merged(t, here)
	if pr, err = there.As(Engineer).Look(ctx, 1); err != nil || pr.Merged {
		t.Fatalf("a merge on GitHub: merged on GitLab %v, %v", pr != nil && pr.Merged, err)
	}
	must(there.As(Owner).Comment(ctx, 1, "/lumos approve"))
	must(there.As(Second).Review(ctx, 1, Approve, "Read."))
	merged(t, there)
}

// merged waits until the release of a world is merged, tagged and on the record, and verifies it.
func merged(t *testing.T, w *World) {
	t.Helper()
	ctx := t.Context()
	if _, err := w.As(Engineer).WaitFor(ctx, 1, "the merge", func(p *PullRequest) bool {
		return p.Merged && strings.Contains(p.Status, "on the record")
	}); err != nil {
		t.Fatalf("%s: %v", w.Platform, err)
	}
	dir := filepath.Join(t.TempDir(), "clone")
	if err := w.As(Admin).Clone(ctx, dir); err != nil {
		t.Fatal(err)
	}
	res, err := audit.Verify(ctx, dir, audit.Options{TrustGenesis: w.Pin})
	if err != nil || !res.OK {
		t.Fatalf("%s: the audit log does not verify: %v, %+v", w.Platform, err, res)
	}
}
