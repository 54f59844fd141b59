package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/lumos-governance/lumos/releases"
)

// unsafeBuiltins are deterministic, yet not for a policy: they read other modules, write traces, sign
// requests, or are a second schema language; or what one call of them does is bounded by nothing and cannot
// be stopped.
var unsafeBuiltins = []string{"rego.parse_module", "trace", "providers.aws.sign_req", "json.match_schema", "json.verify_schema",
	"bits.lsh", "graph.reachable_paths", "regex.globs_match", "strings.render_template"}

// capabilities is the language of controls: Rego v1 without network, clock, randomness, environment
// or host. What is not in it is a compile error with file and row.
var capabilities = sync.OnceValue(func() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		return b.Nondeterministic || slices.Contains(unsafeBuiltins, b.Name) || strings.HasPrefix(b.Name, "graphql.") || strings.HasPrefix(b.Name, "io.jwt.encode_sign") || b.Name == "io.jwt.decode_verify"
	})
	c.Features = slices.DeleteFunc(c.Features, func(f string) bool { return f == ast.FeatureRegoV2 || f == ast.FeatureRegoV2Import })
	c.AllowNet = []string{}
	return c
})

// newCompiler returns a compiler for controls that see an input of this shape.
func newCompiler(input any) *ast.Compiler {
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.MustParseRef("schema.input"), input)
	return ast.NewCompiler().
		WithCapabilities(capabilities()).
		WithDefaultRegoVersion(ast.RegoV1).
		WithStrict(true).
		WithEnablePrintStatements(false).
		WithUseTypeCheckAnnotations(true).
		WithSchemas(schemas)
}

// inputSchema describes what a control sees, for the type check when it is loaded. Lists and threshold
// groups are those that packs and configuration name, so that a misspelt one is an error too.
func inputSchema(lists, groups []string) (any, error) {
	var manifest map[string]any
	dec := json.NewDecoder(bytes.NewReader(releases.Schema()))
	if err := dec.Decode(&manifest); err != nil {
		return nil, fmt.Errorf("the manifest's schema: %w", err)
	}
	release := shape(manifest, manifest, 0)
	text := map[string]any{"type": "string"}
	texts := map[string]any{"type": "array", "items": text}
	number := map[string]any{"type": "number"}
	anyObject := map[string]any{"type": "object"}
	object := func(properties map[string]any) map[string]any {
		if len(properties) == 0 {
			return anyObject
		}
		return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	}
	each := func(names []string, s any) map[string]any {
		out := map[string]any{}
		for _, n := range names {
			out[n] = s
		}
		return object(out)
	}
	return object(map[string]any{
		"manifest":           release,
		"previous":           release,
		"evidence":           anyObject,
		"releases":           anyObject,
		"lists":              each(lists, texts),
		"thresholds":         each(groups, anyObject),
		"maxEvidenceAgeDays": number,
		"waivers":            map[string]any{"type": "array", "items": object(map[string]any{"path": text, "controls": texts, "problems": texts})},
		"tier":               object(map[string]any{"declared": text, "derived": text, "effective": text, "reason": text}),
		"now":                text,
	}), nil
}

// shape reduces a JSON Schema to what the type checker understands: types, properties and items, with
// references resolved. What it cannot tell it leaves open.
func shape(root, s map[string]any, depth int) map[string]any {
	if depth > 30 {
		return map[string]any{}
	}
	for {
		ref, ok := s["$ref"].(string)
		if !ok {
			break
		}
		s = resolve(root, ref)
	}
	out := map[string]any{}
	if t, ok := s["type"].(string); ok {
		out["type"] = t
	}
	if properties, ok := s["properties"].(map[string]any); ok && s["additionalProperties"] == false {
		shapes := map[string]any{}
		for name, p := range properties {
			if p, ok := p.(map[string]any); ok {
				shapes[name] = shape(root, p, depth+1)
			} else {
				shapes[name] = map[string]any{}
			}
		}
		out["properties"], out["additionalProperties"] = shapes, false
	}
	if items, ok := s["items"].(map[string]any); ok {
		out["items"] = shape(root, items, depth+1)
	}
	return out
}

// resolve follows a reference within the schema ("#/$defs/name").
func resolve(root map[string]any, ref string) map[string]any {
	at := root
	for _, token := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		at, _ = at[token].(map[string]any)
	}
	return at
}
