package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
)

// releaseTag is a tag of the clone under lumos/.
type releaseTag struct {
	name, oid string
	tag       *tagObject
	content   *TagContent
	problem   *Violation // what is wrong with the tag by itself
}

// readTags reads the release tags and verifies their signatures.
func (v *verification) readTags() error {
	var names []string
	for name, r := range v.clone.refs {
		if short, ok := strings.CutPrefix(name, "refs/tags/"); ok {
			v.tags = append(v.tags, releaseTag{name: short, oid: r.oid})
		}
	}
	slices.SortFunc(v.tags, func(a, b releaseTag) int { return strings.Compare(a.name, b.name) })
	for _, t := range v.tags {
		names = append(names, t.oid)
	}
	return v.cat.each(names, func(i int, o object) error {
		t := &v.tags[i]
		wrong := func(code Code, format string, args ...any) {
			t.problem = &Violation{Code: code, File: "refs/tags/" + t.name, Message: fmt.Sprintf(format, args...)}
		}
		if o.typ != "tag" {
			wrong(WrongTag, "it is no annotated tag but a bare reference to a %s", o.typ)
			return nil
		}
		var err error
		if t.tag, err = parseTag(o.data); err != nil {
			wrong(TwoSignatures, "%v", err)
			return nil
		}
		if err := checkSignature(t.tag.payload, t.tag.sig, v.key); err != nil {
			code := signatureCode(err)
			if code == WrongCheckpoint {
				code = WrongTag
			}
			wrong(code, "the tag is not signed by the log's key: %v", err)
			return nil
		}
		if t.content, err = t.tag.content(); err != nil {
			wrong(WrongTag, "%v", err)
		}
		return nil
	})
}

// checkTags holds the tags against the log: what they were made for, and the log that they knew.
func (v *verification) checkTags() error {
	oids := map[string]string{}
	for _, t := range v.tags {
		oids[t.name] = t.oid
		if t.problem == nil {
			t.problem = v.checkTag(&t)
		}
		if t.problem != nil {
			v.add(*t.problem)
		}
	}
	for _, name := range sortedKeys(v.log.tags) {
		e := v.log.tags[name]
		switch oid := oids[name]; {
		case oid == "":
			v.add(Violation{Code: WrongTag, Seq: at(e.Seq), File: "refs/tags/" + name, Message: "the tag is gone, or was not fetched (git fetch --tags)"})
		case oid != e.Tag.Object:
			v.add(Violation{Code: WrongTag, Seq: at(e.Seq), File: "refs/tags/" + name,
				Message: fmt.Sprintf("the tag was moved: it is %s, the log has %s", short(oid), short(e.Tag.Object))})
		}
	}
	return nil
}

func (v *verification) checkTag(t *releaseTag) *Violation {
	wrong := func(code Code, seq *int64, format string, args ...any) *Violation {
		return &Violation{Code: code, Seq: seq, Commit: t.tag.object, File: "refs/tags/" + t.name, Message: fmt.Sprintf(format, args...)}
	}
	c := t.content
	if t.tag.name != t.name || t.tag.kind != "commit" {
		return wrong(WrongTag, nil, "the tag object is of %s on a %s", t.tag.name, t.tag.kind)
	}
	switch then := v.log.at[c.Checkpoint.Size]; {
	case c.Checkpoint.Origin != v.genesis.Origin:
		return wrong(ForkedLog, nil, "its checkpoint is of the log %q", c.Checkpoint.Origin)
	case then == nil:
		return wrong(TruncatedLog, at(v.log.size), "the tag knew %d events, the log has %d", c.Checkpoint.Size, v.log.size)
	case then.root != c.Checkpoint.Root && c.Checkpoint.Size <= v.log.sound:
		return wrong(ForkedLog, at(c.Checkpoint.Size-1), "the tag knew other events: their root was %s, now it is %s", c.Checkpoint.Root, then.root)
	}
	if len(c.Decisions) == 0 {
		return wrong(WrongTag, nil, "the tag names no decision")
	}
	release := strings.TrimPrefix(t.name, forge.TagPrefix)
	pr := 0
	for _, seq := range c.Decisions {
		d := v.log.decisions[seq]
		switch {
		case d == nil:
			return wrong(WrongTag, at(seq), "this event is no decision to approve")
		case d.Subject.Digest != c.Subject || d.Policy != c.Policy:
			return wrong(WrongTag, at(seq), "the decision is of subject %s under policy %s, the tag of %s under %s", d.Subject.Digest, d.Policy, c.Subject, c.Policy)
		case !slices.ContainsFunc(d.Subject.Manifests, func(m Manifest) bool { return m.Model+"/"+m.Version == release }):
			return wrong(WrongTag, at(seq), "the decision is not about %s", release)
		}
		pr = d.PR
	}
	if m := v.log.merges[t.tag.object]; m == nil || m.Type != MergeVerified || m.PR != pr {
		return wrong(WrongTag, nil, "the log knows no merge of #%d as this commit", pr)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// landing is what one commit, or one rebase merge of several, left of the manifests it touched.
type landing struct {
	commit string
	merge  *Event            // the log's event of it, nil when there is none
	blobs  map[string]string // by path; empty for a removal
}

// checkMain holds every change of a release manifest on the main branch against the decisions.
func (v *verification) checkMain(ctx context.Context) error {
	refname, tip := v.clone.mainBranch(v.opt.MainBranch)
	if tip == "" {
		if v.opt.MainBranch != "" {
			return cannot("%s has no branch %s", v.clone.dir, v.opt.MainBranch)
		}
		v.res.Notes = append(v.res.Notes, "no main branch was found: nothing was held against the decisions")
		return nil
	}
	v.res.Main = refname
	landings, err := v.landings(ctx, tip)
	if err != nil {
		return err
	}
	told := map[string]bool{}
	for _, l := range landings {
		for _, p := range sortedKeys(l.blobs) {
			v.res.Manifests++
			if x := v.covered(l, p, l.blobs[p]); x != nil {
				told[l.commit] = true
				v.add(*x)
			}
		}
	}
	for _, c := range sortedKeys(v.log.merges) {
		if e := v.log.merges[c]; e.Type == MergeViolation && !told[c] {
			v.add(Violation{Code: NoDecision, Seq: at(e.Seq), Commit: c, Message: fmt.Sprintf("the log records that #%d was merged with no decision", e.PR)})
		}
	}
	return nil
}

// covered reports why no decision covers a blob that reached the main branch.
func (v *verification) covered(l landing, path, blob string) *Violation {
	when := int64(forever - 1) // no event tells when it was merged: any decision that stands will do
	if l.merge != nil {
		when = l.merge.Seq
	}
	var near *approval
	for _, a := range v.log.approvals[pathBlob(path, blob)] {
		if a.from < when && when < a.until {
			return nil
		}
		near = &a
	}
	x := &Violation{Code: NoDecision, Commit: l.commit, File: path, Message: "merged with no decision: no event approves these bytes at this path"}
	switch {
	case blob == "" && near == nil:
		x.Message = "removed with no decision"
	case near != nil && near.from > when:
		x.Code, x.Seq, x.Message = LateDecision, at(near.from), fmt.Sprintf("decided only after event %d had seen it merged", when)
	case near != nil:
		x.Code, x.Seq, x.Message = LateDecision, at(near.until), "the decision had been withdrawn before the merge"
	case l.merge != nil:
		x.Seq = at(l.merge.Seq)
	}
	return x
}

// landings lists what happened to manifests on the main branch since the log was born, oldest first.
// Only the main branch's own line counts: what a merge brought is judged as the merge left it.
func (v *verification) landings(ctx context.Context, tip string) ([]landing, error) {
	args := []string{"-c", "log.showRoot=true", "log", "-z", "-m", "--first-parent", "--reverse", "--raw", "--no-abbrev",
		"--no-renames", "--no-show-signature", "--no-notes", "--format=%H", tip}
	if since := v.genesis.Since; since != "" {
		got, err := v.cat.get(since)
		if err != nil {
			return nil, err
		}
		if got[0].typ != "commit" {
			return nil, cannot("commit %s, at which the log was born, is not in the clone", short(since))
		}
		args = append(args, "^"+since)
	}
	cmd := gitCommand(ctx, v.clone.dir, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, cannot("git log: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, cannot("git log: %w", err)
	}
	all, err := v.parseLandings(out)
	if werr := cmd.Wait(); werr != nil && err == nil {
		err = cannot("git log: %w: %s", werr, strings.TrimSpace(stderr.String()))
	}
	return v.joinRebases(all), err
}

func (v *verification) parseLandings(r io.Reader) ([]landing, error) {
	in := bufio.NewReader(r)
	var all []landing
	for {
		token, err := in.ReadString(0)
		if errors.Is(err, io.EOF) && token == "" {
			return all, nil
		}
		if err != nil {
			return nil, cannot("git log: %w", err)
		}
		token = strings.Trim(token, "\x00\n")
		meta, isFile := strings.CutPrefix(token, ":")
		switch {
		case token == "":
		case !isFile && oidRE.MatchString(token):
			all = append(all, landing{commit: token, merge: v.log.merges[token], blobs: map[string]string{}})
		case !isFile || len(all) == 0:
			return nil, cannot("git log: unexpected %q", token)
		default:
			path, err := in.ReadString(0)
			f := strings.Fields(meta) // mode, mode, blob, blob, status
			if err != nil || len(f) != 5 {
				return nil, cannot("git log: unexpected %q", token)
			}
			if path = strings.TrimSuffix(path, "\x00"); v.opt.Governed(path) {
				blob := f[3]
				if strings.Trim(blob, "0") == "" { // removed
					blob = ""
				}
				all[len(all)-1].blobs[path] = blob
			}
		}
	}
}

// joinRebases makes one landing of the commits that a rebase merge put on the branch: what was
// decided is what the last of them leaves.
func (v *verification) joinRebases(all []landing) []landing {
	for i := len(all) - 1; i >= 0; i-- {
		if m := all[i].merge; m != nil && m.Type == MergeVerified && m.Merge.Commits > 1 {
			for j := i - 1; j > i-m.Merge.Commits && j >= 0 && all[j].merge == nil; j-- {
				for p, blob := range all[j].blobs {
					if _, ok := all[i].blobs[p]; !ok {
						all[i].blobs[p] = blob
					}
				}
				all[j].blobs = nil
			}
		}
	}
	return all
}
