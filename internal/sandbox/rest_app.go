package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Routes with a zero need check for themselves who may call them.
var appRoutes = []route{
	{"GET /app", need{}, asApp(func(c *call) (int, any, error) {
		j := c.s.appJSON(c.by.app)
		j["installations_count"] = 1
		return 200, j, nil
	})},
	{"GET /app/installations", need{}, asApp(func(c *call) (int, any, error) {
		return 200, list(c, []*app{c.by.app}, c.s.installJSON), nil
	})},
	{"GET /app/installations/{installation_id}", need{}, asApp(func(c *call) (int, any, error) {
		if c.number("installation_id") != c.by.app.InstallID {
			return 0, nil, errNotFound
		}
		return 200, c.s.installJSON(c.by.app), nil
	})},
	{"GET /repos/{owner}/{repo}/installation", need{}, asApp(func(c *call) (int, any, error) {
		if !c.by.app.repos[c.repo.ID] {
			return 0, nil, errNotFound
		}
		return 200, c.s.installJSON(c.by.app), nil
	})},
	{"POST /app/installations/{installation_id}/access_tokens", need{}, asApp(createToken)},
	{"GET /app/hook/config", need{}, asApp(func(c *call) (int, any, error) {
		h := c.by.app.hooks
		h.mu.Lock()
		defer h.mu.Unlock()
		j := obj{"content_type": "json", "insecure_ssl": "0", "url": h.url}
		if h.secret != "" {
			j["secret"] = "********"
		}
		return 200, j, nil
	})},
	{"GET /app/hook/deliveries", need{}, asApp(listDeliveries)},
	{"GET /app/hook/deliveries/{delivery_id}", need{}, asApp(func(c *call) (int, any, error) {
		for _, d := range c.by.app.hooks.deliveries() {
			if d.ID == c.number("delivery_id") {
				j := d.json()
				flat := func(h http.Header) obj {
					o := obj{}
					for k := range h {
						o[k] = h.Get(k)
					}
					return o
				}
				j["request"] = obj{"headers": flat(d.Headers), "payload": json.RawMessage(d.Payload)}
				j["response"] = obj{"headers": flat(d.RespHeaders), "payload": orNull(d.RespBody)}
				return 200, j, nil
			}
		}
		return 0, nil, errNotFound
	})},
	{"POST /app/hook/deliveries/{delivery_id}/attempts", need{}, asApp(func(c *call) (int, any, error) {
		return 202, obj{}, c.s.redeliver(c.by.app, c.number("delivery_id"))
	})},
	{"GET /installation/repositories", need{app: "metadata:read"}, func(c *call) (int, any, error) {
		var repos []*repo
		for _, r := range c.s.repos {
			if c.by.hasRepo(r) {
				repos = append(repos, r)
			}
		}
		return 200, obj{"total_count": len(repos), "repository_selection": "selected", "repositories": list(c, repos, c.s.repoJSON)}, nil
	}},
}

// asApp lets only an App's own token in.
func asApp(fn func(*call) (int, any, error)) func(*call) (int, any, error) {
	return func(c *call) (int, any, error) {
		if !c.by.jwt {
			return 0, nil, refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
		}
		return fn(c)
	}
}

func createToken(c *call) (int, any, error) {
	a := c.by.app
	if c.number("installation_id") != a.InstallID {
		return 0, nil, errNotFound
	}
	var in struct {
		Repositories  []string          `json:"repositories"`
		RepositoryIDs []int64           `json:"repository_ids"`
		Permissions   map[string]string `json:"permissions"`
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	var repos map[int64]bool
	if len(in.Repositories)+len(in.RepositoryIDs) > 0 {
		repos = map[int64]bool{}
		for _, name := range in.Repositories {
			r := c.s.repo(a.Owner.Login, name)
			if r == nil || !a.repos[r.ID] {
				return 0, nil, unprocessable("There is at least one repository that does not exist or is not accessible to the parent installation.")
			}
			repos[r.ID] = true
		}
		for _, id := range in.RepositoryIDs {
			if !a.repos[id] {
				return 0, nil, unprocessable("There is at least one repository that does not exist or is not accessible to the parent installation.")
			}
			repos[id] = true
		}
	}
	secret, t, err := c.s.issue(a, in.Permissions, repos)
	if err != nil {
		return 0, nil, err
	}
	j := obj{"token": secret, "expires_at": stamp(t.expires), "permissions": t.perms, "repository_selection": "selected"}
	if repos != nil {
		narrowed := []obj{}
		for _, r := range c.s.repos {
			if repos[r.ID] {
				narrowed = append(narrowed, c.s.repoJSON(r))
			}
		}
		j["repositories"] = narrowed
	}
	return 201, j, nil
}

func (d *Delivery) json() obj {
	return obj{"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.At), "redelivery": d.Redelivery, "duration": d.Duration.Seconds(),
		"status": d.Status, "status_code": d.StatusCode, "event": d.Event, "action": orNull(d.Action), "installation_id": d.InstallationID,
		"repository_id": zeroNull(d.RepositoryID), "throttled_at": nil}
}

func zeroNull(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// listDeliveries pages by cursor: the newest first, the cursor being the id to go on below.
func listDeliveries(c *call) (int, any, error) {
	q := c.req.URL.Query()
	size, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || size < 1 {
		size = 30
	}
	size = min(size, 100)
	below, err := strconv.ParseInt(q.Get("cursor"), 10, 64)
	if err != nil && q.Get("cursor") != "" {
		return 0, nil, refuse(http.StatusBadRequest, "Invalid cursor")
	}
	out := []obj{}
	for _, d := range slices.Backward(c.by.app.hooks.deliveries()) {
		failed := d.StatusCode/100 != 2
		if below > 0 && d.ID >= below || q.Get("status") == "failure" && !failed || q.Get("status") == "success" && failed {
			continue
		}
		if len(out) == size {
			c.header.Set("Link", c.link("next", url.Values{"cursor": {itoa(out[size-1]["id"].(int64))}}))
			break
		}
		out = append(out, d.json())
	}
	return 200, out, nil
}
