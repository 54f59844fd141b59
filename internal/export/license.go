package export

import (
	_ "embed"
	"strings"
	"sync"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// spdxSource lists the identifiers that CycloneDX 1.6 knows: those of the SPDX License List and, of the
// exceptions, those that follow WITH. A test holds it against the schema.
//
//go:embed spdx.txt
var spdxSource string

// spdxIDs are the identifiers by their lower case: SPDX compares them without case.
var spdxIDs = sync.OnceValue(func() map[string]string {
	ids := map[string]string{}
	for id := range strings.Lines(spdxSource) {
		id = strings.TrimSpace(id)
		ids[strings.ToLower(id)] = id
	}
	return ids
})

// licenses says which licence something has: by its SPDX identifier, as an expression of such, or by the
// words that the manifest has for it. Nil when it says nothing.
func licenses(spdx, name, link string) *cdx.Licenses {
	spdx, name = printable(spdx), printable(name)
	if spdx == "" && name == "" {
		return nil
	}
	if spdxExpression(spdx) {
		return &cdx.Licenses{{Expression: spdx}}
	}
	l := &cdx.License{ID: spdxIDs()[strings.ToLower(spdx)], Acknowledgement: cdx.LicenseAcknowledgementDeclared, URL: webAddress(link)}
	if l.ID == "" {
		l.Name = name
		if name == "" || spdx != "" && !strings.EqualFold(spdx, "other") {
			l.Name = spdx
		}
	}
	return &cdx.Licenses{{License: l}}
}

// spdxExpression tells an expression of several known identifiers, such as "MIT OR Apache-2.0".
func spdxExpression(s string) bool {
	words := strings.Fields(strings.NewReplacer("(", " ", ")", " ").Replace(s))
	for i, w := range words {
		_, known := spdxIDs()[strings.ToLower(strings.TrimSuffix(w, "+"))]
		operator := w == "AND" || w == "OR" || w == "WITH"
		if i%2 == 0 && !known && !strings.HasPrefix(w, "LicenseRef-") || i%2 == 1 && !operator {
			return false
		}
	}
	return len(words) > 1 && len(words)%2 == 1 && strings.Count(s, "(") == strings.Count(s, ")")
}
