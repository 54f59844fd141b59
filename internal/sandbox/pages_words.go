package sandbox

import (
	"fmt"
	"html"
	"html/template"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// pageWords are the functions of the templates.
var pageWords = template.FuncMap{
	"icon": icon, "plural": plural, "short": short, "esc": escapePath, "base": path.Base,
	"dir":  func(file string) string { return strings.TrimSuffix(file, path.Base(file)) },
	"line": func(index int) int { return index + 1 },
	"pulls": func(full string, list []pullLine) any {
		return struct {
			Full  string
			Pulls []pullLine
		}{full, list}
	},
	"issue": func(full string, i issueLine) any {
		return struct {
			issueLine
			Full string
		}{i, full}
	},
	"history": func(full string, list []commitLine) any {
		return struct {
			Full    string
			Commits []commitLine
		}{full, list}
	},
}

// words are the functions of the templates that differ from one kind of host to the other.
func (d Dialect) words() template.FuncMap {
	return template.FuncMap{
		"word":   d.word,
		"number": d.number,
		"at":     d.at,
		"thread": func(at, token, me string, e entry) any {
			return struct {
				entry
				At, Token, Me string
			}{e, at, token, me}
		},
	}
}

// gitlabWords are GitLab's words for GitHub's.
var gitlabWords = map[string]string{
	"pull request": "merge request", "Repositories": "Projects", "repositories": "projects", "Apps": "Hooks", "Conversation": "Overview", "Files": "Changes", "files": "diffs",
	"Ready for review": "Mark as ready", "To draft": "Mark as draft", "Reviewers": "Approvals and reviewers",
}

// word is a word as this kind of host says it.
func (d Dialect) word(github string) string {
	if w := gitlabWords[github]; d == GitLab && w != "" {
		return w
	}
	return github
}

// number is how a pull request or merge request is called.
func (d Dialect) number(n int) string {
	if d == GitLab {
		return fmt.Sprintf("!%d", n)
	}
	return fmt.Sprintf("#%d", n)
}

// at is where a repository's pages of one kind are: "tree", "blob", "commit", "commits", "edit",
// "compare", "issues" or "pull".
func (d Dialect) at(full, kind string) string {
	if d != GitLab {
		return "/" + full + "/" + kind
	}
	if kind == "pull" {
		kind = "merge_requests"
	}
	return "/" + full + "/-/" + kind
}

func (s *Sandbox) pageAt(full, kind string) string { return s.dialect.at(full, kind) }

// escapePath makes a path or the name of a ref fit for an address: its slashes stay, all else that
// means something there does not.
func escapePath(name string) string { return (&url.URL{Path: name}).EscapedPath() }

// who is a person or a bot, as the pages show them.
type who struct {
	Login, Name string
	Letters     string // in place of a picture
	Color       int    // one of six
	Bot         bool
	Role        string // "acme/model-owners", "owner of acme", …
}

func newWho(login, name string, bot bool) who {
	w := who{Login: login, Name: name, Bot: bot}
	for _, part := range strings.Fields(name) {
		r, _ := utf8.DecodeRuneInString(part)
		w.Letters += string(r)
	}
	if w.Letters == "" {
		r, _ := utf8.DecodeRuneInString(login)
		w.Letters = strings.ToUpper(string(r))
	}
	if r := []rune(w.Letters); len(r) > 2 {
		w.Letters = string(r[:2])
	}
	return w
}

// who shows an account; the color is by its place among all, so that neighbours differ.
func (w *world) who(a *Account) who {
	out := newWho(a.Login, a.Name, a.Type == kindBot)
	if out.Bot && a.Name != "" { // GitLab's user of an access token is called like the token
		out.Login = a.Name
	}
	for _, b := range w.accounts {
		if b.Type != kindOrg && b.Login < a.Login {
			out.Color = (out.Color + 1) % 6
		}
	}
	return out
}

// person finds the account behind a login; who has left is shown by login alone.
func (p *pages) person(login string) who {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if a := p.s.account(login); a != nil {
		return p.s.who(a)
	}
	return newWho(login, "", strings.HasSuffix(login, "[bot]"))
}

// people lists everybody whom a visitor may be, by login.
func (p *pages) people() []who {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var out []who
	for _, a := range p.s.accounts {
		if a.Type != kindUser || a == p.s.webflow {
			continue
		}
		w := p.s.who(a)
		var roles []string
		if p.s.dialect == GitLab {
			roles = p.s.labRoles(a)
		}
		for org, members := range p.s.members {
			if members[a.ID] == "admin" && p.s.dialect != GitLab {
				roles = append(roles, "owner of "+p.s.accounts[org].Login)
			}
		}
		for name, t := range p.s.teams {
			if t.has(a) && p.s.dialect != GitLab {
				roles = append(roles, name)
			}
		}
		slices.Sort(roles)
		w.Role = strings.Join(roles, ", ")
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b who) int { return strings.Compare(a.Login, b.Login) })
	return out
}

// moment is a time on a page.
type moment struct{ Ago, Exact, ISO string }

// moment puts a time into words that change by the minute at most, so that a page at rest stays as it is.
func (p *pages) moment(t time.Time) moment {
	m := moment{Exact: t.UTC().Format("2 January 2006, 15:04:05 UTC"), ISO: t.UTC().Format(time.RFC3339)}
	switch d := p.s.now().Sub(t); {
	case t.IsZero():
		return moment{}
	case d < time.Minute:
		m.Ago = "just now"
	case d < time.Hour:
		m.Ago = fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		m.Ago = plural(int(d.Hours()), "hour") + " ago"
	default:
		m.Ago = "on " + t.UTC().Format("2 Jan 2006")
	}
	return m
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// short is an object id as people read it.
func short(sha string) string { return sha[:min(7, len(sha))] }

// subject is the first line of a commit's message, and the rest.
func subject(message string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimSpace(message), "\n")
	return first, strings.TrimSpace(rest)
}

// hiddenLine is a line that is a comment of HTML: it is for machines.
var hiddenLine = regexp.MustCompile(`(?m)^<!--.*-->[ \t]*$\n?`)

// markdown renders what somebody wrote. Without a renderer it is shown as it was written.
func (p *pages) markdown(src string) template.HTML {
	if p.s.dialect == GitLab {
		src = hiddenLine.ReplaceAllString(src, "")
	}
	if strings.TrimSpace(src) == "" {
		return ""
	}
	if p.s.opt.Markdown == nil {
		return template.HTML(`<pre class="plain">` + template.HTMLEscapeString(src) + `</pre>`)
	}
	return drawFlows(p.s.opt.Markdown(src))
}

// flowBlock is how a renderer leaves a Mermaid block: as its source.
var flowBlock = regexp.MustCompile(`(?s)<pre class="mermaid-src">(.*?)</pre>`)

// drawFlows draws the simplest of Mermaid's pictures, a row of steps; any other stays as its source.
func drawFlows(in template.HTML) template.HTML {
	return template.HTML(flowBlock.ReplaceAllStringFunc(string(in), func(block string) string {
		steps := flowSteps(html.UnescapeString(flowBlock.FindStringSubmatch(block)[1]))
		if steps == nil {
			return block
		}
		var b strings.Builder
		b.WriteString(`<ol class="flow">`)
		for _, s := range steps {
			fmt.Fprintf(&b, `<li class="flow-%s">%s</li>`, template.HTMLEscapeString(s.class), template.HTMLEscapeString(s.text))
		}
		b.WriteString(`</ol>`)
		return b.String()
	}))
}

type flowStep struct{ text, class string }

var flowNode = regexp.MustCompile(`^\w+(?:\(\["([^"<>]*)"\]\)|\("([^"<>]*)"\)|\["([^"<>]*)"\])(?::::(\w+))?$`)

// flowSteps reads `flowchart LR` with one chain of labelled nodes, a("text"):::class --> b["text"];
// nil is "not that". Class definitions are left to the stylesheet.
func flowSteps(src string) []flowStep {
	var steps []flowStep
	for i, text := range strings.Split(strings.TrimSpace(src), "\n") {
		text = strings.TrimSpace(text)
		switch {
		case i == 0:
			if text != "flowchart LR" && text != "graph LR" {
				return nil
			}
		case text == "" || strings.HasPrefix(text, "classDef "):
		case steps != nil:
			return nil // a second chain is another picture
		default:
			for _, node := range strings.Split(text, " --> ") {
				m := flowNode.FindStringSubmatch(node)
				if m == nil {
					return nil
				}
				steps = append(steps, flowStep{m[1] + m[2] + m[3], m[4]})
			}
		}
	}
	return steps
}

// icons are drawn on a field of 16 by 16, with lines.
var icons = map[string]string{
	"pull":   `<circle cx="4" cy="4" r="1.8"/><circle cx="4" cy="12" r="1.8"/><circle cx="12" cy="12" r="1.8"/><path d="M4 5.8v4.4M12 10.2V6.5a2 2 0 0 0-2-2H7.5M9.4 2.4 7.3 4.5l2.1 2.1"/>`,
	"merged": `<circle cx="4.5" cy="3.8" r="1.8"/><circle cx="4.5" cy="12.2" r="1.8"/><circle cx="12" cy="8.6" r="1.8"/><path d="M4.5 5.6v4.8M4.7 5.6c.6 2 2.4 3 5.4 3"/>`,
	"branch": `<circle cx="4.5" cy="3.8" r="1.8"/><circle cx="4.5" cy="12.2" r="1.8"/><circle cx="11.5" cy="4.8" r="1.8"/><path d="M4.5 5.6v4.8M11.5 6.6c0 2-1.4 2.6-3.6 2.8-2 .1-3.4.4-3.4 1"/>`,
	"check":  `<path d="m3 8.6 3.3 3.2L13 4.6"/>`,
	"cross":  `<path d="m4 4 8 8M12 4l-8 8"/>`,
	"dot":    `<circle cx="8" cy="8" r="3.2" fill="currentColor" stroke="none"/>`,
	"wait":   `<circle cx="8" cy="8" r="5.8"/><path d="M8 4.8V8l2.2 1.6"/>`,
	"dash":   `<path d="M4 8h8"/>`,
	"tag":    `<path d="M2.5 2.5h5l6 6-5 5-6-6z"/><circle cx="5.3" cy="5.3" r=".9" fill="currentColor" stroke="none"/>`,
	"lock":   `<rect x="3.5" y="7" width="9" height="6.5" rx="1.4"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2"/>`,
	"issue":  `<circle cx="8" cy="8" r="5.8"/><circle cx="8" cy="8" r="1.2" fill="currentColor" stroke="none"/>`,
	"file":   `<path d="M4 1.8h5l3.2 3.2v9.2H4zM9 1.8V5h3.2"/>`,
	"folder": `<path d="M1.8 4.2c0-.7.5-1.2 1.2-1.2h3l1.6 1.7H13c.7 0 1.2.5 1.2 1.2v6c0 .7-.5 1.2-1.2 1.2H3c-.7 0-1.2-.5-1.2-1.2z"/>`,
	"eye":    `<path d="M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8z"/><circle cx="8" cy="8" r="1.9"/>`,
	"pen":    `<path d="m10.8 2.6 2.6 2.6-7.8 7.8-3.2.6.6-3.2z"/>`,
	"commit": `<circle cx="8" cy="8" r="2.6"/><path d="M1.5 8h3.9M10.6 8h3.9"/>`,
	"talk":   `<path d="M2 3h12v8H7.5L4.5 13.6V11H2z"/>`,
	"repo":   `<path d="M3.2 13V3.4c0-.8.6-1.4 1.4-1.4h8.2v9.6H4.6a1.4 1.4 0 0 0 0 2.4h8.2v-2.4"/>`,
	"storm":  `<path d="M4.5 9.5a2.8 2.8 0 0 1 .3-5.6 3.6 3.6 0 0 1 6.8.9 2.4 2.4 0 0 1-.2 4.7M8.6 7.6 6.8 10.4h2.4l-1.6 3"/>`,
	"sun":    `<circle cx="8" cy="8" r="2.8"/><path d="M8 1.5v1.6M8 12.9v1.6M1.5 8h1.6M12.9 8h1.6M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1"/>`,
}

func icon(name string) template.HTML {
	return template.HTML(`<svg class="i i-` + name + `" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">` + icons[name] + `</svg>`)
}
