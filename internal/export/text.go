package export

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode"
)

// project is the address that names what Lumos itself adds to a format.
const project = "https://github.com/lumos-governance/lumos"

// maxText bounds one text in an export, in characters: no more than CycloneDX takes for a version (1,024).
const maxText = 1000

// printable is s as one line that every format can hold: without control characters, without characters
// that turn or hide text, without what XML cannot write, of maxText characters at most.
func printable(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			r = ' '
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) || r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef:
			continue
		}
		if n++; n > maxText {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// phrase is printable with a word where nothing is left, for fields that must not be empty.
func phrase(s string) string {
	if s = printable(s); s == "" {
		return "none"
	}
	return s
}

var markupEscapes = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`,
	"{", `\{`, "}", `\}`, "~", `\~`, "^", `\^`, "&", `\&`, "#", `\#`, "|", `\|`, "!", `\!`)

// markup is a phrase as OSCAL's Markdown, in which it means nothing but itself.
func markup(s string) string {
	s = markupEscapes.Replace(phrase(s))
	head, _, _ := strings.Cut(s, " ")
	switch marker := strings.TrimLeft(head, "0123456789"); {
	case marker == "." || marker == ")": // a numbered list
		return head[:len(head)-1] + `\` + s[len(head)-1:]
	case strings.Trim(head, "-+=") == "": // a list or a line
		return `\` + s
	}
	return s
}

// namespace is the UUID under which all of ours are made (RFC 9562, version 5, of the project's address).
var namespace = nameUUID([16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}, project)

// nameUUID is the UUID of a name in a namespace (version 5): the same name, the same UUID.
func nameUUID(space [16]byte, name string) (id [16]byte) {
	sum := sha1.Sum(append(space[:], name...))
	copy(id[:], sum[:])
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return id
}

// uuid names something by what it is: parts that no other thing shares, in order.
func uuid(parts ...string) string {
	id := nameUUID(namespace, strings.Join(parts, "\x00"))
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// document is v as JSON for a machine that a person may open.
func document(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}
