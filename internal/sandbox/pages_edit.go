package sandbox

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// editing is the editor: one file of a branch.
type editing struct {
	Full, Branch, Path string
	New                bool   // the file is not there yet
	Tip                string // the branch as the editor saw it
	Text               string
	Default            bool   // of the default branch: saving opens a pull request from a new branch
	Proposed           string // the new branch's name
	Pull               int    // the open pull request of the branch
}

func (p *pages) editor(v *visit) error {
	if _, err := v.acting(); err != nil {
		return err
	}
	e, err := p.openEditor(v.full(), v.r.PathValue("rest"), v.me)
	if err != nil {
		return err
	}
	return v.show("edit", "Edit "+cmp.Or(e.Path, "a new file"), e)
}

func (p *pages) openEditor(full, rest, login string) (*editing, error) {
	branch, file, err := p.s.splitRev(full, rest)
	if err != nil {
		return nil, err
	}
	r, _ := p.s.Repo(full)
	e := &editing{Full: full, Branch: branch, Path: file, Tip: r.Branches[branch], Default: branch == r.DefaultBranch}
	if e.Tip == "" {
		return nil, refuse(http.StatusUnprocessableEntity, "Only a branch can be edited, and %s is none.", branch)
	}
	for _, pr := range r.Pulls {
		if pr.State == "OPEN" && pr.HeadRef == branch {
			e.Pull = pr.Number
		}
	}
	for n := 1; e.Proposed == ""; n++ {
		if name := fmt.Sprintf("%s-patch-%d", login, n); r.Branches[name] == "" {
			e.Proposed = name
		}
	}
	data, err := p.s.File(full, e.Tip, file)
	switch {
	case err != nil:
		e.New = true
		if _, err := p.s.Dir(full, e.Tip, file); err == nil && file != "" {
			e.Path += "/" // a folder: the name is still to come
		}
	case len(data) > maxShown || !isText(data):
		return nil, refuse(http.StatusUnprocessableEntity, "%s is too large for the editor, or not text.", file)
	}
	e.Text = string(data)
	return e, nil
}

// save commits what the editor holds, or the file with one byte more.
func (p *pages) save(v *visit) error {
	as, err := v.acting()
	if err != nil {
		return err
	}
	e, err := p.openEditor(v.full(), v.r.PathValue("rest"), v.me)
	if err != nil {
		return err
	}
	form := v.r.PostForm
	file, text := e.Path, form.Get("text")
	if e.New {
		file = strings.Trim(strings.TrimSpace(form.Get("path")), "/")
	}
	switch {
	case form.Has("byte"):
		text = e.Text + "\n"
	case !strings.Contains(e.Text, "\r\n"):
		text = strings.ReplaceAll(text, "\r\n", "\n") // a browser sends these, whatever it was given
	}
	switch {
	case form.Get("tip") != e.Tip:
		return refuse(http.StatusConflict, "%s has moved since the editor was opened. Go back, copy your text, and open the editor again.", e.Branch)
	case text == e.Text && !e.New:
		return refuse(http.StatusUnprocessableEntity, "Nothing has changed.")
	case !utf8.ValidString(text):
		return refuse(http.StatusUnprocessableEntity, "The text is not UTF-8.")
	}
	verb := "Update "
	if e.New {
		verb = "Add "
	}
	change := hostedCommit{branch: e.Branch, tip: e.Tip, path: file, data: []byte(text), message: cmp.Or(strings.TrimSpace(form.Get("message")), verb+file)}
	if e.Default {
		change.branch = strings.TrimSpace(form.Get("branch"))
		if change.branch == "" || change.branch == e.Branch {
			return refuse(http.StatusUnprocessableEntity, "The change needs a branch of its own.")
		}
	}
	number, err := as.commitHosted(e.Full, change, e.Default, form.Get("body"))
	switch {
	case err != nil:
		return err
	case number == 0 && e.Pull == 0:
		return v.redirect(p.s.pageAt(e.Full, "compare") + "/" + escapePath(e.Branch))
	}
	return v.redirect(fmt.Sprintf("%s/%d", p.s.pageAt(e.Full, "pull"), max(number, e.Pull)))
}

// hostedCommit is one file that somebody changes on the host's pages.
type hostedCommit struct {
	branch, tip   string
	path, message string
	data          []byte
}

// commitHosted commits to a branch if it still is at the tip; with propose, to a new branch that
// begins there and a pull request from it. As on GitHub, the host is the committer and signs.
func (u Session) commitHosted(full string, n hostedCommit, propose bool, body string) (number int, err error) {
	err = u.in(full, writeGit, func(r *repo, by actor) error {
		parent, err := r.commit(n.tip)
		if err != nil {
			return errNotFound
		}
		change := edit{Path: n.path, Mode: filemode.Regular}
		if was := r.lookup(parent.TreeHash.String(), n.path); was != nil {
			if change.Mode = was.Mode; !was.Mode.IsFile() || was.Mode == filemode.Symlink {
				return refuse(http.StatusUnprocessableEntity, "%s is no plain file.", n.path)
			}
		}
		if change.Hash, err = r.writeBlob(n.data); err != nil {
			return err
		}
		tree, err := r.editTree(parent.TreeHash, []edit{change})
		if err != nil {
			return refuse(http.StatusUnprocessableEntity, "%v", err)
		}
		sha, err := u.s.makeCommit(r, by.account, newCommit{Tree: tree, Parents: []string{n.tip}, Message: n.message + "\n"})
		if err != nil {
			return err
		}
		old := n.tip
		if propose {
			old = zeroOID
		}
		if err := u.s.moveRef(r, by, refChange{"refs/heads/" + n.branch, old, sha}); err != nil || !propose {
			return err
		}
		title, _ := subject(n.message)
		open := u.s.openPull
		if u.s.dialect == GitLab {
			open = u.s.openByHand
		}
		p, err := open(r, by, title, body, n.branch, r.Default, false)
		if err == nil {
			number = p.Number
		}
		return err
	})
	return number, err
}

// proposal offers to open a pull request from a branch.
func (p *pages) proposal(v *visit) error {
	branch := v.r.PathValue("rest")
	r, ok := p.s.Repo(v.full())
	if !ok || r.Branches[branch] == "" {
		return errNotFound
	}
	log, err := p.s.Log(v.full(), branch, 1)
	if err != nil {
		return err
	}
	body := struct{ Full, Branch, Base, Title string }{Full: v.full(), Branch: branch, Base: r.DefaultBranch}
	body.Title, _ = subject(log[0].Message)
	return v.show("open", "Open a "+p.s.dialect.word("pull request"), body)
}

func (p *pages) propose(v *visit) error {
	as, err := v.acting()
	if err != nil {
		return err
	}
	r, ok := p.s.Repo(v.full())
	if !ok {
		return errNotFound
	}
	form := v.r.PostForm
	number, err := as.Open(v.full(), form.Get("title"), form.Get("body"), v.r.PathValue("rest"), r.DefaultBranch, form.Has("draft"))
	if err != nil {
		return err
	}
	return v.redirect(fmt.Sprintf("%s/%d", p.s.pageAt(v.full(), "pull"), number))
}
