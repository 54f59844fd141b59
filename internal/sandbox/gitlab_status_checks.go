package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// checkPatience is how long GitLab waits for the answer of an external status check.
const checkPatience = 2 * time.Minute

// hostCheck is an external status check of a project, with what it answered.
type hostCheck struct {
	ID int64
	StatusCheck
	answers map[string]checkAnswer // by merge request and head
	sender  *sender
}

type checkAnswer struct {
	status string // pending, passed, failed
	asked  time.Time
}

func (s *Sandbox) newHostCheck(c StatusCheck) *hostCheck {
	return &hostCheck{ID: s.id(), StatusCheck: c, answers: map[string]checkAnswer{}, sender: newSender(c.URL, "", s.Faults, s.now)}
}

func answerKey(p *pull) string { return fmt.Sprintf("%d/%s", p.Number, p.HeadSHA) }

// askStatusChecks asks the project's external status checks about a merge request that changed.
func (s *Sandbox) askStatusChecks(p *pull) {
	if !p.open() {
		return
	}
	for _, c := range p.repo.hostChecks {
		payload := s.hookMR(p, p.Author, "update", nil)
		payload["external_approval_rule"] = obj{"id": c.ID, "name": c.Name, "external_url": c.URL}
		raw, err := json.Marshal(payload)
		if err != nil {
			s.opt.Log.Error("encoding a status check", "error", err)
			return
		}
		d := &Delivery{ID: s.id(), GUID: guid(), Event: "Merge Request Hook", RepositoryID: p.repo.ID, Payload: raw, Headers: http.Header{
			"Content-Type": {"application/json"}, "User-Agent": {"GitLab/sandbox"}}}
		if c.Secret != "" {
			mac := hmac.New(sha256.New, []byte(c.Secret))
			mac.Write(raw)
			d.Headers.Set("X-Gitlab-Signature", hex.EncodeToString(mac.Sum(nil)))
		}
		c.answers[answerKey(p)] = checkAnswer{status: "pending", asked: s.now()}
		c.sender.enqueue(d)
	}
}

// verdict is what a status check says of the head; one that is silent for too long has failed.
func (c *hostCheck) verdict(p *pull, now time.Time) string {
	a, ok := c.answers[answerKey(p)]
	switch {
	case !ok:
		return "pending"
	case a.status == "pending" && now.Sub(a.asked) > checkPatience:
		return "failed"
	}
	return a.status
}

// answerCheck takes an answer, which must be for the head.
func (s *Sandbox) answerCheck(p *pull, by actor, id int64, sha, status string) (*hostCheck, error) {
	if s.access(by.account, p.repo) < accessDeveloper {
		return nil, errForbidden
	}
	i := slices.IndexFunc(p.repo.hostChecks, func(c *hostCheck) bool { return c.ID == id })
	switch {
	case i < 0:
		return nil, notFoundOf("")
	case sha != p.HeadSHA:
		return nil, refuse(http.StatusConflict, "SHA does not match HEAD of source branch: %s", p.HeadSHA)
	}
	c := p.repo.hostChecks[i]
	a := c.answers[answerKey(p)]
	a.status = status
	if status == "pending" {
		a.asked = s.now()
	}
	c.answers[answerKey(p)] = a
	return c, nil
}
