package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// GitLab checks requests against GitLab's published REST description (Swagger 2, as of 2024). It says
// which routes there are and what they take; its answers are not to be trusted, so only the request is
// looked at.
type GitLab struct {
	paths       map[string]map[string]operation2
	definitions map[string]definition2
}

type operation2 struct {
	Parameters []struct {
		Name, In, Type string
		Required       bool
		Enum           []any
		Schema         struct {
			Ref string `json:"$ref"`
		}
	}
}

type definition2 struct {
	Required   []string
	Properties map[string]struct {
		Type string
		Enum []any
	}
}

// gitlabRoot is what the description's paths begin with.
const gitlabRoot = "/api/v4"

// undescribed are the routes that GitLab has and the description of 2024 leaves out, by what their path
// ends in or holds.
var undescribed = []string{"/notes", "/notes/", "/discussions", "/discussions/", "/status_check_responses", "/status_checks",
	"/external_status_checks", "/groups/{id}/hooks", "/hooks/{hook_id}/events", "GET /user", "GET /groups/{id}/members/all/", "/merge_trains",
	"/projects/{id}/issues", "/issues/{issue_iid}"}

// newer are parameters that came after the description, or that it forgets.
var newer = map[string]bool{"auto_merge": true, "reviewer_ids[]": true, "assignee_ids[]": true, "iids[]": true, "private_token": true}

// loose are values that the description of 2024 does not list yet.
var loose = map[string]bool{"state=skipped": true}

// LoadGitLab reads the description.
func LoadGitLab(path string) (*GitLab, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Paths       map[string]map[string]operation2
		Definitions map[string]definition2
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("GitLab's description: %w", err)
	}
	if len(doc.Paths) == 0 {
		return nil, fmt.Errorf("GitLab's description %s: it has no paths", path)
	}
	return &GitLab{doc.Paths, doc.Definitions}, nil
}

// Check lists what a request has that GitLab does not document, or lacks. A request that was refused is
// looked at for its route alone: it may have been wrong on purpose.
func (d *GitLab) Check(x Exchange) []string {
	method, path, _ := strings.Cut(x.Route, " ")
	op, ok := d.paths[gitlabRoot+path][strings.ToLower(method)]
	if !ok {
		if slices.ContainsFunc(undescribed, func(part string) bool {
			return strings.HasSuffix(x.Route, part) || strings.HasSuffix(part, "/") && strings.Contains(x.Route, part) || strings.HasPrefix(path, part) || strings.Contains(path, part+"/")
		}) {
			return nil
		}
		return []string{x.Route + ": GitLab documents no such route"}
	}
	if x.Status/100 != 2 {
		return nil
	}
	given, err := sent(x)
	if err != nil {
		return []string{x.Route + ": " + err.Error()}
	}
	known := map[string][]any{}
	var findings []string
	need := func(name string) {
		if _, ok := given[name]; !ok {
			findings = append(findings, fmt.Sprintf("%s: %q is required and missing", x.Route, name))
		}
	}
	for _, p := range op.Parameters {
		if p.In == "body" {
			def := d.definitions[p.Schema.Ref[strings.LastIndexByte(p.Schema.Ref, '/')+1:]]
			for name, field := range def.Properties {
				known[name] = field.Enum
			}
			for _, name := range def.Required {
				need(name)
			}
			continue
		}
		known[p.Name] = p.Enum
		if p.Required && p.In != "path" {
			need(p.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		enum, ok := known[name]
		value := fmt.Sprint(given[name])
		switch {
		case !ok && !newer[name] && !documentedPart(known, name):
			findings = append(findings, fmt.Sprintf("%s: %q is not documented", x.Route, name))
		case len(enum) > 0 && !loose[name+"="+value] && !slices.ContainsFunc(enum, func(v any) bool { return fmt.Sprint(v) == value }):
			findings = append(findings, fmt.Sprintf("%s: %q is no value of %q", x.Route, value, name))
		}
	}
	return findings
}

// documentedPart: the description writes the parts of an object as "position[base_sha]" and the like.
func documentedPart(known map[string][]any, name string) bool {
	for k := range known {
		if strings.HasPrefix(k, name+"[") || strings.TrimSuffix(name, "[]") == k {
			return true
		}
	}
	return false
}

// sent gathers what a request carries in its query and its body.
func sent(x Exchange) (map[string]any, error) {
	out := map[string]any{}
	query, err := url.ParseQuery(x.Query)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	for name, v := range query {
		out[name] = v[len(v)-1]
	}
	body := strings.TrimSpace(string(x.RequestBody))
	if strings.HasPrefix(body, "{") {
		fields := map[string]any{}
		if err := decode(x.RequestBody, &fields); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		maps.Copy(out, fields)
	} else if body != "" && body != "null" {
		return nil, fmt.Errorf("the body is no JSON object: %s", strconv.Quote(body[:min(len(body), 40)]))
	}
	return out, nil
}
