package approval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
)

// maxBecause bounds the reasons kept for one contributor.
const maxBecause = 5

// people holds who contributed to the change, and so cannot approve it, and who may have without
// the host being able to name them.
type people struct {
	barred  []Barred
	byID    map[int64]int  // index in barred
	byLogin map[string]int // index in barred, by lower-case login: of those that only a manifest names, too
	more    []int          // reasons left out, by index in barred
	unknown []string       // whom the host cannot name
	missing []string       // what it has not told yet
}

// contributors collects everybody who had a hand in the change: who opened the pull request, every
// author, co-author and committer of every commit over all parents, who pushed them, and whom the
// manifests name as authors.
func contributors(s *forge.Snapshot, authors []string) people {
	p := people{byID: make(map[int64]int), byLogin: make(map[string]int)}
	p.add(s.PullRequest.Author, "opened the pull request", "who opened the pull request")

	head := s.PullRequest.Head.SHA
	commits := make(map[string]bool, len(s.Commits))
	for _, c := range s.Commits {
		commits[c.SHA] = true
		if len(c.Authors) == 0 {
			p.unknown = append(p.unknown, "the author of "+short(c.SHA))
		}
		for _, a := range c.Authors {
			p.add(a, "author of "+short(c.SHA), "an author of "+short(c.SHA))
		}
		if c.Committer != (forge.Account{}) { // the host itself commits what is written in its web editor
			p.add(c.Committer, "committer of "+short(c.SHA), "the committer of "+short(c.SHA))
		}
	}
	if !commits[head] {
		p.missing = append(p.missing, "the commit at the head, "+short(head))
	}
	pushed := false
	for _, push := range s.Pushes {
		if push.After == head || commits[push.After] {
			pushed = pushed || push.After == head
			p.add(push.Actor, "pushed "+short(push.After), "who pushed "+short(push.After))
		}
	}
	if !pushed {
		p.missing = append(p.missing, "who pushed the head, "+short(head))
	}
	for _, login := range authors {
		if login = oneLine(strings.TrimPrefix(strings.TrimSpace(login), "@")); login != "" {
			p.bar(forge.Account{Login: login, Kind: forge.Unknown}, "named in metadata.authors")
		}
	}
	return p
}

func (p *people) add(a forge.Account, because, who string) {
	if !a.Known() {
		p.unknown = append(p.unknown, who)
		return
	}
	p.bar(a, because)
}

func (p *people) bar(a forge.Account, because string) {
	login := asciiLower(a.Login)
	i, seen := p.byID[a.ID]
	if a.ID == 0 {
		i, seen = p.byLogin[login]
	}
	if !seen {
		i = len(p.barred)
		p.barred = append(p.barred, Barred{Account: a})
		p.more = append(p.more, 0)
		if a.ID != 0 {
			p.byID[a.ID] = i
		}
		p.byLogin[login] = i
	}
	b := &p.barred[i]
	switch {
	case slices.Contains(b.Because, because):
	case len(b.Because) < maxBecause:
		b.Because = append(b.Because, because)
	default:
		p.more[i]++
	}
}

// because says why the account cannot approve; it is empty when it can.
func (p *people) because(a forge.Account) string {
	if i, ok := p.byID[a.ID]; ok {
		return listAnd(p.barred[i].Because)
	}
	if i, ok := p.byLogin[asciiLower(a.Login)]; ok {
		return listAnd(p.barred[i].Because)
	}
	return ""
}

func (p *people) barsLogin(login string) bool {
	_, ok := p.byLogin[asciiLower(login)]
	return ok
}

func (p *people) excluded() []Barred {
	out := make([]Barred, len(p.barred))
	for i, b := range p.barred {
		b.Because = slices.Clone(b.Because)
		if p.more[i] > 0 {
			b.Because = append(b.Because, fmt.Sprintf("%d more", p.more[i]))
		}
		out[i] = b
	}
	slices.SortFunc(out, func(a, b Barred) int {
		return cmp.Or(cmp.Compare(a.Account.Login, b.Account.Login), cmp.Compare(a.Account.ID, b.Account.ID))
	})
	return out
}

// node is the condition that everybody who contributed is known: an approver hidden behind an
// e-mail that belongs to no account would approve his own work.
func (p *people) node() Node {
	n := Node{ID: "identities", Title: "Everybody who contributed is known", Met: true,
		Detail: countVerb(len(p.barred), "contributor", "cannot", "cannot") + " approve"}
	switch {
	case len(p.unknown) > 0:
		slices.Sort(p.unknown)
		n.Met, n.Blocking = false, true
		n.Detail = "the code host cannot name " + listSome(slices.Compact(p.unknown), 3) +
			": rewrite such commits with an e-mail address that belongs to an account (git commit --amend --reset-author, or git rebase), and push"
	case len(p.missing) > 0:
		n.Met = false
		n.Detail = "the code host has not said yet: " + listSome(p.missing, 3)
	}
	return n
}
