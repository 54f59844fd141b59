package gitlab

import (
	"testing"
	"time"
)

// TestNarrowKnowsOurOwnGate: the pipeline that our gate made green is not looked at, once and for a
// while; every other one is.
func TestNarrowKnowsOurOwnGate(t *testing.T) {
	t.Parallel()
	_, h := newLab(t)
	green := Wake{Repo: models, AllOpen: true, HeadSHA: sha1A, Green: sha1A + "@release"}
	other := green
	other.Green = sha1A + "@decoy"
	h.greened.put(models.FullName()+"@"+green.Green, true, time.Minute)
	for _, step := range []struct {
		name string
		wake Wake
		look bool
	}{
		{"another branch with the same head", other, true},
		{"a change of the merge request", Wake{Repo: models, AllOpen: true, HeadSHA: sha1A}, true},
		{"ours", green, false},
		{"the same once more", green, true},
	} {
		if got := h.Narrow(step.wake).AllOpen; got != step.look {
			t.Errorf("%s: looks %v, expected %v", step.name, got, step.look)
		}
	}
	h.greened.put(models.FullName()+"@"+green.Green, true, time.Minute)
	h.greened.put(models.FullName()+"@"+green.Green, false, time.Minute)
	if !h.Narrow(green).AllOpen {
		t.Error("a gate that is red again is not looked at when its pipeline becomes green")
	}
}
