package github

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
)

// MaxHook is the largest payload that GitHub delivers, in bytes.
const MaxHook = 25 << 20

// ErrSignature says that a delivery is not from GitHub, or not for us.
var ErrSignature = errors.New("the webhook's signature does not fit")

// VerifySignature checks X-Hub-Signature-256, "sha256=<hex>" of HMAC-SHA256 over the body, in
// constant time. The older SHA-1 header is not taken, and no secret is no signature.
// See docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.
func VerifySignature(secret []byte, header string, body []byte) error {
	if len(secret) == 0 {
		return fmt.Errorf("%w: no webhook secret is set", ErrSignature)
	}
	given, ok := strings.CutPrefix(header, "sha256=")
	sum, err := hex.DecodeString(given)
	if !ok || err != nil {
		return fmt.Errorf("%w: expected X-Hub-Signature-256: sha256=<hex>", ErrSignature)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	if !hmac.Equal(sum, mac.Sum(nil)) {
		return ErrSignature
	}
	return nil
}

// Wake says what a delivery asks to look at again. It is a hint: the live state decides.
type Wake struct {
	Repo         forge.Repo
	Numbers      []int  // the pull requests of Repo
	AllOpen      bool   // every open pull request of Repo
	Everything   bool   // every repository of the installation; Repo is not set
	HeadSHA      string // the head that the event speaks of, where it does
	Installation int64
}

// payload holds what is used of any event. Hosts leave out much of what their schemas require, so
// everything else is ignored and nothing is required before it is needed.
type payload struct {
	Action       string `json:"action"`
	Installation struct {
		ID int64 `json:"id"`
	} `json:"installation"`
	Repository struct {
		ID      int64  `json:"id"`
		Name    string `json:"name"`
		HTMLURL string `json:"html_url"`
		Default string `json:"default_branch"`
		Owner   struct {
			Login string `json:"login"`
		} `json:"owner"`
	} `json:"repository"`
	Sender struct {
		Type string `json:"type"`
	} `json:"sender"`
	PullRequest struct {
		Number int `json:"number"`
		Head   struct {
			SHA string `json:"sha"`
		} `json:"head"`
	} `json:"pull_request"`
	Changes struct {
		Base json.RawMessage `json:"base"`
	} `json:"changes"`
	Review struct {
		State string `json:"state"`
	} `json:"review"`
	Issue struct {
		Number      int             `json:"number"`
		PullRequest json.RawMessage `json:"pull_request"`
	} `json:"issue"`
	Comment struct {
		Body string `json:"body"`
	} `json:"comment"`
	CheckRun   checkEvent `json:"check_run"`
	CheckSuite checkEvent `json:"check_suite"`
	Scope      string     `json:"scope"` // of membership
	Ref        string     `json:"ref"`   // of push, as are the rest
	Deleted    bool       `json:"deleted"`
	Created    bool       `json:"created"`
	Forced     bool       `json:"forced"`
	Commits    []struct {
		Added    []string `json:"added"`
		Modified []string `json:"modified"`
		Removed  []string `json:"removed"`
	} `json:"commits"`
}

type checkEvent struct {
	HeadSHA      string `json:"head_sha"`
	PullRequests []struct {
		Number int `json:"number"`
	} `json:"pull_requests"`
}

// pushCommits is how many commits a push event lists at most: with as many, others may be missing.
const pushCommits = 2048

// interest says, by event and action, what a delivery wakes. Whatever is not here wakes nothing:
// labels, assignments, edited and deleted comments, statuses and check runs as they come and go
// (check_suite.requested may even arrive after the push that it follows), stars.
var interest = map[string]map[string]func(*payload, *Wake) bool{
	"pull_request": {
		"opened": onPullRequest, "synchronize": onPullRequest, "reopened": onPullRequest, "closed": onPullRequest,
		"ready_for_review": onPullRequest, "converted_to_draft": onPullRequest,
		"edited": func(p *payload, w *Wake) bool { return len(p.Changes.Base) > 0 && onPullRequest(p, w) },
	},
	"pull_request_review": {
		"submitted": func(p *payload, w *Wake) bool { return p.Review.State != "commented" && onPullRequest(p, w) },
		"dismissed": onPullRequest,
	},
	"check_run":   {"rerequested": func(p *payload, w *Wake) bool { return onCheck(p.CheckRun, w) }},
	"check_suite": {"rerequested": func(p *payload, w *Wake) bool { return onCheck(p.CheckSuite, w) }},
	"push":        {"": onPush},
	"installation": {
		"created": onInstallation, "unsuspend": onInstallation, "new_permissions_accepted": onInstallation,
	},
	"installation_repositories": {"added": onInstallation},
	"membership":                {"added": onMembership, "removed": onMembership}, // who may approve has changed
}

// ParseHook reads a verified delivery and says what must be looked at; false is nothing. mentions
// tells whether a comment's text holds a command. An error means that the payload is not what
// GitHub documents.
func ParseHook(event string, body []byte, mentions func(string) bool) (Wake, bool, error) {
	actions := interest[event]
	if actions == nil && event != "issue_comment" {
		return Wake{}, false, nil
	}
	if len(body) > MaxHook {
		return Wake{}, false, fmt.Errorf("webhook %s: %w: %d bytes", event, forge.ErrTooLarge, len(body))
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Wake{}, false, fmt.Errorf("webhook %s: %w", event, err)
	}
	asks := actions[p.Action]
	if event == "issue_comment" && p.Action == "created" {
		asks = func(p *payload, w *Wake) bool {
			w.Numbers = []int{p.Issue.Number}
			return len(p.Issue.PullRequest) > 0 && p.Sender.Type != "Bot" && mentions(p.Comment.Body)
		}
	}
	w := Wake{Installation: p.Installation.ID, Repo: forge.Repo{
		Host: hostOf(p.Repository.HTMLURL), ID: p.Repository.ID, Owner: p.Repository.Owner.Login, Name: p.Repository.Name,
	}}
	if asks == nil || !asks(&p, &w) {
		return Wake{}, false, nil
	}
	if !w.Everything {
		if err := checkRepo(w.Repo.Owner, w.Repo.Name); err != nil {
			return Wake{}, false, fmt.Errorf("webhook %s %s: repository: %w", event, p.Action, err)
		}
	}
	if slices.ContainsFunc(w.Numbers, func(n int) bool { return n <= 0 }) {
		return Wake{}, false, fmt.Errorf("webhook %s %s: the pull request has no number", event, p.Action)
	}
	if !oidForm.MatchString(w.HeadSHA) {
		w.HeadSHA = ""
	}
	return w, true, nil
}

func onPullRequest(p *payload, w *Wake) bool {
	w.Numbers, w.HeadSHA = []int{p.PullRequest.Number}, p.PullRequest.Head.SHA
	return true
}

// onCheck serves the "Re-run" button, which GitHub sends to the App that made the check alone. For a
// pull request from a fork it names no number.
func onCheck(e checkEvent, w *Wake) bool {
	w.HeadSHA, w.AllOpen = e.HeadSHA, len(e.PullRequests) == 0
	for _, pr := range e.PullRequests {
		w.Numbers = append(w.Numbers, pr.Number)
	}
	return true
}

// onPush wakes the pull requests into a branch whose rules changed. A push to a pull request's own
// branch comes as pull_request.synchronize.
func onPush(p *payload, w *Wake) bool {
	branch, ok := strings.CutPrefix(p.Ref, "refs/heads/")
	if !ok || p.Deleted || branch == forge.AuditBranch {
		return false
	}
	// What a rewritten branch lost is not listed. Elsewhere than on the default branch that is left to
	// the sweep: feature branches are rewritten all day.
	w.AllOpen = (p.Forced || p.Created) && branch == p.Repository.Default || len(p.Commits) >= pushCommits
	for _, c := range p.Commits {
		for _, files := range [][]string{c.Added, c.Modified, c.Removed} {
			w.AllOpen = w.AllOpen || slices.ContainsFunc(files, forge.Governs)
		}
	}
	return w.AllOpen
}

func onInstallation(_ *payload, w *Wake) bool {
	w.Repo, w.Everything = forge.Repo{}, true
	return true
}

func onMembership(p *payload, w *Wake) bool { return p.Scope == "team" && onInstallation(p, w) }

func hostOf(htmlURL string) string {
	u, err := url.Parse(htmlURL)
	if err != nil {
		return ""
	}
	return u.Host
}
