package evidence

import (
	"slices"
	"strings"
)

// readBOM reads an ML-BOM in the JSON of CycloneDX 1.5 to 1.7 (ECMA-424 and cyclonedx.org, 2026-11):
// its models and data, wherever they are nested.
func readBOM(r *reader, root value, f *Facts, _ *Trust) {
	o := r.object(root)
	f.Version = r.text(o["specVersion"])
	if !slices.Contains([]string{"1.5", "1.6", "1.7"}, f.Version) {
		r.fail("CycloneDX %s is not read, want 1.5 to 1.7", clip(f.Version))
		return
	}
	metadata := r.object(o["metadata"])
	f.At = moment(r.text(metadata["timestamp"]))
	f.BOM = &BOM{SpecVersion: f.Version}
	if metadata["component"].isObject() {
		r.component(metadata["component"], f.BOM, 0)
	}
	for _, v := range r.list(o["components"], "components") {
		r.component(v, f.BOM, 0)
	}
	for _, c := range f.BOM.Components {
		if c.Type == "machine-learning-model" && f.Model == "" {
			f.Model = c.Name
		}
	}
}

// component keeps a component that is a model or data, and looks into those that it holds.
func (r *reader) component(v value, bom *BOM, depth int) {
	o := r.object(v)
	kind := r.text(o["type"])
	if o == nil || kind == "" || !o["name"].isText() {
		r.fail("a component has no type or no name")
		return
	}
	if kind == "machine-learning-model" || kind == "data" {
		c := Component{Type: kind, Name: r.text(o["name"]), Version: r.text(o["version"])}
		if group := r.text(o["group"]); group != "" {
			c.Name = group + "/" + c.Name
		}
		c.Digests = r.digests(o)
		if kind == "machine-learning-model" { // weights in several files are the model's own files
			for _, inner := range r.list(o["components"], "components") {
				if file := r.object(inner); r.text(file["type"]) == "file" && len(c.Digests) < maxResults {
					c.Digests = append(c.Digests, r.digests(file)...)
				}
			}
		}
		for _, l := range r.list(o["licenses"], "licences") {
			choice := r.object(l)
			license := r.object(choice["license"])
			for _, name := range []value{choice["expression"], license["id"], license["name"]} {
				if s := r.text(name); s != "" {
					c.Licenses = append(c.Licenses, s)
					break
				}
			}
		}
		if len(bom.Components) == maxResults {
			r.fail("it has more than %d models and datasets", maxResults)
			return
		}
		bom.Components = append(bom.Components, c)
		bom.HasModelCard = bom.HasModelCard || kind == "machine-learning-model" && len(r.object(o["modelCard"])) > 0
	}
	if depth == 10 {
		r.fail("components are nested deeper than 10")
		return
	}
	for _, inner := range r.list(o["components"], "components") {
		r.component(inner, bom, depth+1)
	}
}

// digests are the SHA-256 digests of a component.
func (r *reader) digests(component map[string]value) []string {
	var out []string
	for _, h := range r.list(component["hashes"], "hashes") {
		hash := r.object(h)
		if r.text(hash["alg"]) == "SHA-256" {
			out = append(out, "sha256:"+strings.ToLower(r.text(hash["content"])))
		}
	}
	return out
}
