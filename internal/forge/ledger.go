package forge

import (
	"bytes"
	"encoding/json"
	"strings"
)

// A commit status of GitLab has a state and one line of text, and no place for what a check run
// carries besides. There our checks are told in our own comment: in words for people, and in a ledger
// of one line, invisible when rendered, for the next look. The commit status of the gate stays what
// the host requires; the ledger says what was reported with it. It counts only in a comment that is
// Mine, which one changed by somebody else is not.

const (
	ledgerOpen  = "<!-- lumos:checks "
	ledgerClose = " -->"
)

// ledgerLine is a check in the ledger.
type ledgerLine struct {
	Name       string      `json:"name"`
	Head       string      `json:"head"`
	Status     CheckStatus `json:"status"`
	Conclusion Conclusion  `json:"conclusion,omitempty"`
	ID         string      `json:"id"` // see ExternalID
}

// Ledger writes checks as one line of Markdown that is not shown. When they started is not in it: the
// host's own clock tells that of the commit status.
func Ledger(checks []Check) string {
	lines := make([]ledgerLine, 0, len(checks))
	for _, c := range checks {
		lines = append(lines, ledgerLine{c.Name, c.HeadSHA, c.Status, c.Conclusion, c.ExternalID})
	}
	data, err := json.Marshal(lines) // escapes < and >, so that the comment ends where it should
	if err != nil {
		panic("forge: a ledger of strings and times does not marshal: " + err.Error())
	}
	return ledgerOpen + string(data) + ledgerClose
}

// ReadLedger finds the checks that Ledger wrote into body. What is not of that form is no check.
func ReadLedger(body string) []Check {
	_, rest, ok := strings.Cut(body, ledgerOpen)
	if !ok {
		return nil
	}
	text, _, ok := strings.Cut(rest, ledgerClose)
	if !ok {
		return nil
	}
	var lines []ledgerLine
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&lines); err != nil {
		return nil
	}
	checks := make([]Check, 0, len(lines))
	for _, l := range lines {
		checks = append(checks, Check{Name: l.Name, HeadSHA: l.Head, Status: l.Status, Conclusion: l.Conclusion, ExternalID: l.ID})
	}
	return checks
}

const (
	threadOpen  = "<!-- lumos:gap:"
	threadClose = " -->"
)

// ThreadBody is the first comment of a thread about key, a word of our own such as "ID-01 path".
func ThreadBody(key, text string) string { return threadOpen + key + threadClose + "\n" + text }

// ThreadKey finds the key that ThreadBody put first; false is a thread about something else.
func ThreadKey(body string) (string, bool) {
	rest, ok := strings.CutPrefix(body, threadOpen)
	if !ok {
		return "", false
	}
	key, _, ok := strings.Cut(rest, threadClose)
	return key, ok
}
