package releases

import (
	_ "embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/lumos-governance/lumos/internal/document"
)

//go:embed schema/manifest.schema.json
var schemaSource []byte

var schema = sync.OnceValue(func() *document.Schema { return document.MustCompile("manifest", schemaSource) })

// Schema returns the manifest's JSON Schema (draft 2020-12).
func Schema() []byte { return slices.Clone(schemaSource) }

// Release is a parsed manifest. It does not change and may be shared between goroutines.
type Release struct {
	Path     string
	Manifest Manifest
	Value    map[string]any // the same as plain JSON values, for policies: string, int64, float64, bool, nil, []any, map[string]any
	Digest   string         // "sha256:<hex>" of the RFC 8785 canonical JSON: what the manifest says, however it is formatted

	doc *document.Document
}

// Parse reads the manifest src, known as path. The error, if any, is Errors: everything that is wrong,
// each with its place.
func Parse(path string, src []byte) (*Release, error) {
	r := &Release{Path: path}
	var undecoded error // stays nil when the schema accepts the manifest, for the two agree
	doc, errs := document.Parse(path, src, schema(), func(d *document.Document) Errors {
		r.doc = d
		undecoded = d.Decode(&r.Manifest)
		return r.check()
	})
	if errs != nil {
		return nil, errs
	}
	if undecoded != nil {
		return nil, Errors{doc.Errorf("", "", "%v", undecoded)}
	}
	r.Value, _ = doc.Value.(map[string]any) // the schema admits nothing else
	r.Digest = digest(doc.Canonical())
	return r, nil
}

// Canonical returns the canonical JSON (RFC 8785) of a value made as Release.Value is.
func Canonical(v any) ([]byte, error) { return document.Canonical(v) }

// Position tells the line and column, from 1, of the value at an RFC 6901 pointer, or of the nearest
// thing around it.
func (r *Release) Position(pointer string) (line, column int) { return r.doc.Position(pointer) }

// pointerForm is an RFC 6901 pointer to something inside a document.
var pointerForm = regexp.MustCompile(`^(/([^~/]|~[01])*)+$`)

// check finds what the schema cannot say. It also runs on a manifest that the schema refuses and that
// is read only in part.
func (r *Release) check() (errs Errors) {
	refuse := func(pointer, hint, format string, args ...any) {
		errs = append(errs, r.doc.Errorf(pointer, hint, format, args...))
	}
	m := &r.Manifest
	if name, version, ok := placeOf(r.Path); ok {
		if name != m.Metadata.Name {
			refuse("/metadata/name", "rename one of them", "the name is %q, but the file lies in the folder %q", m.Metadata.Name, name)
		}
		if version != m.Metadata.Version {
			refuse("/metadata/version", "rename one of them", "the version is %q, but the file is named for %q", m.Metadata.Version, version)
		}
	}
	if err := taggable(m.Metadata.Version); err != nil {
		refuse("/metadata/version", "choose another version", "%v", err)
	}
	ids := map[string]int{}
	for i, e := range m.Spec.Evidence {
		at := fmt.Sprintf("/spec/evidence/%d", i)
		if first, twice := ids[e.ID]; twice {
			line, _ := r.Position(fmt.Sprintf("/spec/evidence/%d/id", first))
			refuse(at+"/id", "evidence is referred to by its id: give it one of its own", "the id %q is already used in line %d", e.ID, line)
		} else if e.ID != "" {
			ids[e.ID] = i
		}
		if problem := badURI(e.URI); problem != "" {
			refuse(at+"/uri", uriHint, "%q %s", e.URI, problem)
		}
		if e.Signature != nil {
			if problem := badURI(e.Signature.URI); problem != "" {
				refuse(at+"/signature/uri", uriHint, "%q %s", e.Signature.URI, problem)
			}
		}
	}
	for pointer := range m.Spec.Provenance {
		if !pointerForm.MatchString(pointer) {
			refuse(document.Pointer("spec", "provenance", pointer), "write it like /spec/model/license/spdx", "%q is not a JSON pointer (RFC 6901)", pointer)
		}
	}
	return errs
}

// placeOf tells the model and version that a path of the form …releases/…/<model>/<version>.yaml
// stands for.
func placeOf(file string) (name, version string, ok bool) {
	parts := strings.Split(file, "/")
	n := len(parts)
	if n < 3 || !slices.Contains(parts[:n-2], "releases") {
		return "", "", false
	}
	version, ok = versionOf(parts[n-1])
	return parts[n-2], version, ok
}

// versionOf tells the version that a file name stands for.
func versionOf(name string) (string, bool) {
	switch ext := path.Ext(name); ext {
	case ".yaml", ".yml":
		version := strings.TrimSuffix(name, ext)
		return version, version != ""
	}
	return "", false
}

const uriHint = "write the path from the root of the repository, or a URI with its scheme"

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// badURI says what is wrong with the place of a document. Paths are those of the repository, plain
// and in one spelling only, so that what is judged is what a reader opens.
func badURI(uri string) string {
	switch {
	case uri == "" || scheme.MatchString(uri):
		return ""
	case strings.HasPrefix(uri, "/"):
		return "starts with a slash"
	case strings.Contains(uri, `\`):
		return "holds a backslash"
	case strings.ContainsFunc(uri, func(r rune) bool { return r < ' ' || r == 0x7F }):
		return "holds a control character"
	case path.Clean(uri) != uri || uri == "." || uri == ".." || strings.HasPrefix(uri, "../"):
		return "is not a plain path"
	}
	return ""
}

// EvidencePaths returns the files of the repository that the manifest names as evidence, signatures
// included, sorted and each once. Evidence elsewhere is not among them.
func (r *Release) EvidencePaths() []string {
	var paths []string
	add := func(uri string) {
		if uri != "" && !scheme.MatchString(uri) {
			paths = append(paths, uri)
		}
	}
	for _, e := range r.Manifest.Spec.Evidence {
		add(e.URI)
		if e.Signature != nil {
			add(e.Signature.URI)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// ReleasePaths returns the manifests of other releases that this one names (those of its base models),
// sorted and each once.
func (r *Release) ReleasePaths() []string {
	var out []string
	for _, b := range r.Manifest.Spec.Model.BaseModels {
		if p := b.Release; p != "" && path.Clean(p) == p && !path.IsAbs(p) && !strings.HasPrefix(p, "../") {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Model and version as git refs.
var (
	nameForm    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	versionForm = regexp.MustCompile(`^[0-9A-Za-z]+(([._+]|-+)[0-9A-Za-z]+)*$`)
)

// ReleaseTag returns the git tag of a release, "lumos/<model>/<version>". It refuses what git would
// refuse as a ref (git-check-ref-format) and what no manifest can be called.
func ReleaseTag(model, version string) (string, error) {
	if !nameForm.MatchString(model) {
		return "", fmt.Errorf("the model's name %q is not a DNS label", model)
	}
	if err := taggable(version); err != nil {
		return "", err
	}
	return "lumos/" + model + "/" + version, nil
}

// taggable refuses versions that git would refuse in a ref.
func taggable(version string) error {
	if !versionForm.MatchString(version) || len(version) > 100 {
		return fmt.Errorf("the version %q cannot name a git tag", version)
	}
	if strings.HasSuffix(version, ".lock") {
		return fmt.Errorf("the version %q ends in .lock, which git keeps for itself", version)
	}
	return nil
}

// ReleaseTag returns the git tag of this release.
func (r *Release) ReleaseTag() string {
	return "lumos/" + r.Manifest.Metadata.Name + "/" + r.Manifest.Metadata.Version // Parse saw to it that it is one
}
