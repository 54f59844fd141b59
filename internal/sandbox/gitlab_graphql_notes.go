package sandbox

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lumos-governance/lumos/internal/sandbox/gql"
)

// noteKinds are the classes behind the ids of notes and of discussions; any of them is taken.
var (
	noteKinds       = []string{"Note", "DiffNote", "DiscussionNote"}
	discussionKinds = []string{"Discussion", "DiffDiscussion", "IndividualNoteDiscussion"}
)

// noteByID finds a note that may be seen, or nil.
func (l *lab) noteByID(id string) (*comment, error) {
	n, err := parseNumberedGID(id, "Note", noteKinds...)
	if err != nil {
		return nil, err
	}
	for _, r := range l.s.repos {
		if c := commentByID(r, n); c != nil && l.sees(r) {
			return c, nil
		}
	}
	return nil, nil
}

func (l *lab) notes(a gql.Args, list []*comment) (any, error) {
	return labConnection("NoteConnection", a, list, func(c *comment) any { return l.note(c) })
}

func noteKind(c *comment) string {
	switch {
	case c.Thread.Individual || c.System != "":
		return "Note"
	case c.Thread.At != nil:
		return "DiffNote"
	}
	return "DiscussionNote"
}

func (l *lab) note(c *comment) gql.Object {
	p := c.pull
	o := gql.Object{"__typename": "Note", "id": gid(noteKind(c), c.ID), "body": c.Body, "system": c.System != "", "internal": false,
		"createdAt": stamp(c.Created), "updatedAt": stamp(c.Updated), "lastEditedAt": stamp(c.Edited), "lastEditedBy": l.user(c.Editor, "UserCore"),
		"author": l.user(c.Author, "UserCore"), "maxAccessLevelOfAuthor": humanAccess(l.s.access(c.Author, p.repo)),
		"url": fmt.Sprintf("%s%s#note_%d", l.s.url, p.labPath(), c.ID), "project": lazy(func() any { return l.project(p.repo) }),
		"systemNoteMetadata": nil, "systemNoteIconName": nil, "position": l.position(c.Thread),
		"discussion": lazy(func() any { return l.discussion(p, c.Thread) })}
	if c.System != "" {
		o["systemNoteMetadata"] = gql.Object{"__typename": "SystemNoteMetadata", "id": gid("SystemNoteMetadata", c.ID), "action": c.System}
		o["systemNoteIconName"] = c.System
	}
	l.resolution(o, c.Thread, noteKind(c) != "Note")
	return o
}

// resolution says whether something can be resolved, and who did.
func (l *lab) resolution(o gql.Object, t *thread, resolvable bool) {
	o["resolvable"], o["resolved"], o["resolvedAt"], o["resolvedBy"] = resolvable, false, nil, nil
	if resolvable && t.Resolved {
		o["resolved"], o["resolvedAt"], o["resolvedBy"] = true, stamp(t.ResolvedAt), l.user(t.ResolvedBy, "UserCore")
	}
}

func (l *lab) position(t *thread) any {
	if t == nil || t.At == nil {
		return nil
	}
	number := func(n int) any {
		if n == 0 {
			return nil
		}
		return n
	}
	return gql.Object{"__typename": "DiffPosition", "filePath": cmp.Or(t.At.NewPath, t.At.OldPath), "newPath": orNull(t.At.NewPath), "oldPath": orNull(t.At.OldPath),
		"newLine": number(t.At.NewLine), "oldLine": number(t.At.OldLine), "positionType": "text",
		"diffRefs": gql.Object{"__typename": "DiffRefs", "baseSha": orNull(t.At.BaseSHA), "headSha": t.At.HeadSHA, "startSha": t.At.StartSHA}}
}

func (l *lab) discussion(p *pull, t *thread) gql.Object {
	kind := "Discussion"
	switch {
	case t.Individual:
		kind = "IndividualNoteDiscussion"
	case t.At != nil:
		kind = "DiffDiscussion"
	}
	notes := p.notesOf(t)
	o := gql.Object{"__typename": "Discussion", "id": gid(kind, t.ID), "replyId": gid(kind, t.ID), "createdAt": nil,
		"notes": labField(func(a gql.Args) (any, error) { return l.notes(a, notes) })}
	if len(notes) > 0 {
		o["createdAt"] = stamp(notes[0].Created)
	}
	l.resolution(o, t, !t.Individual)
	return o
}

func (l *lab) discussions(p *pull, a gql.Args) (any, error) {
	var list []*thread
	for _, c := range p.Comments {
		if !slices.Contains(list, c.Thread) {
			list = append(list, c.Thread)
		}
	}
	return labConnection("DiscussionConnection", a, list, func(t *thread) any { return l.discussion(p, t) })
}

// threadByID finds a discussion that may be seen, by its global id, or nothing.
func (l *lab) threadByID(id string) (*pull, *thread, error) {
	hash, err := parseGID(id, "Discussion", discussionKinds...)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range l.s.repos {
		for _, p := range r.pulls {
			if t := p.discussion(hash); t != nil && l.sees(r) {
				return p, t, nil
			}
		}
	}
	return nil, nil, nil
}
