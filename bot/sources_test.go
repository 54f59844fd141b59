package bot

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

// said answers for every source with its own name, and notes what it is asked.
type said struct {
	mu    sync.Mutex
	asked []string
	stop  func()
}

func (s *said) ReadFor(_ context.Context, _, name string) forge.SourceFact {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, name)
	if s.stop != nil {
		s.stop()
	}
	if name == "down" {
		return forge.SourceFact{Err: "the connection was refused"}
	}
	return forge.SourceFact{Values: []string{name}}
}

func TestObserveReadsTheSourcesOfTheBase(t *testing.T) {
	t.Parallel()
	h := &hostOf{
		head:  "h1",
		files: []forge.File{{Path: ".lumos/config.yaml", Status: forge.Modified, Blob: "evil"}},
		blobs: map[string]string{
			"good": "apiVersion: lumos/v1\nkind: Config\nlists: {a: {source: catalog}, b: {source: down}, c: {source: catalog}}\nthresholdsFrom: limits\n",
			"evil": "apiVersion: lumos/v1\nkind: Config\nlists: {a: {source: secret}}\n",
		},
	}
	h.talk = func(int) (*forge.Conversation, error) {
		return conversation("h1", forge.Entry{Path: ".lumos/config.yaml", Mode: "100644", OID: "good"}), nil
	}
	o, sources := NewObserver(h), &said{}
	o.Sources = sources
	s, err := o.Observe(t.Context(), ref7, "")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]forge.SourceFact{"catalog": {Values: []string{"catalog"}}, "limits": {Values: []string{"limits"}}, "down": {Err: "the connection was refused"}}
	if diff := cmp.Diff(want, s.Sources); diff != "" {
		t.Error(diff)
	}
	slices.Sort(sources.asked)
	if diff := cmp.Diff([]string{"catalog", "down", "limits"}, sources.asked); diff != "" {
		t.Error(diff)
	}

	// Cut short, they say nothing of the sources: there is no snapshot then.
	ctx, cancel := context.WithCancel(t.Context())
	sources.stop = cancel
	if s, err := o.Observe(ctx, ref7, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("snapshot %v, error %v", s, err)
	}

	o.Sources = nil
	if s, err = o.Observe(t.Context(), ref7, ""); err != nil || s.Sources["catalog"].Err != "the bot has no sources" {
		t.Errorf("%v, %v", s.Sources, err)
	}
	h.blobs["good"] = "apiVersion: lumos/v1\nkind: Config\n"
	if s, err = NewObserver(h).Observe(t.Context(), ref7, ""); err != nil || s.Sources != nil {
		t.Errorf("a configuration that names none: %v, %v", s.Sources, err)
	}
}
