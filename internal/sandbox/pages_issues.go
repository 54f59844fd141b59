package sandbox

import (
	"fmt"
	"html/template"
	"net/http"
	"strconv"
)

// issueLine is an issue in a list, and on its own page.
type issueLine struct {
	IssueView
	Who  who
	When moment
	Text template.HTML
}

func (p *pages) issueLine(i IssueView) issueLine {
	return issueLine{IssueView: i, Who: p.person(i.Author), When: p.moment(i.Created)}
}

// issues lists the issues of a repository.
func (p *pages) issues(v *visit) error {
	if page := v.r.PathValue("page"); page != "" && page != "issues" {
		return errNotFound
	}
	list, err := p.s.Issues(v.full())
	if err != nil {
		return err
	}
	body := struct {
		Full       string
		Open, Done []issueLine
	}{Full: v.full()}
	for _, i := range list {
		if i.Open {
			body.Open = append(body.Open, p.issueLine(i))
		} else {
			body.Done = append(body.Done, p.issueLine(i))
		}
	}
	return v.show("issues", "Issues · "+v.full(), body)
}

// issue shows one issue.
func (p *pages) issue(v *visit) error {
	list, err := p.s.Issues(v.full())
	if err != nil {
		return err
	}
	for _, i := range list {
		if strconv.Itoa(i.Number) == v.r.PathValue("number") {
			l := p.issueLine(i)
			l.Text = p.markdown(i.Body)
			return v.show("issue", fmt.Sprintf("%s · #%d · %s", i.Title, i.Number, v.full()), struct {
				issueLine
				Full string
			}{l, v.full()})
		}
	}
	return errNotFound
}

// turnIssue closes an issue or opens it again, as the visitor.
func (p *pages) turnIssue(v *visit) error {
	number, err := strconv.Atoi(v.r.PathValue("number"))
	state := v.r.PathValue("state")
	if err != nil || state != "open" && state != "closed" {
		return refuse(http.StatusNotFound, "There is no such action.")
	}
	as, err := v.acting()
	if err != nil {
		return err
	}
	if err := as.SetIssueState(v.full(), number, state); err != nil {
		return err
	}
	return v.redirect(fmt.Sprintf("%s/%d", p.s.pageAt(v.full(), "issues"), number))
}
