package approval

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxComment is the longest comment in bytes that is read for a command; longer ones are refused.
const MaxComment = 64 << 10

// maxReason bounds a reason in characters: it goes into comments, tickets and the audit log.
const maxReason = 1000

// Verb is what a command asks for.
type Verb string

// The verbs of this version.
const (
	Approve        Verb = "approve"
	Reject         Verb = "reject"
	RequestChanges Verb = "request-changes"
	Recheck        Verb = "recheck"
	ExplainVerb    Verb = "explain"
	Hold           Verb = "hold"
	Resume         Verb = "resume"
	Help           Verb = "help"
)

// verbs holds every verb that is known: its usage line, and the action it casts, if any.
var verbs = map[Verb]struct {
	usage  string
	action Action
}{
	Approve:        {"/lumos approve [TICKET] [SHA]", ActApprove},
	Reject:         {"/lumos reject REASON", ActReject},
	RequestChanges: {"/lumos request-changes REASON", ActChanges},
	Recheck:        {"/lumos recheck", ""},
	ExplainVerb:    {"/lumos explain [CONTROL]", ""},
	Hold:           {"/lumos hold [REASON]", ActHold},
	Resume:         {"/lumos resume", ActResume},
	Help:           {"/lumos help", ""},
}

// later holds the verbs that are reserved.
var later = map[Verb]bool{"ticket": true, "escalate": true, "override": true}

// Usage lists the commands, one line each, in the order in which help shows them.
func Usage() []string {
	var lines []string
	for _, v := range []Verb{Approve, Reject, RequestChanges, Hold, Resume, Recheck, ExplainVerb, Help} {
		lines = append(lines, verbs[v].usage)
	}
	return lines
}

// Command is one "/lumos …" line of a comment.
type Command struct {
	Verb    Verb   `json:"verb"`              // lower case; as written when it is unknown
	Action  Action `json:"action,omitempty"`  // what it casts; empty for commands that only ask
	Text    string `json:"text,omitempty"`    // the reason, as written, on one line
	Ticket  string `json:"ticket,omitempty"`  // of approve
	SHA     string `json:"sha,omitempty"`     // of approve: at least seven hex digits, lower case
	Control string `json:"control,omitempty"` // of explain
	Line    int    `json:"line"`              // in the comment, from 1
	Problem string `json:"problem,omitempty"` // why it is not carried out, and what to write instead
}

var (
	hexForm     = regexp.MustCompile(`^[0-9a-fA-F]+$`)
	ticketForm  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,19}-?[0-9]{1,12}$`)
	controlForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$`)
)

const keyword = "/lumos"

// MentionsCommand tells cheaply whether body could hold a command: when it is false, ParseCommand
// finds none. It is the filter for incoming comments, most of which concern nobody here.
func MentionsCommand(body string) bool {
	for {
		at := strings.IndexByte(body, keyword[0])
		if at < 0 {
			return false
		}
		body = body[at+1:]
		want := keyword[1:]
		for _, r := range body {
			if invisible(r) {
				continue
			}
			if unicode.ToLower(r) != rune(want[0]) {
				break
			}
			if want = want[1:]; want == "" {
				return true
			}
		}
	}
}

// ParseCommand finds the command in a comment: a line whose first word is "/lumos", outside of
// quotes, code and hidden text. Invisible characters in that line are dropped. ok is false when there
// is none; a command that cannot be carried out has a Problem. A comment holds one command: with
// two, neither is done.
func ParseCommand(body string) (c Command, ok bool) {
	if !MentionsCommand(body) {
		return Command{}, false
	}
	if len(body) > MaxComment {
		return Command{Problem: fmt.Sprintf("the comment is longer than %d bytes: write the command in a comment of its own", MaxComment)}, true
	}
	var m markdown
	found := 0
	n := 0
	for line := range strings.SplitSeq(lineEnds.Replace(body), "\n") {
		n++
		where := m.next(line)
		if where == inert {
			continue
		}
		words, isCommand := command(line)
		if !isCommand {
			continue
		}
		if found++; found > 1 {
			c.Problem = "the comment holds more than one command, so none is carried out: write one comment for each"
			return c, true
		}
		c = parseWords(words)
		c.Line = n
		if where == unclear {
			c.Problem = "the text above could quote this line: leave an empty line above the command, or write it in a comment of its own"
		}
	}
	return c, found == 1
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// command returns the words after the keyword.
func command(line string) (words []string, ok bool) {
	words = strings.Fields(visible(line))
	if len(words) == 0 || len(words[0]) != len(keyword) || strings.ToLower(words[0]) != keyword {
		return nil, false
	}
	return words[1:], true
}

func parseWords(words []string) Command {
	if len(words) == 0 {
		return Command{Verb: Help}
	}
	verb, args := Verb(strings.ToLower(words[0])), words[1:]
	spec, known := verbs[verb]
	switch {
	case later[verb]:
		return Command{Verb: verb, Problem: fmt.Sprintf("/lumos %s is not available in this version", verb)}
	case !known:
		verb = Verb(clip(words[0], 40))
		return Command{Verb: verb, Problem: fmt.Sprintf("%q is not a command: /lumos help lists them", verb)}
	}
	c := Command{Verb: verb, Action: spec.action}
	switch verb {
	case Approve:
		c.approveArgs(args)
	case ExplainVerb:
		switch {
		case len(args) == 1 && controlForm.MatchString(args[0]):
			c.Control = args[0]
		case len(args) > 0:
			c.Problem = "write " + spec.usage + ", with the id of one control"
		}
	default:
		c.Text = clip(strings.Join(args, " "), maxReason)
	}
	return c
}

// approveArgs takes nothing but a ticket and a commit: "approve unless the tests fail" is no approval.
func (c *Command) approveArgs(args []string) {
	for _, a := range args {
		switch {
		case hexForm.MatchString(a) && c.SHA == "" && len(a) >= 7 && len(a) <= 64:
			c.SHA = strings.ToLower(a)
		case hexForm.MatchString(a):
			c.Problem = "a commit is given once, with its first 7 digits at least"
			return
		case ticketForm.MatchString(a) && c.Ticket == "":
			c.Ticket = a
		default:
			c.Problem = "an approval takes no conditions and no text: write " + verbs[Approve].usage
			return
		}
	}
}

// visible drops what shows nothing and makes controls and broken bytes blanks.
func visible(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case invisible(r):
			return -1
		case unicode.IsControl(r) || r == utf8.RuneError:
			return ' '
		}
		return r
	}, line)
}

func invisible(r rune) bool {
	return r >= 0x7f && unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// clip shortens s to n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
