package bot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/releases"
)

func TestNeededTeams(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{Approval: map[releases.Tier]config.Rule{
		releases.TierHigh: {All: []config.Need{{Codeowners: true}, {Team: "acme/Risk"}}},
	}}
	file := forge.Blob{Path: "CODEOWNERS", Data: []byte("* @Ben @Acme/Models me@example.org\n[A] @@developers\n/x\n!/y\n[B\n/z @hidden/group\n")}
	for host, want := range map[forge.Platform][]string{
		"":           {"acme/models", "acme/risk"},
		forge.GitHub: {"acme/models", "acme/risk"},
		forge.GitLab: {"@developer", "acme/models", "acme/risk", "ben"}, // ben may be a group
	} {
		file := file
		if host != forge.GitLab {
			file.Data = []byte("* @Ben @Acme/Models me@example.org\n")
		}
		if diff := cmp.Diff(want, neededTeams(host, file, cfg)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", host, diff)
		}
	}
}

// Each host reads CODEOWNERS at its own places, the first of them alone.
func TestWantedBase(t *testing.T) {
	t.Parallel()
	file := func(path string) forge.Entry { return forge.Entry{Path: path, Mode: "100644", OID: path} }
	all := []forge.Entry{file(".github/CODEOWNERS"), file(".gitlab/CODEOWNERS"), file(".lumos/config.yaml"),
		{Path: "CODEOWNERS", Mode: "120000", OID: "link"}, file("docs/CODEOWNERS")}
	for host, want := range map[forge.Platform]string{forge.GitHub: ".github/CODEOWNERS", forge.GitLab: "docs/CODEOWNERS"} {
		got := wantedBase(host, all)
		if len(got) != 2 || got[0].path != ".lumos/config.yaml" || got[1].path != want {
			t.Errorf("%s: %+v, want the configuration and %s", host, got, want)
		}
		b := &blobs{got: map[string]forge.Blob{}}
		if _, _, codeowners := b.trusted(host, all); codeowners.Path != want {
			t.Errorf("%s: trusted %s, want %s", host, codeowners.Path, want)
		}
		if _, _, codeowners := b.trusted(host, nil); codeowners.Path == "" || codeowners.OID != "" {
			t.Errorf("%s: no file is %+v", host, codeowners)
		}
	}
}
