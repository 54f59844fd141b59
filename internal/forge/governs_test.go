package forge

import "testing"

func TestGoverns(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		".lumos": true, ".lumos/config.yaml": true, "CODEOWNERS": true, ".github/CODEOWNERS": true, ".gitlab/CODEOWNERS": true, "docs/CODEOWNERS": true,
		".lumosity/config.yaml": false, "releases/CODEOWNERS": false, "codeowners": false, "": false,
	} {
		if got := Governs(path); got != want {
			t.Errorf("%q governs: %v, want %v", path, got, want)
		}
	}
}
