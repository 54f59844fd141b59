package sandbox

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/sandbox/gql"
)

// mutation answers writes. GitLab tells apart what may not be done at all, an error of the field, and
// what was tried and is not valid, which the payload lists.
func (l *lab) mutation() gql.Object {
	do := func(payload string, f func(in gql.Args) (gql.Object, error)) gql.Field {
		return labField(func(a gql.Args) (any, error) {
			if l.by.token == nil || !slices.Contains(l.by.scopes, "api") {
				return nil, errUnavailable
			}
			in := a.Object("input")
			o, err := f(in)
			invalid := []string{}
			if bad := new(labInvalid); errors.As(err, &bad) {
				err, invalid = nil, bad.messages
			}
			if err != nil {
				return nil, err
			}
			if o == nil {
				o = gql.Object{"note": nil, "discussion": nil, "mergeRequest": nil}
			}
			o["__typename"], o["clientMutationId"], o["errors"] = payload, in["clientMutationId"], invalid
			return o, nil
		})
	}
	return gql.Object{
		"createNote":                 do("CreateNotePayload", l.createNote),
		"createDiscussion":           do("CreateDiscussionPayload", l.createDiscussion),
		"createDiffNote":             do("CreateDiffNotePayload", l.createDiffNote),
		"updateNote":                 do("UpdateNotePayload", l.updateNote),
		"destroyNote":                do("DestroyNotePayload", l.destroyNote),
		"discussionToggleResolve":    do("DiscussionToggleResolvePayload", l.toggleResolve),
		"mergeRequestRequestChanges": do("MergeRequestRequestChangesPayload", l.requestChanges),
		"mergeRequestSetDraft":       do("MergeRequestSetDraftPayload", l.setDraft),
		"mergeRequestSetReviewers":   do("MergeRequestSetReviewersPayload", l.setReviewers),
		"mergeRequestUpdate":         do("MergeRequestUpdatePayload", l.updateMerge),
	}
}

// labInvalid is what a payload lists.
type labInvalid struct{ messages []string }

func (e *labInvalid) Error() string { return strings.Join(e.messages, "; ") }

// fieldErrors is how a refusal of a note names its fields: {:note=>["can't be blank"]}.
var fieldErrors = regexp.MustCompile(`:(\w+)=>\[([^\]]*)\]`)

// asInvalid turns a refusal of the rules into what a payload lists, unless it is one of permission.
func asInvalid(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	if slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, e.Status) {
		return errUnavailable
	}
	var list []string
	for _, m := range fieldErrors.FindAllStringSubmatch(e.Message, -1) {
		field := strings.ToUpper(m[1][:1]) + strings.ReplaceAll(m[1][1:], "_", " ")
		for _, why := range strings.Split(m[2], `", "`) {
			list = append(list, field+" "+strings.Trim(why, `"`))
		}
	}
	for _, f := range e.Fields {
		list = append(list, strings.ToUpper(f.Field[:1])+strings.ReplaceAll(f.Field[1:], "_", " ")+" "+f.Message)
	}
	if list == nil {
		list = append([]string{}, e.Details...)
	}
	if len(list) == 0 {
		list = []string{e.Message}
	}
	return &labInvalid{list}
}

// talkedTo is the merge request that a note is for. Whoever sees a project may comment there.
func (l *lab) talkedTo(in gql.Args) (*pull, error) {
	p, err := l.mergeByID(in.String("noteableId"), "Noteable", "MergeRequest")
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errUnavailable
	}
	return p, nil
}

func (l *lab) createNote(in gql.Args) (gql.Object, error) {
	p, err := l.talkedTo(in)
	if err != nil {
		return nil, err
	}
	var t *thread
	if in.Given("discussionId") {
		var of *pull
		if of, t, err = l.threadByID(in.String("discussionId")); err != nil {
			return nil, err
		}
		if of != p {
			return nil, errors.New("The discussion does not exist or you don't have permission to perform this action")
		}
	}
	return l.written(l.s.addNote(p, l.by, in.String("body"), t))
}

// written is the payload of a note that was written.
func (l *lab) written(c *comment, err error) (gql.Object, error) {
	if err != nil {
		return nil, asInvalid(err)
	}
	return gql.Object{"note": l.note(c)}, nil
}

func (l *lab) createDiscussion(in gql.Args) (gql.Object, error) {
	p, err := l.talkedTo(in)
	if err != nil {
		return nil, err
	}
	return l.written(l.s.startThread(p, l.by, in.String("body"), nil))
}

// createDiffNote opens a thread on a line. GitLab wants the position as the diff has it: of a version of
// the merge request, and with both numbers for a line that did not change.
func (l *lab) createDiffNote(in gql.Args) (gql.Object, error) {
	at := in.Object("position")
	if !at.Given("oldLine") && !at.Given("newLine") {
		return nil, errors.New("position oldLine or newLine arguments are required")
	}
	p, err := l.talkedTo(in)
	if err != nil {
		return nil, err
	}
	paths := at.Object("paths")
	return l.written(l.s.startThread(p, l.by, in.String("body"), &position{BaseSHA: at.String("baseSha"), StartSHA: at.String("startSha"),
		HeadSHA: at.String("headSha"), OldPath: paths.String("oldPath"), NewPath: paths.String("newPath"), OldLine: at.Int("oldLine"), NewLine: at.Int("newLine")}))
}

// ownNote is a note that is there; who may change it, the rules say.
func (l *lab) ownNote(in gql.Args) (*comment, error) {
	c, err := l.noteByID(in.String("id"))
	if err == nil && c == nil {
		err = errUnavailable
	}
	return c, err
}

func (l *lab) updateNote(in gql.Args) (gql.Object, error) {
	c, err := l.ownNote(in)
	if err != nil {
		return nil, err
	}
	body := c.Body
	if in.Given("body") {
		body = in.String("body")
	}
	if err := asInvalid(l.s.editNote(c, l.by, body)); err != nil {
		return gql.Object{"note": l.note(c)}, err
	}
	return gql.Object{"note": l.note(c)}, nil
}

func (l *lab) destroyNote(in gql.Args) (gql.Object, error) {
	c, err := l.ownNote(in)
	if err != nil {
		return nil, err
	}
	return gql.Object{"note": nil}, asInvalid(l.s.deleteNote(c, l.by))
}

func (l *lab) toggleResolve(in gql.Args) (gql.Object, error) {
	p, t, err := l.threadByID(in.String("id"))
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errUnavailable
	}
	resolve, _ := in["resolve"].(bool)
	if err := asInvalid(l.s.resolveThread(p, t, l.by, resolve)); err != nil {
		return nil, err
	}
	return gql.Object{"discussion": l.discussion(p, t)}, nil
}

// changed is the merge request that a mutation is to change.
func (l *lab) changed(in gql.Args) (*pull, error) {
	r := l.s.repoByFull(in.String("projectPath"))
	if r == nil || !l.sees(r) {
		return nil, errUnavailable
	}
	p := l.mergeByIID(r, in.String("iid"))
	if p == nil || !l.mayUpdate(p) {
		return nil, errUnavailable
	}
	return p, nil
}

// merged is the payload of a merge request's mutation; what is not valid leaves it as it is.
func (l *lab) merged(p *pull, err error) (gql.Object, error) {
	return gql.Object{"mergeRequest": l.merge(p)}, asInvalid(err)
}

// requestChanges is of the licensed editions; elsewhere only the page requests changes.
func (l *lab) requestChanges(in gql.Args) (gql.Object, error) {
	p, err := l.changed(in)
	if err != nil {
		return nil, err
	}
	if !p.repo.settings.Licensed {
		return nil, errUnavailable
	}
	if err := l.s.objectMR(p, l.by); err != nil {
		return l.merged(p, err)
	}
	if !slices.Contains(p.Users, l.by.account) {
		return l.merged(p, &labInvalid{[]string{"Reviewer not found"}}) // but requested they are
	}
	return l.merged(p, nil)
}

// setDraft goes by the title, as GitLab does.
func (l *lab) setDraft(in gql.Args) (gql.Object, error) {
	p, err := l.changed(in)
	if err != nil {
		return nil, err
	}
	title := draftTitle.ReplaceAllString(p.Title, "")
	if draft, _ := in["draft"].(bool); draft {
		title = "Draft: " + title
	}
	return l.merged(p, l.s.editMR(p, l.by, mrEdit{Title: &title}))
}

// setReviewers follows UpdateReviewersService: who may not see the merge request spoils the whole list
// without a word, and without a licence the first of the list is the only reviewer.
func (l *lab) setReviewers(in gql.Args) (gql.Object, error) {
	p, err := l.changed(in)
	if err != nil {
		return nil, err
	}
	var named, list []*Account
	for _, login := range in.Strings("reviewerUsernames") {
		if a := l.s.account(login); a != nil && a.Type != kindOrg && !slices.Contains(named, a) {
			named = append(named, a)
		}
	}
	switch in.String("operationMode") {
	case "APPEND":
		list = slices.Clone(p.Users)
		for _, a := range named {
			if !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	case "REMOVE":
		list = slices.DeleteFunc(slices.Clone(p.Users), func(a *Account) bool { return slices.Contains(named, a) })
	default:
		list = named
	}
	if !p.repo.settings.Licensed {
		list = list[:min(1, len(list))]
	}
	if l.access(p.repo) < accessDeveloper || slices.ContainsFunc(list, func(a *Account) bool { return l.s.level(a, p.repo) == 0 }) {
		return l.merged(p, nil)
	}
	return l.merged(p, l.s.setReviewers(p, l.by, list))
}

func (l *lab) updateMerge(in gql.Args) (gql.Object, error) {
	p, err := l.changed(in)
	if err != nil {
		return nil, err
	}
	text := func(name string) *string {
		if !in.Given(name) {
			return nil
		}
		s := in.String(name)
		return &s
	}
	e := mrEdit{Title: text("title"), Body: text("description"), Target: text("targetBranch")}
	if in.Given("state") {
		event := map[string]string{"OPEN": "reopen", "CLOSED": "close"}[in.String("state")]
		e.Event = &event
	}
	return l.merged(p, l.s.editMR(p, l.by, e))
}
