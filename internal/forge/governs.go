package forge

import (
	"strings"

	"github.com/lumos-governance/lumos/internal/owners"
)

// Governs reports whether a file decides how releases are judged or who owns them: what lies under
// .lumos, and CODEOWNERS wherever one of the hosts looks for it.
func Governs(path string) bool {
	return path == ".lumos" || strings.HasPrefix(path, ".lumos/") || owners.IsPlace(path)
}
