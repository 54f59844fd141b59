package templates

import (
	"fmt"
	"strings"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
)

// command is one line of the help.
type command struct{ Usage, Does md }

// does says what each command of a pull request is for; approval parses them and knows their form.
var does = map[approval.Verb]md{
	approval.Approve:        "approve what Lumos last reported, or the commit given",
	approval.Reject:         "block, until you approve what is there then",
	approval.RequestChanges: "the same, when changes would do",
	approval.Hold:           "stop the merge until somebody resumes",
	approval.Resume:         "end a hold",
	approval.Recheck:        "look again now",
	approval.ExplainVerb:    "say why the verdict, or one control, is as it is",
	approval.Help:           "list the commands",
}

func commands() []command {
	var out []command
	for _, usage := range approval.Usage() {
		verb, _, _ := strings.Cut(strings.TrimPrefix(usage, "/lumos "), " ")
		out = append(out, command{code(usage, maxName), does[approval.Verb(verb)]})
	}
	return out
}

// Reply answers the command that was found in comment c. It is false where the comment on the pull
// request is answer enough: a vote that counts, a vote that a later change or a later vote made
// void, a recheck.
func Reply(v View, c forge.Comment, cmd approval.Command) (string, bool) {
	if cmd.Problem != "" {
		return refusal(c, cmd, cmd.Problem), true
	}
	switch cmd.Verb {
	case approval.Help:
		return Help(), true
	case approval.ExplainVerb:
		return Explain(v, cmd.Control), true
	}
	id := fmt.Sprintf("comment:%d", c.ID)
	for i, vote := range v.Verdict.Votes {
		if vote.ID != id {
			continue
		}
		void := vote.Bound != "" && vote.Bound != v.Verdict.Subject
		for _, later := range v.Verdict.Votes[i+1:] {
			lifted := vote.Action == approval.ActHold && later.Action == approval.ActResume && later.Counted
			void = void || lifted || later.By.ID == vote.By.ID
		}
		if vote.Counted || void {
			return "", false
		}
		return refusal(c, cmd, vote.Reason), true
	}
	return "", false
}

// Help lists the commands.
func Help() string { return execute("help", page{Commands: commands()}) }

// Explain says why the verdict is as it is, or with the id of a control, why that one is.
func Explain(v View, id string) string {
	if id == "" {
		return render("explain verdict", v, maxReply)
	}
	only := v
	only.Reports = nil
	for _, r := range v.Reports {
		kept := r
		kept.Controls = nil
		for _, c := range r.Controls {
			if strings.EqualFold(c.ID, id) {
				kept.Controls = append(kept.Controls, c)
			}
		}
		if len(kept.Controls) > 0 {
			only.Reports = append(only.Reports, kept)
		}
	}
	if len(only.Reports) > 0 {
		return render("explain control", only, maxReply)
	}
	var known []string
	seen := map[string]bool{}
	for _, r := range v.Reports {
		for _, c := range r.Controls {
			if !seen[c.ID] {
				seen[c.ID] = true
				known = append(known, c.ID)
			}
		}
	}
	return execute("unknown control", struct {
		ID, Noun md
		Known    list[md]
	}{code(id, maxName), v.noun(), first(known, 100, func(s string) md { return code(s, maxName) })})
}

func refusal(c forge.Comment, cmd approval.Command, why string) string {
	return execute("refused", struct{ Who, Command, Why md }{
		code("@"+c.Author.Login, maxName), code("/lumos "+string(cmd.Verb), maxName), prose(why, maxSentence),
	})
}
