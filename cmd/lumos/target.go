package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
)

// target is a repository, or a pull request in it, as people name it.
type target struct {
	forge.Ref                // Host is empty unless a whole address was given; Number is 0 for a repository
	platform  forge.Platform // empty when nothing tells
}

// parseTarget reads "owner/name", "owner/name#12" (a pull request), "group/sub/project!12" (a merge
// request) and the addresses under which both hosts show them.
func parseTarget(s string) (target, error) {
	wrong := fmt.Errorf("%q: expected owner/name, owner/name#12, group/project!12 or an address, https://…", s)
	var t target
	path := s
	if u, err := url.Parse(s); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		t.Repo.Host = u.Host
		path = strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
		if p, number, ok := strings.Cut(path, "/-/merge_requests/"); ok {
			path = p + "!" + number
		} else if p, number, ok := strings.Cut(path, "/pull/"); ok {
			path = p + "#" + number
		}
	}
	if i := strings.LastIndexAny(path, "#!"); i >= 0 {
		n, err := strconv.Atoi(path[i+1:])
		if err != nil || n <= 0 {
			return target{}, wrong
		}
		t.Number = n
		if path[i] == '!' {
			t.platform = forge.GitLab
		}
		path = path[:i]
	}
	repo, ok := forge.ParseRepoKey("-/" + path)
	if !ok || strings.Contains(path, "//") || strings.HasPrefix(path, "/") {
		return target{}, wrong
	}
	t.Repo.Owner, t.Repo.Name = repo.Owner, repo.Name
	if strings.Contains(repo.Owner, "/") {
		t.platform = forge.GitLab // only there are groups nested
	}
	return t, nil
}
