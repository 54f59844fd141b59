package sandbox

import (
	"net/http"
	"slices"
)

const (
	glNotes       = glMR + "/{merge_request_iid}/notes"
	glDiscussions = glMR + "/{merge_request_iid}/discussions"
)

var glNoteRoutes = []glRoute{
	{"GET " + glNotes, "sort:asc|desc order_by:created_at|updated_at activity_filter:all_notes|only_comments|only_activity", 0, glListNotes},
	{"POST " + glNotes, "body! internal:bool confidential:bool created_at merge_request_diff_head_sha", 0, func(c *glCall) (int, any, error) {
		if c.flag("internal") || c.flag("confidential") {
			return 0, nil, refuse(http.StatusBadRequest, "the sandbox has no internal notes")
		}
		n, err := c.s.addNote(c.mr, c.by, c.text("body"), nil)
		return c.note(201, n, err)
	}},
	{"GET " + glNotes + "/{note_id}", "", 0, onNote(func(c *glCall, n *comment) (int, any, error) { return c.note(200, n, nil) })},
	{"PUT " + glNotes + "/{note_id}", "body!", 0, onNote(func(c *glCall, n *comment) (int, any, error) {
		return c.note(200, n, c.s.editNote(n, c.by, c.text("body")))
	})},
	{"DELETE " + glNotes + "/{note_id}", "", 0, onNote(func(c *glCall, n *comment) (int, any, error) { return 204, nil, c.s.deleteNote(n, c.by) })},
	{"GET " + glDiscussions, "", 0, func(c *glCall) (int, any, error) { return glList(c, c.mr.discussions(), c.discussionJSON) }},
	{"POST " + glDiscussions, "body! position:object commit_id created_at", 0, glCreateDiscussion},
	{"GET " + glDiscussions + "/{discussion_id}", "", 0, onDiscussion(func(c *glCall, t *thread) (int, any, error) { return 200, c.discussionJSON(t), nil })},
	{"PUT " + glDiscussions + "/{discussion_id}", "resolved!:bool", 0, onDiscussion(func(c *glCall, t *thread) (int, any, error) {
		if err := c.s.resolveThread(c.mr, t, c.by, c.flag("resolved")); err != nil {
			return 0, nil, err
		}
		return 200, c.discussionJSON(t), nil
	})},
	{"POST " + glDiscussions + "/{discussion_id}/notes", "body! note_id:int created_at", 0, onDiscussion(func(c *glCall, t *thread) (int, any, error) {
		if c.mr.notesOf(t)[0].System != "" {
			return 0, nil, refuse(http.StatusBadRequest, "400 Bad request - Discussion can not be replied to.")
		}
		n, err := c.s.addNote(c.mr, c.by, c.text("body"), t)
		return c.note(201, n, err)
	})},
	{"PUT " + glDiscussions + "/{discussion_id}/notes/{note_id}", "body resolved:bool", 0, onNote(glUpdateDiscussionNote)},
	{"DELETE " + glDiscussions + "/{discussion_id}/notes/{note_id}", "", 0, onNote(func(c *glCall, n *comment) (int, any, error) { return 204, nil, c.s.deleteNote(n, c.by) })},
}

func (c *glCall) note(status int, n *comment, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	return status, c.s.noteJSON(n), nil
}

func onNote(fn func(c *glCall, n *comment) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		n := c.mr.comment(c.pathNumber("note_id"))
		if id := c.req.PathValue("discussion_id"); n == nil || id != "" && n.Thread.ID != id {
			return 0, nil, notFoundOf("Note")
		}
		return fn(c, n)
	}
}

func onDiscussion(fn func(c *glCall, t *thread) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		t := c.mr.discussion(c.req.PathValue("discussion_id"))
		if t == nil {
			return 0, nil, notFoundOf("Discussion")
		}
		return fn(c, t)
	}
}

func glUpdateDiscussionNote(c *glCall, n *comment) (int, any, error) {
	var err error
	switch {
	case c.has("body") == c.has("resolved"):
		err = refuse(http.StatusBadRequest, "body, resolved are missing, exactly one parameter must be provided").as(kindError)
	case c.has("body"):
		err = c.s.editNote(n, c.by, c.text("body"))
	default:
		err = c.s.resolveThread(c.mr, n.Thread, c.by, c.flag("resolved"))
	}
	return c.note(200, n, err)
}

func glListNotes(c *glCall) (int, any, error) {
	list := slices.DeleteFunc(slices.Clone(c.mr.Comments), func(n *comment) bool {
		return c.text("activity_filter") == "only_comments" && n.System != "" || c.text("activity_filter") == "only_activity" && n.System == ""
	})
	if c.text("sort") != "asc" {
		slices.Reverse(list)
	}
	return glList(c, list, func(n *comment) any { return c.s.noteJSON(n) })
}

// glCreateDiscussion opens a thread; one with a position lies on a line of the diff.
func glCreateDiscussion(c *glCall) (int, any, error) {
	var at *position
	if sent, ok := c.params["position"].(map[string]any); ok {
		var err error
		if at, err = readPosition(sent); err != nil {
			return 0, nil, err
		}
	}
	n, err := c.s.startThread(c.mr, c.by, c.text("body"), at)
	if err != nil {
		return 0, nil, err
	}
	return 201, c.discussionJSON(n.Thread), nil
}

func readPosition(sent map[string]any) (*position, error) {
	at := &position{}
	for name, into := range map[string]*string{"base_sha": &at.BaseSHA, "start_sha": &at.StartSHA, "head_sha": &at.HeadSHA,
		"old_path": &at.OldPath, "new_path": &at.NewPath} {
		*into, _ = sent[name].(string)
		if *into == "" && name[4:] != "path" {
			return nil, refuse(http.StatusBadRequest, "position[%s] is missing", name).as(kindError)
		}
	}
	if kind, _ := sent["position_type"].(string); kind != "text" {
		return nil, refuse(http.StatusBadRequest, "position[position_type] does not have a valid value").as(kindError)
	}
	for name, into := range map[string]*int{"old_line": &at.OldLine, "new_line": &at.NewLine} {
		if sent[name] == nil {
			continue
		}
		n, why := readParam("int", sent[name])
		if why != "" {
			return nil, refuse(http.StatusBadRequest, "position[%s] is invalid", name).as(kindError)
		}
		*into = int(n.(int64))
	}
	return at, nil
}

// discussions are all of them, the oldest first; a system note is one by itself.
func (p *pull) discussions() []*thread {
	var out []*thread
	for _, c := range p.Comments {
		if !slices.Contains(out, c.Thread) {
			out = append(out, c.Thread)
		}
	}
	return out
}

func (c *glCall) discussionJSON(t *thread) any {
	return obj{"id": t.ID, "individual_note": t.Individual, "notes": each(c.mr.notesOf(t), func(n *comment) any { return c.s.noteJSON(n) })}
}

// noteType is GitLab's class of a note; nil is a plain one.
func noteType(c *comment) any {
	switch {
	case c.Thread.At != nil:
		return "DiffNote"
	case !c.Thread.Individual:
		return "DiscussionNote"
	}
	return nil
}

func positionJSON(at *position) obj {
	line := func(n int) any {
		if n == 0 {
			return nil
		}
		return n
	}
	return obj{"base_sha": at.BaseSHA, "start_sha": at.StartSHA, "head_sha": at.HeadSHA, "old_path": at.OldPath, "new_path": at.NewPath,
		"position_type": "text", "old_line": line(at.OldLine), "new_line": line(at.NewLine), "line_range": nil}
}

func (s *Sandbox) noteJSON(c *comment) obj {
	t := c.Thread
	resolvable := c.System == "" && !t.Individual
	j := obj{"id": c.ID, "type": noteType(c), "body": c.Body, "author": s.gitlabUserJSON(c.Author), "created_at": stampMS(c.Created),
		"updated_at": stampMS(c.Updated), "system": c.System != "", "noteable_id": c.pull.ID, "noteable_type": "MergeRequest",
		"project_id": c.pull.repo.ID, "resolvable": resolvable, "confidential": false, "internal": false, "imported": false, "imported_from": "none",
		"noteable_iid": c.pull.Number, "commands_changes": obj{}}
	if t.At != nil {
		j["position"], j["commit_id"] = positionJSON(t.At), nil
		j["suggestions"] = each(c.Suggestions, func(x *suggestion) any { return c.suggestionJSON(x) })
	}
	if resolvable {
		j["resolved"], j["resolved_by"], j["resolved_at"] = t.Resolved, s.gitlabUserJSON(t.ResolvedBy), stampMS(t.ResolvedAt)
	}
	return j
}
