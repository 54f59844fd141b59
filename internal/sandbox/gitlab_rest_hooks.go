package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const glHookFields = " token push_events:bool tag_push_events:bool merge_requests_events:bool note_events:bool pipeline_events:bool " +
	"member_events:bool emoji_events:bool issues_events:bool confidential_issues_events:bool job_events:bool wiki_page_events:bool " +
	"releases_events:bool enable_ssl_verification:bool name description push_events_branch_filter"

var glHookRoutes = slices.Concat(hookRoutes("/projects/{id}", accessMaintainer), hookRoutes("/groups/{id}", accessOwner))

// hookRoutes are the routes of a project's or a group's webhooks.
func hookRoutes(of string, access int) []glRoute {
	one := of + "/hooks/{hook_id}"
	return []glRoute{
		{"GET " + of + "/hooks", "", access, func(c *glCall) (int, any, error) { return glList(c, c.ownHooks(), c.hookJSON) }},
		{"POST " + of + "/hooks", "url!" + glHookFields, access, func(c *glCall) (int, any, error) {
			x := GitLabHook{URL: c.text("url"), Events: []string{"push_events"}}
			if err := c.readHook(&x); err != nil {
				return 0, nil, err
			}
			return 201, c.hookJSON(c.s.newWebhook(c.repo, c.group, x)), nil
		}},
		{"GET " + one, "", access, onHook(func(c *glCall, x *webhook) (int, any, error) { return 200, c.hookJSON(x), nil })},
		{"PUT " + one, "url" + glHookFields, access, onHook(func(c *glCall, x *webhook) (int, any, error) {
			next := x.GitLabHook
			if c.has("url") {
				next.URL = c.text("url")
			}
			if err := c.readHook(&next); err != nil {
				return 0, nil, err
			}
			x.GitLabHook = next
			x.revive()
			x.sender.aim(x.URL)
			return 200, c.hookJSON(x), nil
		})},
		{"DELETE " + one, "", access, onHook(func(c *glCall, x *webhook) (int, any, error) {
			x.URL, x.set = "", false
			x.sender.aim("")
			return 204, nil, nil
		})},
		{"GET " + one + "/events", "status:any", access, onHook(func(c *glCall, x *webhook) (int, any, error) {
			log := x.sender.deliveries()
			slices.Reverse(log)
			return glList(c, log, func(d *Delivery) any {
				return obj{"id": d.ID, "url": x.URL, "trigger": strings.ToLower(strings.ReplaceAll(d.Event, " ", "_")) + "s",
					"response_status": itoa(d.StatusCode), "execution_duration": d.Duration.Seconds(), "request_headers": obj{}, "request_data": obj{},
					"response_headers": obj{}, "response_body": d.RespBody}
			})
		})},
		{"POST " + one + "/events/{hook_event_id}/resend", "", access, onHook(func(c *glCall, x *webhook) (int, any, error) {
			if err := c.s.resend(x, c.pathNumber("hook_event_id")); err != nil {
				return 0, nil, err
			}
			return 201, obj{"response_status": 200}, nil
		})},
		{"POST " + one + "/test/{trigger}", "", access, onHook(glTestHook)},
	}
}

// ownHooks are those of the project or group itself.
func (c *glCall) ownHooks() []*webhook {
	var out []*webhook
	for _, x := range c.s.hooks {
		if x.repo == c.repo && x.group == c.group && x.URL != "" {
			out = append(out, x)
		}
	}
	return out
}

func onHook(fn func(c *glCall, x *webhook) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		for _, x := range c.ownHooks() {
			if x.ID == c.pathNumber("hook_id") {
				return fn(c, x)
			}
		}
		return 0, nil, notFoundOf("")
	}
}

// readHook changes a hook by what was sent.
func (c *glCall) readHook(x *GitLabHook) error {
	if u, err := url.Parse(x.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return refuse(http.StatusUnprocessableEntity, "Invalid url given")
	}
	if c.has("token") {
		x.Token = c.text("token")
	}
	for _, e := range hookEvents {
		if !c.has(e) {
			continue
		}
		x.Events = slices.DeleteFunc(slices.Clone(x.Events), func(have string) bool { return have == e })
		if c.flag(e) {
			x.Events = append(x.Events, e)
		}
	}
	return nil
}

func (c *glCall) hookJSON(x *webhook) any {
	status, until := x.alert(c.s.now())
	j := obj{"id": x.ID, "url": x.URL, "name": nil, "description": nil, "created_at": stampMS(x.created), "enable_ssl_verification": true,
		"alert_status": status, "disabled_until": until, "url_variables": []any{}, "repository_update_events": false, "push_events_branch_filter": "",
		"branch_filter_strategy": "wildcard", "custom_webhook_template": nil, "custom_headers": []any{}}
	for _, e := range slices.Concat(hookEvents, []string{"confidential_issues_events", "confidential_note_events", "job_events",
		"wiki_page_events", "deployment_events", "releases_events"}) {
		j[e] = slices.Contains(x.Events, e)
	}
	if x.repo != nil {
		j["project_id"] = x.repo.ID
	} else {
		j["group_id"] = x.group.ID
	}
	return j
}

// glTestHook sends a push of the default branch that never happened. One that is answered well wakes a
// hook that was disabled.
func glTestHook(c *glCall, x *webhook) (int, any, error) {
	if c.req.PathValue("trigger") != "push_events" || c.repo == nil {
		return 0, nil, refuse(http.StatusBadRequest, "trigger does not have a valid value").as(kindError)
	}
	tip := c.repo.branch(c.repo.Default)
	d := c.s.delivery(x, c.repo, hookNames["push_events"], guid(), obj{"object_kind": "push", "event_name": "push", "before": tip, "after": tip,
		"ref": "refs/heads/" + c.repo.Default, "checkout_sha": tip, "user_id": c.by.account.ID, "user_username": c.by.account.Login,
		"user_name": orLogin(c.by.account), "project_id": c.repo.ID, "project": c.s.hookProject(c.repo), "commits": []obj{}, "total_commits_count": 0,
		"repository": c.s.hookRepository(c.repo)})
	if d != nil {
		d.forced = true
		x.sender.enqueue(d)
	}
	return 201, obj{"message": "201 Created"}, nil
}
