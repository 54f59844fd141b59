package approval

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNobodyIsAskedTwice(t *testing.T) {
	t.Parallel()
	got := mergeAsks([]Ask{
		{Who: []string{"@acme/platform"}, Why: "owners of /.lumos/", Need: 1},
		{Who: []string{"@ben"}, Why: "owner of /releases/", Need: 1},
		{Who: []string{"@acme/platform"}, Why: "the high tier asks for code owners", Need: 2},
		{Who: []string{"@ben"}, Why: "owner of /releases/", Need: 1},
	})
	want := []Ask{
		{Who: []string{"@acme/platform"}, Why: "owners of /.lumos/, and the high tier asks for code owners", Need: 2},
		{Who: []string{"@ben"}, Why: "owner of /releases/", Need: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
