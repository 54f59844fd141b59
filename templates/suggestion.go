package templates

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/policy"
)

const (
	maxSuggested     = 256 << 10 // bytes of a manifest in which changes are suggested
	maxSuggestedLine = 1000      // bytes of a line that is suggested
)

// correct returns the line of a manifest that holds the scalar of a fix, before and after the scalar is
// replaced; all else on the line stays, comments too. ok is false where the scalar is not one that can be
// replaced within its line, where the result would say anything else than the same manifest with the fix,
// or where the line holds what cannot be seen.
//
// It is a pure function of its arguments. Proof is the reader itself: the manifest is parsed with the new
// line in it and compared with what it should say.
func correct(manifest []byte, fix policy.Fix) (before, after string, ok bool) {
	if len(manifest) > maxSuggested || strings.IndexFunc(fix.Value, invisible) >= 0 || fix.Value == "" {
		return "", "", false
	}
	doc, errs := document.Parse("manifest", manifest, nil)
	if errs != nil {
		return "", "", false
	}
	tokens := document.SplitPointer(fix.Pointer)
	old, there := valueAt(doc.Value, tokens)
	if line, column := doc.Position(fix.Pointer); !there || line != fix.Line || column != fix.Column {
		return "", "", false
	}
	meant, ok := meaning(old, fix.Value)
	if !ok || meant == old {
		return "", "", false
	}
	lines := strings.SplitAfter(string(manifest), "\n")
	if fix.Line < 1 || fix.Line > len(lines) {
		return "", "", false
	}
	whole := lines[fix.Line-1]
	before = strings.TrimSuffix(whole, "\n")
	start, ok := offset(before, fix.Column)
	if !ok || strings.IndexFunc(before, invisible) >= 0 {
		return "", "", false
	}
	want := with(doc.Value, tokens, meant)
	for _, end := range ends(before[start:]) {
		for _, text := range spellings(before[start:start+end], fix.Value) {
			after = before[:start] + text + before[start+end:]
			if after == before || !showable(after) {
				continue
			}
			lines[fix.Line-1] = after + whole[len(before):]
			got, errs := document.Parse("manifest", []byte(strings.Join(lines, "")), nil)
			if errs == nil && reflect.DeepEqual(got.Value, want) {
				return before, after, true
			}
		}
	}
	return "", "", false
}

// showable tells a line that reaches the host as it is: not too long, and none that begins with a slash,
// which GitLab takes for a command and which is therefore changed on the way.
func showable(line string) bool {
	return len(line) <= maxSuggestedLine && !strings.HasPrefix(strings.TrimLeft(line, `\ `), "/")
}

// valueAt finds the scalar at a pointer; false is a list, a mapping, or nothing.
func valueAt(v any, tokens []string) (any, bool) {
	for _, t := range tokens {
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[t]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(t)
			if err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	switch v.(type) {
	case map[string]any, []any:
		return nil, false
	}
	return v, true
}

// with copies a value as far as a pointer leads, and puts something else there.
func with(v any, tokens []string, to any) any {
	if len(tokens) == 0 {
		return to
	}
	switch x := v.(type) {
	case map[string]any:
		x = maps.Clone(x)
		x[tokens[0]] = with(x[tokens[0]], tokens[1:], to)
		return x
	case []any:
		x = slices.Clone(x)
		if i, err := strconv.Atoi(tokens[0]); err == nil && i >= 0 && i < len(x) {
			x[i] = with(x[i], tokens[1:], to)
		}
		return x
	}
	return v
}

// meaning is what the new value means in place of an old one: a text in place of a text, whatever it
// looks like, and else what YAML reads.
func meaning(old any, value string) (any, bool) {
	if _, text := old.(string); text {
		return value, true
	}
	doc, errs := document.Parse("value", []byte("v: "+value+"\n"), nil)
	if errs != nil {
		return value, true // a text that YAML wants in quotes
	}
	v, _ := valueAt(doc.Value, []string{"v"})
	return v, v != nil
}

// offset turns a column, which counts characters from 1, into a place in the line.
func offset(line string, column int) (int, bool) {
	n := 1
	for i := range line {
		if n == column {
			return i, true
		}
		n++
	}
	return 0, false
}

// ends are the places where the scalar at the beginning of s may end, the first that fits being the right
// one: a plain one ends earlier in brackets than outside of them.
func ends(s string) []int {
	switch s[0] {
	case '"':
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '"':
				return []int{i + 1}
			}
		}
		return nil // it goes on in the next line
	case '\'':
		for i := 1; i < len(s); i++ {
			if s[i] != '\'' {
				continue
			}
			if i+1 < len(s) && s[i+1] == '\'' {
				i++
				continue
			}
			return []int{i + 1}
		}
		return nil
	case '|', '>', '[', '{', '&', '*', '!', '#':
		return nil
	}
	plain := s
	for _, mark := range []string{" #", ": "} {
		if i := strings.Index(plain, mark); i >= 0 {
			plain = plain[:i]
		}
	}
	plain = strings.TrimRight(plain, " ")
	var out []int
	if i := strings.IndexAny(plain, ",]}"); i > 0 {
		out = append(out, len(strings.TrimRight(plain[:i], " ")))
	}
	if len(plain) > 0 && !slices.Contains(out, len(plain)) {
		out = append(out, len(plain))
	}
	return out
}

// spellings are the ways to write a value, as the old one was written first.
func spellings(old, value string) []string {
	double := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	single := `'` + strings.ReplaceAll(value, `'`, `''`) + `'`
	switch {
	case old[0] == '"':
		return []string{double, value}
	case old[0] == '\'':
		return []string{single, value}
	case slices.Contains(otherwise, strings.ToLower(value)):
		return []string{double}
	}
	return []string{value, double}
}

// otherwise are texts that readers of an older YAML take for true or false.
var otherwise = []string{"yes", "no", "on", "off", "y", "n"}

// suggestion is a block that the host offers to put in place of the line it is about. language is the
// host's word for it. Nothing in the line can end the block: its fence is longer than any in it.
func suggestion(language, line string) string {
	fence := strings.Repeat("`", max(3, longestRun(line, '`')+1))
	return fence + language + "\n" + line + "\n" + fence
}
