package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/internal/forge"
)

func proposal() checker.Proposal {
	s := &forge.Snapshot{Manifests: []forge.Blob{{Path: "releases/a/1.yaml"}}}
	s.PullRequest.Repo = forge.Repo{Host: "github.com", Owner: "acme", Name: "models"}
	return checker.Proposal{Snapshot: s, Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
}

// Whatever becomes of the process that tries proposed rules, it is told as a problem of these rules; that
// it could not be started is an error of ours.
func TestWorkerEndsBadly(t *testing.T) {
	t.Parallel()
	shell := func(script string) worker {
		return worker{[]string{"/bin/sh", "-c", script}, zerolog.Nop()}
	}
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip(err)
	}
	for name, w := range map[string]worker{
		"it fails":         shell("cat >/dev/null; exit 2"),
		"it is killed":     shell("cat >/dev/null; kill -9 $$"),
		"it reads nothing": shell("exit 1"),
	} {
		impact, err := w.try(t.Context(), proposal())
		if err != nil || len(impact.Problems) != 1 || !strings.Contains(impact.Problems[0], "ran out of time, memory or stack") || impact.Judged != 1 {
			t.Errorf("%s: %+v, %v", name, impact, err)
		}
	}
	if impact, err := (worker{[]string{"/no/such/program"}, zerolog.Nop()}).try(t.Context(), proposal()); err == nil {
		t.Errorf("a program that is not there gives %+v", impact)
	}
	if impact, err := shell("cat >/dev/null; echo not JSON").try(t.Context(), proposal()); err == nil {
		t.Errorf("an answer that is none gives %+v", impact)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if impact, err := shell("sleep 60").try(ctx, proposal()); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped from outside: %+v, %v", impact, err)
	}
}

// It gets the proposal and nothing else: no environment, no folder of ours.
func TestWorkerHasNothingOfOurs(t *testing.T) {
	t.Setenv("LUMOS_GITHUB_WEBHOOK_SECRET", "hunter2")
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip(err)
	}
	w := worker{[]string{"/bin/sh", "-c", `cat >/dev/null; printf '{"before":"%s","after":"%s","judged":1,"changed":[]}' "$(env | grep -c LUMOS)" "$(pwd)"`}, zerolog.Nop()}
	impact, err := w.try(t.Context(), proposal())
	if err != nil || impact.Before != "0" || impact.After != "/" {
		t.Errorf("%+v, %v", impact, err)
	}
}

func TestCapped(t *testing.T) {
	t.Parallel()
	c := &capped{max: 10}
	if _, err := c.Write([]byte("12345")); err != nil {
		t.Error(err)
	}
	if _, err := c.Write(bytes.Repeat([]byte("x"), 6)); err == nil || c.Len() != 5 {
		t.Errorf("%d bytes, %v", c.Len(), err)
	}
}

// A proposal survives the way to the process and back.
func TestProposalRoundTrip(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(proposal())
	if err != nil {
		t.Fatal(err)
	}
	var back checker.Proposal
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(back); err != nil || !bytes.Equal(again, data) {
		t.Errorf("%s, %v", again, err)
	}
}
