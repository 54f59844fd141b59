package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// The limits and words of check runs.
const (
	maxAnnotations = 50
	maxOutput      = 65535
)

var (
	checkStatuses    = []string{"queued", "in_progress", "completed", "waiting", "requested", "pending"}
	createStatuses   = []string{"queued", "in_progress", "completed"}
	checkConclusions = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}
	annotationLevels = []string{"notice", "warning", "failure"}
)

// checkEdit is what creates or changes a check run; nil leaves a field alone.
type checkEdit struct {
	Name        *string      `json:"name"`
	HeadSHA     *string      `json:"head_sha"`
	DetailsURL  *string      `json:"details_url"`
	ExternalID  *string      `json:"external_id"`
	Status      *string      `json:"status"`
	Conclusion  *string      `json:"conclusion"`
	StartedAt   *time.Time   `json:"started_at"`
	CompletedAt *time.Time   `json:"completed_at"`
	Output      *checkOutput `json:"output"`
}

type checkOutput struct {
	Title       *string          `json:"title"`
	Summary     *string          `json:"summary"`
	Text        *string          `json:"text"`
	Annotations []annotationEdit `json:"annotations"`
}

type annotationEdit struct {
	Path        *string `json:"path"`
	StartLine   *int    `json:"start_line"`
	EndLine     *int    `json:"end_line"`
	StartColumn *int    `json:"start_column"`
	EndColumn   *int    `json:"end_column"`
	Level       *string `json:"annotation_level"`
	Message     *string `json:"message"`
	Title       *string `json:"title"`
	Raw         *string `json:"raw_details"`
}

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func oneOf(field string, value *string, allowed []string) error {
	if value != nil && !slices.Contains(allowed, *value) {
		return malformed("%q is not a possible value for %q. Must be one of the following: %s.", *value, field, strings.Join(allowed, ", "))
	}
	return nil
}

func (e *checkEdit) validate(statuses []string) error {
	if err := oneOf("status", e.Status, statuses); err != nil {
		return err
	}
	if err := oneOf("conclusion", e.Conclusion, checkConclusions); err != nil {
		return err
	}
	if e.Status != nil && *e.Status == "completed" && e.Conclusion == nil {
		return invalid("CheckRun", "conclusion", "missing_field", "conclusion is required when status is completed")
	}
	if e.Conclusion != nil && e.Status != nil && *e.Status != "completed" {
		return invalid("CheckRun", "status", "invalid", "a check run with a conclusion is completed")
	}
	if e.DetailsURL != nil && *e.DetailsURL != "" && !strings.HasPrefix(*e.DetailsURL, "http://") && !strings.HasPrefix(*e.DetailsURL, "https://") {
		return invalid("CheckRun", "details_url", "custom", "details_url must use http or https scheme")
	}
	if e.Output == nil {
		return nil
	}
	o := e.Output
	switch {
	case o.Title == nil:
		return malformed("\"title\" wasn't supplied.")
	case o.Summary == nil:
		return malformed("\"summary\" wasn't supplied.")
	case len(*o.Summary) > maxOutput:
		return malformed("Only 65535 characters are allowed; %d were supplied.", len(*o.Summary))
	case len(str(o.Text)) > maxOutput:
		return malformed("Only 65535 characters are allowed; %d were supplied.", len(*o.Text))
	case len(o.Annotations) > maxAnnotations:
		return malformed("No more than 50 items are allowed; %d were supplied.", len(o.Annotations))
	}
	for _, a := range o.Annotations {
		if a.Path == nil || a.StartLine == nil || a.EndLine == nil || a.Level == nil || a.Message == nil {
			return malformed("An annotation needs \"path\", \"start_line\", \"end_line\", \"annotation_level\" and \"message\".")
		}
		if err := oneOf("annotation_level", a.Level, annotationLevels); err != nil {
			return err
		}
		switch {
		case *a.Path == "" || *a.Message == "":
			return invalid("CheckAnnotation", "message", "missing_field", "path and message can't be blank")
		case *a.StartLine < 1 || *a.EndLine < *a.StartLine:
			return invalid("CheckAnnotation", "end_line", "invalid", "end_line must be greater than or equal to start_line")
		case (a.StartColumn != nil || a.EndColumn != nil) && *a.StartLine != *a.EndLine:
			return invalid("CheckAnnotation", "start_column", "invalid", "columns need start_line and end_line to be the same")
		case len(*a.Message) > 64<<10 || len(str(a.Raw)) > 64<<10:
			return invalid("CheckAnnotation", "message", "custom", "message is too long (maximum is 64 KB)")
		case len(str(a.Title)) > 255:
			return invalid("CheckAnnotation", "title", "custom", "title is too long (maximum is 255 characters)")
		}
	}
	return nil
}

func (s *Sandbox) createCheck(r *repo, by actor, e checkEdit) (*checkRun, error) {
	switch {
	case str(e.Name) == "":
		return nil, malformed("\"name\" wasn't supplied.")
	case str(e.HeadSHA) == "":
		return nil, malformed("\"head_sha\" wasn't supplied.")
	case !plumbing.IsHash(*e.HeadSHA) || r.kind(*e.HeadSHA) != "commit":
		return nil, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", *e.HeadSHA)
	}
	if e.Conclusion != nil && e.Status == nil {
		done := "completed" // a conclusion alone completes the run
		e.Status = &done
	}
	if err := e.validate(createStatuses); err != nil {
		return nil, err
	}
	c := &checkRun{ID: s.id(), repo: r, app: by.app, HeadSHA: *e.HeadSHA, Status: "queued", suite: s.suiteFor(r, by.app, *e.HeadSHA), Started: s.now()}
	s.applyCheck(c, e)
	r.checks = append(r.checks, c)
	s.emitCheck(c, by, "created")
	if c.Status == "completed" {
		s.emitCheck(c, by, "completed")
	}
	return c, nil
}

func (s *Sandbox) suiteFor(r *repo, a *app, sha string) *suite {
	for _, su := range r.suites {
		if su.app == a && su.HeadSHA == sha {
			return su
		}
	}
	su := &suite{ID: s.id(), app: a, HeadSHA: sha, Created: s.now()}
	r.suites = append(r.suites, su)
	return su
}

func (s *Sandbox) updateCheck(c *checkRun, by actor, e checkEdit) error {
	if c.app != by.app {
		return refuse(http.StatusForbidden, "Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", by.app.ID)
	}
	if e.Conclusion != nil && e.Status == nil {
		done := "completed"
		e.Status = &done
	}
	if err := e.validate(checkStatuses); err != nil {
		return err
	}
	was := c.Status
	s.applyCheck(c, e)
	if c.Status == "completed" && was != "completed" {
		s.emitCheck(c, by, "completed")
	}
	return nil
}

// applyCheck writes a validated edit. Annotations are added to those there are.
func (s *Sandbox) applyCheck(c *checkRun, e checkEdit) {
	for _, f := range []struct{ to, from *string }{{&c.Name, e.Name}, {&c.DetailsURL, e.DetailsURL}, {&c.ExternalID, e.ExternalID}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if e.StartedAt != nil {
		c.Started = e.StartedAt.UTC().Truncate(time.Second)
	}
	if e.Status != nil {
		c.Status = *e.Status
		if c.Status == "completed" {
			c.Conclusion, c.Completed = *e.Conclusion, s.now()
		} else {
			c.Conclusion, c.Completed = "", time.Time{}
		}
	}
	if e.CompletedAt != nil && c.Status == "completed" {
		c.Completed = e.CompletedAt.UTC().Truncate(time.Second)
	}
	if e.Output == nil {
		return
	}
	c.Title, c.Summary = *e.Output.Title, *e.Output.Summary
	if e.Output.Text != nil {
		c.Text = *e.Output.Text
	}
	num := func(p *int) int {
		if p == nil {
			return 0
		}
		return *p
	}
	for _, a := range e.Output.Annotations {
		c.Annotations = append(c.Annotations, annotation{Path: *a.Path, Level: *a.Level, Message: *a.Message, Title: str(a.Title), Raw: str(a.Raw),
			StartLine: *a.StartLine, EndLine: *a.EndLine, StartColumn: num(a.StartColumn), EndColumn: num(a.EndColumn)})
	}
}

func (s *Sandbox) emitCheck(c *checkRun, by actor, action string) {
	s.emit(c.repo, "check_run", by.account, obj{"action": action, "check_run": s.checkJSON(c)})
}

func (s *Sandbox) addStatus(r *repo, by actor, sha, state, context, description, url string) (*status, error) {
	if err := oneOf("state", &state, []string{"error", "failure", "pending", "success"}); err != nil {
		return nil, err
	}
	if r.kind(sha) != "commit" {
		return nil, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", sha)
	}
	if context == "" {
		context = "default"
	}
	if len([]rune(description)) > 140 {
		return nil, invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	n := 0
	for _, st := range r.statuses {
		if st.SHA == sha && st.Context == context {
			n++
		}
	}
	if n >= 1000 {
		return nil, invalid("Status", "", "custom", "This SHA and context has reached the maximum number of statuses.")
	}
	st := &status{ID: s.id(), SHA: sha, State: state, Context: context, Description: description, URL: url, Creator: by.account, app: by.app, Created: s.now()}
	r.statuses = append(r.statuses, st)
	s.emitStatus(r, by, st)
	return st, nil
}
