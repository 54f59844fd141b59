package document

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testSchema = MustCompile("test", []byte(`{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object", "additionalProperties": false, "required": ["version"],
	"properties": {
		"version": {"$ref": "#/$defs/version"},
		"tier": {"type": "string", "enum": ["low", "medium", "high", "critical"]},
		"name": {"type": "string", "pattern": "^[a-z]+$", "description": "Lower-case letters.", "examples": ["triage"]},
		"at": {"type": "string", "format": "date-time"},
		"count": {"type": "integer", "minimum": 1, "maximum": 10},
		"share": {"type": ["number", "null"], "maximum": 0.5},
		"verified": {"type": "boolean"},
		"tags": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 10}, "minItems": 1, "uniqueItems": true},
		"limits": {"type": "object", "propertyNames": {"enum": ["evaluations", "performance"]}, "additionalProperties": {"type": "number"}},
		"need": {"oneOf": [
			{"type": "string", "enum": ["codeowners", "ticket"]},
			{"type": "object", "additionalProperties": false, "required": ["team"], "properties": {"team": {"type": "string"}, "count": {"type": "integer"}}}
		]},
		"const": {"const": "lumos/v1"}
	},
	"$defs": {"version": {"type": "string", "description": "The version."}}
}`))

func TestParse(t *testing.T) {
	t.Parallel()
	src := "# a comment\nversion: \"2.10\"\ncount: 3\nshare: 0.25\nverified: true\ntags:\n  - a\n  - 2026-01-02\nneed: {team: acme/risk, count: 2}\nat: \"2026-08-20T11:03:00Z\"\n"
	d, errs := Parse("m.yaml", []byte(src), testSchema)
	if errs != nil {
		t.Fatal(errs)
	}
	want := map[string]any{"version": "2.10", "count": int64(3), "share": 0.25, "verified": true,
		"tags": []any{"a", "2026-01-02"}, "need": map[string]any{"team": "acme/risk", "count": int64(2)}, "at": "2026-08-20T11:03:00Z"}
	if diff := cmp.Diff(want, d.Value); diff != "" {
		t.Error(diff)
	}
	for pointer, want := range map[string]string{
		"":                  "2:1",
		"/version":          "2:10",
		"/tags":             "6:1",
		"/tags/1":           "8:5",
		"/tags/7":           "6:1",
		"/need/count":       "9:32",
		"/need/nothing":     "9:1",
		"/nothing/at/all":   "2:1",
		"/version/too/deep": "2:10",
	} {
		line, column := d.Position(pointer)
		if got := fmt.Sprintf("%d:%d", line, column); got != want {
			t.Errorf("Position(%q) = %s, want %s", pointer, got, want)
		}
	}
	var into struct {
		Version  string
		Count    int
		Share    *float64
		Verified bool
		Tags     []string
		Need     struct {
			Team  string
			Count int
		}
		At string
	}
	if err := d.Decode(&into); err != nil || into.Count != 3 || into.Need.Team != "acme/risk" {
		t.Errorf("Decode: %+v, %v", into, err)
	}
	var lags struct{ Version string }
	if err := d.Decode(&lags); err == nil {
		t.Error("Decode dropped keys silently")
	}
}

func TestParseList(t *testing.T) {
	t.Parallel()
	d, errs := Parse("list.yaml", []byte("- squad_v2\n- acme/tickets\n"), nil)
	if errs != nil {
		t.Fatal(errs)
	}
	if diff := cmp.Diff([]any{"squad_v2", "acme/tickets"}, d.Value); diff != "" {
		t.Error(diff)
	}
}

func TestScalars(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]any{
		"0": int64(0), "-0": int64(0), "-12": int64(-12), "1.5e3": 1500.0, "1E-2": 0.01, "0.0": 0.0,
		"9007199254740991": int64(9007199254740991),
		"yes":              "yes", "no": "no", "on": "on", "true": true, "False": false, "null": nil, "~": nil,
		"2026-01-02": "2026-01-02", "1.2.3": "1.2.3", "<<": "<<", `"\u00e9"`: "é", "1:30": "1:30",
	} {
		d, errs := Parse("x", []byte("v: "+src), nil)
		if errs != nil {
			t.Errorf("%s: %v", src, errs)
			continue
		}
		if diff := cmp.Diff(map[string]any{"v": want}, d.Value); diff != "" {
			t.Errorf("%s: %s", src, diff)
		}
	}
}

// Each document is refused with exactly these errors.
func TestRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 51) + strings.Repeat("]", 51)
	for _, tc := range []struct{ name, src, want string }{
		{"empty", "", "x:1:1: the file is empty, want one YAML document"},
		{"comment only", "# nothing\n", "x:1:1: the file is empty, want one YAML document"},
		{"truncated list", "version: \"1\"\ntags: [a,\n", "x:2:1: not readable as YAML: did not find expected node content while parsing a flow node (a value is missing, or the file is cut off)"},
		{"truncated quote", "version: \"1", "x:1:12: not readable as YAML: found unexpected end of stream while scanning a quoted scalar (the file seems to be cut off: close the quote)"},
		{"tab", "version: \"1\"\ntags:\n\t- a\n", "x:3:1: not readable as YAML: found character that cannot start any token while scanning for the next token (indent with spaces, never tabs, and quote text that starts with a tab, @, ` or %)"},
		{"colon in text", "version: a: b\n", `x:1:11: not readable as YAML: mapping values are not allowed in this context (quote text that contains ": ")`},
		{"deep", "tags: " + deep, "x:1:57: not readable as YAML: exceeded max depth of 50 while increasing flow level (a document may nest 50 levels deep)"},
		{"very deep", strings.Repeat("[", 100_000), "x:1:51: not readable as YAML: exceeded max depth of 50 while increasing flow level (a document may nest 50 levels deep)"},
		{"huge", "version: \"" + strings.Repeat("a", MaxSize) + "\"", "x: the file has 1048587 bytes, more than the 1048576 that are read (keep large evidence outside the file and name it by its digest)"},
		{"not UTF-8", "version: \"1\"\nname: caf\xe9\n", "x:2:10: byte 0xE9 is not UTF-8 (save the file as UTF-8)"},
		{"not UTF-8 after wide characters", "name: 日本\xff\n", "x:1:9: byte 0xFF is not UTF-8 (save the file as UTF-8)"},
		{"UTF-16", "\xff\xfev\x00:\x00", "x:1:1: byte 0xFF is not UTF-8 (save the file as UTF-8)"},
		{"NUL", "version: \"a\x00b\"", `x:1:12: character U+0000 is not accepted as it is (in double quotes, write "\u0000")`},
		{"hidden line break", "# \u2028\nversion: 1", `x:1:3: character U+2028 is not accepted as it is (in double quotes, write "\u2028")`},
		{"lone carriage return", "a: 1\rb: 2\n", "x:1:5: a carriage return without a line feed (end lines with LF or CR LF)"},
		{"two documents", "version: \"1\"\n---\nversion: \"2\"\n", `x:2:1: a second document starts here, want exactly one (remove the line "---" and put it in its own file)`},
		{"bad second document", "version: \"1\"\n---\n]\n", "x:3:1: not readable as YAML: did not find expected node content while parsing a block node (a value is missing, or the file is cut off)"},
		{"scalar", "hello", "x:1:1: got text, want a mapping"},
		{"list", "- version\n", "x:1:1: got a list, want a mapping"},
		{"duplicate key", "version: \"1\"\nversion: \"2\"\n", `x:2:1: the key "version" stands twice (it is already given in line 1: keep one)`},
		{"alias", "version: &v \"1\"\nname: *v\n", `x:1:10: the anchor "&v" is not accepted (remove it; quote text that starts with "&")` + "\n" +
			`x:2:7: aliases are not accepted (write the value out; quote text that starts with "*")`},
		{"merge key", "<<: {a: 1}\nversion: \"1\"\n", `x:1:1: the merge key "<<" is not accepted (write the keys out)`},
		{"tags", "version: !!str 2\nname: !x abc\n", `x:1:10: the tag "!!str" is not accepted (remove it; quote text that starts with "!")` + "\n" +
			`x:2:7: the tag "!x" is not accepted (remove it; quote text that starts with "!")`},
		{"key that is no text", "version: \"1\"\n2: x\n? [a]\n: b\n", `x:2:1: the key 2 is not text (quote it: "2")` + "\n" +
			"x:3:3: this kind of key is not accepted, want text (write the key as plain text)"},
		{"numbers", "version: \"1\"\ncount: 010\nshare: .inf\n", `x:2:8: the number 010 is not written as JSON writes numbers (quote it if it is text: "010")` + "\n" +
			`x:3:8: the number .inf is not written as JSON writes numbers (quote it if it is text: ".inf")`},
		{"inexact number", "version: \"1\"\ncount: 9007199254740993\n", `x:2:8: the number 9007199254740993 is too large to be exact everywhere (quote it if it is text: "9007199254740993")`},
		{"unquoted version", "version: 2.10\n", `x:1:10: got a number, want text (quote it: "2.10")`},
		{"unknown key", "version: \"1\"\ntire: low\nzzzzzz: 1\n", `x:2:1: unknown key "tire" (did you mean "tier"?)` + "\n" +
			`x:3:1: unknown key "zzzzzz" (known here: at, const, count, limits, name, need, share, tags, tier, verified, version)`},
		{"missing key", "tier: low\n", `x:1:1: the key "version" is missing (The version)`},
		{"enum", "version: \"1\"\ntier: hgih\n", `x:2:7: "hgih" is not one of low, medium, high, critical (did you mean "high"?)`},
		{"pattern", "version: \"1\"\nname: Foo_1\n", `x:2:7: "Foo_1" does not have the form that is expected here (Lower-case letters, for example triage)`},
		{"date", "version: \"1\"\nat: 2026-08-20\n", `x:2:5: "2026-08-20" is not a date and time of RFC 3339 such as "2026-08-20T11:03:00Z"`},
		{"null", "version:\n", "x:1:9: got nothing, want text (give it a value, or remove the key)"},
		{"boolean", "version: \"1\"\nverified: yes\n", "x:2:11: got text, want true or false (write true or false, without quotes)"},
		{"quoted number", "version: \"1\"\ncount: \"3\"\nshare: \"x\"\n", "x:2:8: got text, want a whole number (remove the quotes: 3)\nx:3:8: got text, want a number"},
		{"range", "version: \"1\"\ncount: 11\nshare: 0.51\n", "x:2:8: 11 is too large, want at most 10\nx:3:8: 0.51 is too large, want at most 0.5"},
		{"list wanted", "version: \"1\"\ntags: a\n", "x:2:7: got text, want a list (write it as a list: [a])"},
		{"list items", "version: \"1\"\ntags: [\"\", abcdefghijk, abc, abc]\n", "x:2:1: items 3 and 4 of the list are the same (keep one of them)\n" +
			"x:2:8: the text is empty\nx:2:12: the text has 11 characters, want at most 10"},
		{"key names", "version: \"1\"\nlimits: {performence: 1, other: 2}\ntier: low\ncount: 1\ntags: [a]\n", `x:2:10: the key "performence" is not accepted here (did you mean "performance"?)` + "\n" +
			`x:2:26: the key "other" is not accepted here (known here: evaluations, performance)`},
		{"alternative, the text meant", "version: \"1\"\nneed: codeowner\n", `x:2:7: "codeowner" is not one of codeowners, ticket (did you mean "codeowners"?)`},
		{"alternative, the mapping meant", "version: \"1\"\nneed: {teem: a}\n", `x:2:1: the key "team" is missing` + "\n" + `x:2:8: unknown key "teem" (did you mean "team"?)`},
		{"alternative, none", "version: \"1\"\nneed: 7\n", `x:2:7: got a number, want text or a mapping (quote it: "7")`},
		{"const", "version: \"1\"\nconst: lumos/v2\n", `x:2:8: got "lumos/v2", want "lumos/v1"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d, errs := Parse("x", []byte(tc.src), testSchema)
			if d != nil {
				t.Error("a refused document was returned")
			}
			if diff := cmp.Diff(tc.want, errs.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPointers(t *testing.T) {
	t.Parallel()
	_, errs := Parse("x", []byte("version: \"1\"\na/b~c: {}\ntags: [x, 7]\n"), testSchema)
	var got []string
	for _, e := range errs {
		got = append(got, e.Pointer)
	}
	if diff := cmp.Diff([]string{"/a~1b~0c", "/tags/1"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a/b~c", "0"}, SplitPointer("/a~1b~0c/0")); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	_, errs := Parse("x", []byte("tier: 1\n"), testSchema)
	var one Error
	if !errors.As(fmt.Errorf("reading: %w", errs), &one) || one.Line != 1 {
		t.Errorf("errors.As found %+v", one)
	}
}

// A file near the size limit in which everything is wrong is refused in bounded time and words.
func TestManyErrors(t *testing.T) {
	t.Parallel()
	var keys, duplicates, items strings.Builder
	for i := 0; keys.Len() < MaxSize-32; i++ {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	for duplicates.Len() < MaxSize-32 {
		duplicates.WriteString("a: *b\n")
	}
	items.WriteString("version: \"1\"\n? " + strings.Repeat("k", 1000) + "\n: 1\ntags: [")
	for items.Len() < MaxSize-32 {
		items.WriteString("1,")
	}
	items.WriteString("1]")
	bomb := "a0: &a0 [x, x]\n"
	for i := 1; i < 40; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i-1, i-1, i-1)
	}
	for name, src := range map[string]string{"alias bomb": bomb, "keys": keys.String(), "items": items.String(), "duplicates": "b: &b 1\n" + duplicates.String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, errs := Parse("x", []byte(src), testSchema)
			if len(errs) != maxErrors+1 || !strings.Contains(errs[maxErrors].Message, "more errors") {
				t.Errorf("%d errors, last: %v", len(errs), errs[len(errs)-1])
			}
			if n := len(errs.Error()); n > 100_000 {
				t.Errorf("%d bytes of errors", n)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"no JSON": "{", "wrong keyword": `{"type": "text"}`, "file": `{"$ref": "file:///etc/hostname"}`, "network": `{"$ref": "https://example.com/x.json"}`,
	} {
		if _, err := Compile(name, []byte(src)); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"version: \"1\"\n", "a: &a [*a]", "- {a: 1, a: 2}\n- !!binary x", "\ufeffa: 1\n---\n", "? a\n: |\n  x\n", "{\"a\": 1e5, \"b\": [null, true]}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, schema := range []*Schema{nil, testSchema} {
			d, errs := Parse("x", src, schema)
			if (d == nil) == (len(errs) == 0) {
				t.Fatalf("document %v with errors %v", d, errs)
			}
			lines := strings.Count(string(src), "\n") + 1
			for _, e := range errs {
				if e.Line < 1 && len(src) <= MaxSize || e.Line > lines || e.Line > 0 && e.Column < 1 {
					t.Errorf("%d lines, error at %d:%d: %v", lines, e.Line, e.Column, e)
				}
			}
			if len(errs) > maxErrors+1 {
				t.Errorf("%d errors", len(errs))
			}
			if d != nil {
				var v any
				if err := d.Decode(&v); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
