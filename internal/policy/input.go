package policy

import (
	"time"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/lumos-governance/lumos/releases"
)

// maxText is how much of an evidence file controls can read. Longer files have their digest only.
const maxText = 256 << 10 // bytes

// input builds what every control sees. Rego's form of it is made once and shared.
func (e *Engine) input(release, previous *releases.Release, s Subject, tier Tier, concerns []concern, lists, thresholds *ast.Term) (ast.Value, error) {
	manifest, err := term(release.Value)
	if err != nil {
		return nil, err
	}
	pairs := [][2]*ast.Term{
		pair("manifest", manifest),
		pair("evidence", e.evidence(s.Evidence)),
		pair("lists", lists),
		pair("thresholds", thresholds),
		pair("maxEvidenceAgeDays", ast.IntNumberTerm(e.maxAgeDays)),
		pair("waivers", waiverTerms(concerns)),
		pair("tier", ast.ObjectTerm(
			pair("declared", ast.StringTerm(string(tier.Declared))),
			pair("derived", ast.StringTerm(string(tier.Derived))),
			pair("effective", ast.StringTerm(string(tier.Effective))),
			pair("reason", ast.StringTerm(tier.Reason)),
		)),
		pair("now", ast.StringTerm(s.Now.UTC().Format(time.RFC3339Nano))),
	}
	named, err := manifests(s.Releases)
	if err != nil {
		return nil, err
	}
	pairs = append(pairs, pair("releases", named))
	if previous != nil {
		p, err := term(previous.Value)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair("previous", p))
	}
	return ast.NewObject(pairs...), nil
}

func pair(key string, value *ast.Term) [2]*ast.Term {
	return [2]*ast.Term{ast.StringTerm(key), value}
}

// evidence gives each file's digest and size, its text where it is text and not too long, and what it
// says where its format is known.
func (e *Engine) evidence(files map[string]File) *ast.Term {
	pairs := make([][2]*ast.Term, 0, len(files))
	for path, f := range files {
		if f.Err != "" {
			pairs = append(pairs, pair(path, ast.ObjectTerm(pair("error", ast.StringTerm(f.Err)))))
			continue
		}
		digest := digestBytes(f.Data)
		about := [][2]*ast.Term{pair("sha256", ast.StringTerm(digest)), pair("size", ast.IntNumberTerm(len(f.Data)))}
		if len(f.Data) <= maxText && utf8.Valid(f.Data) {
			about = append(about, pair("text", ast.StringTerm(string(f.Data))))
		}
		if facts := e.reading.facts(f, digest); facts != nil {
			about = append(about, pair("facts", facts))
		}
		pairs = append(pairs, pair(path, ast.ObjectTerm(about...)))
	}
	return ast.ObjectTerm(pairs...)
}

// manifests gives the releases that the manifest names, each as written. One that cannot be read is left
// out: a control that asks for it finds nothing.
func manifests(files map[string]File) (*ast.Term, error) {
	pairs := make([][2]*ast.Term, 0, len(files))
	for path, f := range files {
		release, err := releases.Parse(f.Path, f.Data)
		if f.Err != "" || err != nil {
			continue
		}
		value, err := term(release.Value)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair(path, value))
	}
	return ast.ObjectTerm(pairs...), nil
}

func waiverTerms(concerns []concern) *ast.Term {
	out := make([]*ast.Term, len(concerns))
	for i, c := range concerns {
		out[i] = ast.ObjectTerm(
			pair("path", ast.StringTerm(c.path)),
			pair("controls", textTerms(c.Controls)),
			pair("problems", textTerms(c.problems)),
		)
	}
	return ast.ArrayTerm(out...)
}

func textTerms(texts []string) *ast.Term {
	out := make([]*ast.Term, len(texts))
	for i, t := range texts {
		out[i] = ast.StringTerm(t)
	}
	return ast.ArrayTerm(out...)
}
