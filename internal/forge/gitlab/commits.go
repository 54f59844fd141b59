package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
)

// maxSignatures bounds how many commits are asked for their signature.
const maxSignatures = 50

var (
	// coAuthor is git's trailer; GitLab shows it and offers it for squashed commits.
	coAuthor = regexp.MustCompile(`(?im)^co-authored-by:[^<\n]*<([^<>\s]+@[^<>\s]+)>[ \t]*\r?$`)
	// noreply is the private commit address of an account: "7-ada@users.noreply.gitlab.com" (docs.gitlab.com,
	// "Use an automatically generated private commit email").
	noreply = regexp.MustCompile(`^([0-9]{1,18})-([a-z0-9_.-]+)@users\.noreply\.`)
)

// readCommits turns commits into facts. GitLab attributes the author of each; whoever else has a part
// in one is found as far as the addresses tell, and Unknown where they do not.
func (h *Host) readCommits(ctx context.Context, l *look, list commits) error {
	if list.PageInfo.HasNextPage || len(list.Nodes) > maxCommits {
		l.truncated("commits: more than %d", maxCommits)
	}
	if l.mr.Committers.PageInfo.HasNextPage {
		l.truncated("who committed: more than %d people", perPage)
	}
	people := directory{byMail: map[string]forge.Account{}}
	for _, c := range list.Nodes {
		if a := c.Author.account(); a.Known() {
			people.byMail[strings.ToLower(c.AuthorEmail)] = a
		}
	}
	head := l.out.PullRequest.Head.SHA
	holdsHead := false
	slices.Reverse(list.Nodes) // oldest first, as everywhere here
	for _, c := range list.Nodes {
		if !oidForm.MatchString(c.SHA) {
			return fmt.Errorf("commit %q: expected a git object id", c.SHA)
		}
		holdsHead = holdsHead || c.SHA == head
		l.out.Commits = append(l.out.Commits, people.commit(c))
	}
	if len(list.Nodes) > 0 && !holdsHead && !list.PageInfo.HasNextPage {
		return fmt.Errorf("%w: the commits do not hold %s", forge.ErrHeadMoved, head)
	}
	hosted, err := h.hosted(ctx, l, people, list.Nodes)
	if err != nil {
		return err
	}
	people.committers(l.out.Commits, list.Nodes, hosted, l.mr.Committers.Nodes)
	return nil
}

// directory finds accounts by mail address, among those that GitLab named in this merge request.
type directory struct {
	byMail map[string]forge.Account
}

// find is the account of an address; Unknown where it cannot be told. A private address names its
// account by itself: that can only add somebody to those who had a part in the change.
func (d directory) find(mail string) forge.Account {
	mail = strings.ToLower(mail)
	if a, ok := d.byMail[mail]; ok {
		return a
	}
	if m := noreply.FindStringSubmatch(mail); m != nil {
		if id, err := strconv.ParseInt(m[1], 10, 64); err == nil && id > 0 {
			return forge.Account{ID: id, NodeID: fmt.Sprintf("gid://gitlab/User/%d", id), Login: m[2], Kind: forge.User}
		}
	}
	return forge.Account{Kind: forge.Unknown}
}

func (d directory) commit(c commit) forge.Commit {
	author := c.Author.account()
	if c.Author == nil {
		author = d.find(c.AuthorEmail)
	}
	out := forge.Commit{SHA: c.SHA, Authors: []forge.Account{author}, Committer: forge.Account{Kind: forge.Unknown}}
	for _, m := range coAuthor.FindAllStringSubmatch(c.Message, -1) {
		out.Authors = append(out.Authors, d.find(m[1]))
	}
	switch {
	case c.CommitterEmail == "":
	case strings.EqualFold(c.CommitterEmail, c.AuthorEmail):
		out.Committer = author
	default:
		out.Committer = d.find(c.CommitterEmail)
	}
	return out
}

// committers completes commits by the accounts that GitLab lists as having committed to the merge
// request, without telling what: those who fit no address so far belong to the addresses that fit no
// account. Only when there are as many of the one as of the other is that certain, and then each of
// them counts as an author of each such commit. Whoever is listed is an author of some commit, at least.
func (d directory) committers(out []forge.Commit, in []commit, hosted map[string]bool, listed []*user) {
	matched := map[int64]bool{}
	open := map[string]bool{} // addresses without an account
	for i, c := range out {
		for _, a := range append(slices.Clone(c.Authors), c.Committer) {
			matched[a.ID] = true
		}
		switch {
		case hosted[c.SHA]:
			out[i].Committer = forge.Account{} // the zero account: the host itself
		case !c.Committer.Known():
			open[strings.ToLower(in[i].CommitterEmail)] = true
		}
	}
	var left []forge.Account
	for _, u := range listed {
		if a := u.account(); a.ID != 0 && !matched[a.ID] {
			left = append(left, a)
		}
	}
	certain := len(left) > 0 && len(left) == len(open) && !open[""]
	for i, c := range out {
		if certain && !hosted[c.SHA] && !c.Committer.Known() {
			out[i].Committer = left[0]
			out[i].Authors = append(out[i].Authors, left...)
		}
	}
	if len(left) > 0 && !certain && len(out) > 0 {
		last := len(out) - 1
		out[last].Authors = append(out[last].Authors, left...)
	}
}

// hosted finds the commits that GitLab itself made (web editor, merges, suggestions): those carry an
// address of no account, and a signature that GitLab vouches for ("verified_system", 15.11 and newer,
// where the instance signs). Anybody can write the address; only the signature makes it mean GitLab.
func (h *Host) hosted(ctx context.Context, l *look, people directory, list []commit) (map[string]bool, error) {
	out := map[string]bool{}
	asked := 0
	for i, c := range list {
		if l.out.Commits[i].Committer.Known() || !strings.HasPrefix(strings.ToLower(c.CommitterEmail), "noreply@") {
			continue
		}
		signed, ok := h.signed.get(c.SHA)
		if !ok {
			if asked++; asked > maxSignatures {
				break // the rest stays Unknown
			}
			var err error
			if signed, err = h.signedByHost(ctx, l.ref.Repo, c.SHA); err != nil {
				return nil, err
			}
			h.signed.put(c.SHA, signed, rememberFor)
		}
		out[c.SHA] = signed
	}
	return out, nil
}

func (h *Host) signedByHost(ctx context.Context, repo forge.Repo, sha string) (bool, error) {
	var answer struct {
		Status string `json:"verification_status"`
	}
	_, err := h.get(ctx, projectOf(repo.FullName())+"/repository/commits/"+sha+"/signature", nil, &answer)
	if status(err) == http.StatusNotFound {
		return false, nil // not signed
	}
	return answer.Status == "verified_system", err
}
