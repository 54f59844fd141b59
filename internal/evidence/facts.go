package evidence

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// What is read at most. The bytes come from a pull request.
const (
	maxSize    = 16 << 20 // bytes of a file, and of what is unpacked from it
	maxDepth   = 100      // of nested JSON
	maxResults = 2000     // results, components or subjects
	maxText    = 1000     // bytes of a name, digest or time
	maxReason  = 300      // characters of a message
)

// The formats.
const (
	LMEval       = "lm-evaluation-harness"
	Inspect      = "inspect"
	HELM         = "helm"
	SARIF        = "sarif"
	CycloneDX    = "cyclonedx"
	ModelSigning = "model-signing"
	InToto       = "in-toto"
	Sigstore     = "sigstore" // a bundle that signs bytes and not a statement
)

// Facts are what a file of evidence says.
type Facts struct {
	Format        string    `json:"format"`
	Version       string    `json:"version,omitempty"` // of the tool or the format
	Model         string    `json:"model,omitempty"`   // as the tool names it
	At            string    `json:"at,omitempty"`      // RFC 3339, when the tool says it ran
	Passed        *bool     `json:"passed,omitempty"`  // what a test result concludes as a whole
	Results       []Result  `json:"results,omitempty"`
	Scan          *Scan     `json:"scan,omitempty"`
	BOM           *BOM      `json:"bom,omitempty"`
	Subjects      []Subject `json:"subjects,omitempty"` // what the file is about, where it names digests
	PredicateType string    `json:"predicateType,omitempty"`
	Signer        *Signer   `json:"signer,omitempty"` // set when the file is signed, or meant to be
	Error         string    `json:"error,omitempty"`  // the format is known, but the file cannot be relied on
}

// Result is one measured value.
type Result struct {
	Dataset string   `json:"dataset,omitempty"`
	Task    string   `json:"task,omitempty"`
	Split   string   `json:"split,omitempty"`
	Metric  string   `json:"metric"` // "f1", or "exact_match,strict-match" where there are filters
	Value   float64  `json:"value"`
	N       int      `json:"n,omitempty"` // samples
	Stderr  *float64 `json:"stderr,omitempty"`
	Slice   string   `json:"slice,omitempty"` // the part of the data that it is about; empty: all
}

// Scan sums up what a scan found and nobody has suppressed.
type Scan struct {
	Tool     string `json:"tool"`
	Errors   int    `json:"errors"`
	Warnings int    `json:"warnings"`
	Notes    int    `json:"notes"`
}

// BOM is what an ML-BOM says of models and data.
type BOM struct {
	SpecVersion  string      `json:"specVersion"`
	Components   []Component `json:"components,omitempty"` // models and data only
	HasModelCard bool        `json:"hasModelCard"`         // of some model
}

// Component is a model or a dataset in a BOM.
type Component struct {
	Type     string   `json:"type"` // machine-learning-model | data
	Name     string   `json:"name"`
	Version  string   `json:"version,omitempty"`
	Digests  []string `json:"digests,omitempty"`  // "sha256:…"
	Licenses []string `json:"licenses,omitempty"` // SPDX ids or expressions, else names
}

// Subject is a thing that a statement is about.
type Subject struct {
	Name   string `json:"name,omitempty"`
	Digest string `json:"digest"` // "sha256:…", or with the name of another algorithm
}

// Signer says who signed. Only what is verified may be relied on.
type Signer struct {
	Identity string `json:"identity,omitempty"` // of the certificate, or the name of the key's file under .lumos/trust
	Issuer   string `json:"issuer,omitempty"`   // who vouched for the identity; empty for a key
	Verified bool   `json:"verified"`
	Reason   string `json:"reason,omitempty"` // why it is not verified, and what would change that
}

// Read tells the format of a file by its content and reads it. It returns nil for a format that it does
// not know. The same bytes under the same trust give the same facts; name is what the caller calls the
// file, and decides nothing. A nil trust verifies nothing.
func Read(name string, data []byte, trust *Trust) (facts *Facts) {
	format := ""
	// The verifying libraries see bytes that anybody can write: a fault in them costs this file its
	// standing, not the process its life.
	defer func() {
		if fault := recover(); fault != nil {
			facts = &Facts{Format: format, Error: "reading it failed: " + clip(fmt.Sprint(fault))}
		}
	}()
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		format = Inspect
		return readEvalArchive(data)
	}
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
		return nil
	}
	r := &reader{}
	root, err := parse(trimmed)
	if err != nil {
		// Broken JSON is a broken file of some format only where its beginning tells which.
		if format = hinted(trimmed); format == "" {
			return nil
		}
		return &Facts{Format: format, Error: clip(err.Error())}
	}
	read := known(r, root)
	if read.with == nil {
		return nil
	}
	format = read.format
	return read.facts(r, root, trust)
}

// how says how to read a format.
type how struct {
	format string
	with   func(*reader, value, *Facts, *Trust)
}

func (h how) facts(r *reader, root value, trust *Trust) *Facts {
	f := &Facts{Format: h.format}
	h.with(r, root, f, trust)
	if r.err != nil && f.Error == "" {
		f.Error = clip(r.err.Error())
	}
	if f.Error == "" {
		return f
	}
	// What is broken says nothing, but who signed it, and what it seems to be, may be shown.
	return &Facts{Format: f.Format, Version: f.Version, PredicateType: f.PredicateType, Signer: f.Signer, Error: f.Error}
}

// known tells the format by keys that no other format has together.
func known(r *reader, root value) how {
	if root.isList() {
		if isStats(r, root) {
			return how{HELM, readStats}
		}
		return how{}
	}
	o := r.object(root)
	text := func(key string) string { return plain(o[key]) }
	switch {
	case text("bomFormat") == "CycloneDX":
		return how{CycloneDX, readBOM}
	case strings.HasPrefix(text("mediaType"), bundlePrefix):
		return how{Sigstore, readBundle}
	case text("payloadType") == statementMedia && o["payload"] != nil && o["signatures"] != nil:
		return how{InToto, readEnvelope}
	case strings.HasPrefix(text("_type"), statementPrefix):
		return how{InToto, readStatement}
	case o["runs"].isList() && (strings.HasPrefix(text("version"), "2.") || strings.Contains(text("$schema"), "sarif")):
		return how{SARIF, readSARIF}
	case isInspect(o):
		return how{Inspect, readInspect}
	case o["adapter_spec"].isObject() && o["scenario_spec"].isObject():
		return how{HELM, readRunSpec}
	case isHarness(o):
		return how{LMEval, readHarness}
	}
	return how{}
}

// hinted guesses what broken JSON was meant to be.
func hinted(data []byte) string {
	head := data[:min(len(data), 4<<10)]
	for _, h := range []struct{ text, format string }{
		{`"CycloneDX"`, CycloneDX}, {bundlePrefix, Sigstore}, {statementPrefix, InToto}, {statementMedia, InToto},
		{"sarif", SARIF}, {`"lm_eval_version"`, LMEval}, {`"inspect_ai"`, Inspect},
	} {
		if bytes.Contains(head, []byte(h.text)) {
			return h.format
		}
	}
	return ""
}

// clip makes text from a file one short line of visible characters.
func clip(s string) string {
	out := make([]rune, 0, min(len(s), maxReason))
	for _, c := range s {
		switch {
		case len(out) == maxReason:
			return string(out[:maxReason-1]) + "…"
		case unicode.Is(unicode.Cf, c):
		case unicode.IsControl(c):
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// moment reads a time as tools write it, in RFC 3339 or without a zone, which is then UTC.
func moment(s string) string {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1970 && t.Year() < 10000 {
			return t.UTC().Format(time.RFC3339)
		}
	}
	return ""
}
