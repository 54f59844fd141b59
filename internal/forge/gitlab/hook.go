package gitlab

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
)

// MaxHook is the largest payload that GitLab delivers, in bytes.
const MaxHook = 25 << 20

// Wake says what a delivery asks to look at again. It is a hint: the live state decides.
type Wake struct {
	Repo       forge.Repo
	Numbers    []int  // the merge requests of Repo
	AllOpen    bool   // every open merge request of Repo; see Narrow
	Everything bool   // every project of the account; Repo is not set
	HeadSHA    string // the head that the event speaks of, where it does
	Green      string // "sha@branch" of a pipeline that has succeeded, if that is all that happened
}

// payload holds what is used of any event. Hosts leave out much of what they document, so everything
// else is ignored and nothing is required before it is needed.
type payload struct {
	Kind    string `json:"object_kind"`
	Event   string `json:"event_name"`
	User    person `json:"user"`
	Project struct {
		ID      int64  `json:"id"`
		Path    string `json:"path_with_namespace"`
		WebURL  string `json:"web_url"`
		Default string `json:"default_branch"`
	} `json:"project"`
	ProjectID  int64 `json:"project_id"`
	Attributes struct {
		IID          int      `json:"iid"`
		Action       string   `json:"action"`
		OldRev       string   `json:"oldrev"`
		LastCommit   commitID `json:"last_commit"`
		NoteableType string   `json:"noteable_type"`
		Note         string   `json:"note"`
		System       bool     `json:"system"`
		Status       string   `json:"status"` // of a pipeline, as are the next
		SHA          string   `json:"sha"`
		Ref          string   `json:"ref"`
		Tag          bool     `json:"tag"`
	} `json:"object_attributes"`
	MergeRequest *struct {
		IID             int      `json:"iid"`
		TargetProjectID int64    `json:"target_project_id"`
		LastCommit      commitID `json:"last_commit"`
	} `json:"merge_request"`
	// Changes is an object in these events, and a list in others that are not for us.
	Changes json.RawMessage `json:"changes"`
	// Check is of an external status check, which asks to be answered.
	Check json.RawMessage `json:"external_approval_rule"`
	// Of push.
	Ref     string `json:"ref"`
	Before  string `json:"before"`
	After   string `json:"after"`
	Total   int    `json:"total_commits_count"`
	Commits []struct {
		Added    []string `json:"added"`
		Modified []string `json:"modified"`
		Removed  []string `json:"removed"`
	} `json:"commits"`
}

type person struct {
	Username string `json:"username"`
}

type commitID struct {
	ID string `json:"id"`
}

// unheard are the events, by X-Gitlab-Event, that wake nothing whatever they hold: they are not even read.
var unheard = []string{
	"Emoji Hook", "Issue Hook", "Confidential Issue Hook", "Job Hook", "Tag Push Hook", "Wiki Page Hook",
	"Deployment Hook", "Release Hook", "Feature Flag Hook", "Resource Access Token Hook", "Milestone Hook", "Vulnerability Hook",
}

// ParseHook reads a verified delivery of a project's, group's or system's hook, or of an external status
// check, and says what must be looked at; false is nothing. isCommand tells whether a comment's text
// holds a command. An error means that the payload is not what GitLab documents.
func ParseHook(event string, body []byte, isCommand func(string) bool) (Wake, bool, error) {
	if slices.Contains(unheard, event) {
		return Wake{}, false, nil
	}
	if len(body) > MaxHook {
		return Wake{}, false, fmt.Errorf("webhook %s: %w: %d bytes", event, forge.ErrTooLarge, len(body))
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		// Only what these events hold has the shapes above; another's may differ.
		var kind struct {
			Kind string `json:"object_kind"`
		}
		if json.Unmarshal(body, &kind) == nil && kind.Kind != "" && heard[kind.Kind] == nil {
			return Wake{}, false, nil
		}
		return Wake{}, false, fmt.Errorf("webhook %s: %w", event, err)
	}
	if slices.Contains(everything, p.Event) {
		return Wake{Everything: true}, true, nil
	}
	kind := p.Kind
	if kind == "" {
		kind = p.Event // a system hook's push
	}
	asks := heard[kind]
	if asks == nil {
		return Wake{}, false, nil
	}
	w := Wake{}
	if !asks(&p, &w, isCommand) {
		return Wake{}, false, nil
	}
	if err := checkPath(p.Project.Path, 2); err != nil {
		return Wake{}, false, fmt.Errorf("webhook %s: project: %w", event, err)
	}
	i := strings.LastIndexByte(p.Project.Path, '/')
	w.Repo = forge.Repo{Host: hostOf(p.Project.WebURL), ID: max(p.Project.ID, p.ProjectID), Owner: p.Project.Path[:i], Name: p.Project.Path[i+1:]}
	w.Numbers = slices.DeleteFunc(w.Numbers, func(n int) bool { return n <= 0 })
	w.AllOpen = w.AllOpen || len(w.Numbers) == 0 // it speaks of a merge request and does not say which
	if !oidForm.MatchString(w.HeadSHA) {
		w.HeadSHA = ""
	}
	return w, true, nil
}

// heard says, by kind, what a delivery wakes. Whatever is not here wakes nothing.
var heard = map[string]func(*payload, *Wake, func(string) bool) bool{
	"merge_request": onMergeRequest,
	"note":          onNote,
	"push":          onPush,
	"pipeline":      onPipeline,
}

// everything are the events after which other people may approve, or other projects are ours
// (docs.gitlab.com, "Webhook events" and "System hooks", 2026).
var everything = []string{
	"user_add_to_group", "user_remove_from_group", "user_update_for_group",
	"user_add_to_team", "user_remove_from_team", "user_update_for_team", "user_destroy",
	"project_create", "project_transfer", "project_rename", "group_rename",
}

// onMergeRequest wakes what changes a decision. Labels, assignees, descriptions and our own requests
// for a review do not; a person's review that asks for changes comes as a change of the reviewers.
func onMergeRequest(p *payload, w *Wake, _ func(string) bool) bool {
	w.Numbers, w.HeadSHA = []int{p.Attributes.IID}, p.Attributes.LastCommit.ID
	switch p.Attributes.Action {
	case "open", "reopen", "close", "merge", "approved", "unapproved", "approval", "unapproval":
		return true
	case "update":
		return len(p.Check) > 0 || p.Attributes.OldRev != "" || p.changed()
	}
	// An old system hook names no action, and an external status check need not: it waits for an answer.
	return len(p.Check) > 0 || p.Attributes.Action == ""
}

// changed reports whether the changes of an update are ones that matter.
func (p *payload) changed() bool {
	var changes map[string]json.RawMessage
	if json.Unmarshal(p.Changes, &changes) != nil {
		return false
	}
	for _, name := range []string{"draft", "work_in_progress", "target_branch", "state_id"} {
		if changes[name] != nil {
			return true
		}
	}
	return strings.Contains(string(changes["reviewers"]), `"requested_changes"`)
}

// onNote wakes on commands of people. Bots give none, ourselves among them.
func onNote(p *payload, w *Wake, isCommand func(string) bool) bool {
	if p.Attributes.NoteableType != "MergeRequest" || p.MergeRequest == nil || p.Attributes.System {
		return false
	}
	if p.Attributes.Action != "" && p.Attributes.Action != "create" { // an edited comment is never a command
		return false
	}
	w.Numbers, w.HeadSHA = []int{p.MergeRequest.IID}, p.MergeRequest.LastCommit.ID
	return !botName.MatchString(p.User.Username) && isCommand(p.Attributes.Note)
}

// onPush wakes the merge requests into a branch whose rules changed. A push to a merge request's own
// branch comes as an update of it.
func onPush(p *payload, w *Wake, _ func(string) bool) bool {
	branch, ok := strings.CutPrefix(p.Ref, "refs/heads/")
	if !ok || branch == forge.AuditBranch || none(p.After) {
		return false
	}
	// GitLab lists 20 commits at most, and none of a branch that was set back. The latter is left to the
	// sweep elsewhere than on the default branch: feature branches are rewritten all day.
	w.AllOpen = p.Total > len(p.Commits) || branch == p.Project.Default && (none(p.Before) || len(p.Commits) == 0)
	for _, c := range p.Commits {
		for _, files := range [][]string{c.Added, c.Modified, c.Removed} {
			w.AllOpen = w.AllOpen || slices.ContainsFunc(files, forge.Governs)
		}
	}
	return w.AllOpen
}

// none is GitLab's id for no commit: a branch that is born, or goes.
func none(sha string) bool { return strings.Trim(sha, "0") == "" && sha != "" }

// onPipeline wakes when a pipeline succeeds: any Developer may set a status named like the gate, and
// what was set by somebody else must not stand until the sweep. Our own status makes such an event
// too: see Narrow.
func onPipeline(p *payload, w *Wake, _ func(string) bool) bool {
	if p.Attributes.Status != "success" || p.Attributes.Tag || p.Attributes.Ref == p.Project.Default {
		return false
	}
	w.HeadSHA, w.Green = p.Attributes.SHA, p.Attributes.SHA+"@"+p.Attributes.Ref
	if m := p.MergeRequest; m != nil && (m.TargetProjectID == 0 || m.TargetProjectID == p.Project.ID) {
		w.Numbers, w.HeadSHA = []int{m.IID}, "" // it may have run on a commit that merges the head
		return true
	}
	w.AllOpen = true
	return true
}

// Narrow turns a wake of every merge request of a project, where it speaks of a head, into one of those
// merge requests that had this head when they were last looked at. Where none is known it stays. Of a
// pipeline that became green by our own gate it makes nothing, once: who forges the gate later is found.
func (h *Host) Narrow(w Wake) Wake {
	if ours, ok := h.greened.take(w.Repo.FullName() + "@" + w.Green); ok && ours {
		return Wake{}
	}
	if !w.AllOpen || w.HeadSHA == "" {
		return w
	}
	if numbers, ok := h.heads.get(w.Repo.FullName() + "@" + w.HeadSHA); ok {
		w.AllOpen, w.Numbers = false, slices.Clone(numbers)
	}
	return w
}

func hostOf(webURL string) string {
	u, err := url.Parse(webURL)
	if err != nil {
		return ""
	}
	return u.Host
}
