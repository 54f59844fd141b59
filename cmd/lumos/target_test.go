package main

import (
	"testing"

	"github.com/lumos-governance/lumos/internal/forge"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	at := func(host, owner, name string, n int, p forge.Platform) target {
		return target{forge.Ref{Repo: forge.Repo{Host: host, Owner: owner, Name: name}, Number: n}, p}
	}
	for given, want := range map[string]target{
		"acme/models":                                 at("", "acme", "models", 0, ""),
		"acme/models#12":                              at("", "acme", "models", 12, ""),
		"acme/models!12":                              at("", "acme", "models", 12, forge.GitLab),
		"acme/nlp/models!3":                           at("", "acme/nlp", "models", 3, forge.GitLab),
		"acme/nlp/models":                             at("", "acme/nlp", "models", 0, forge.GitLab),
		"https://github.com/acme/models/pull/12":      at("github.com", "acme", "models", 12, ""),
		"https://github.com/acme/models.git":          at("github.com", "acme", "models", 0, ""),
		"https://gitlab.com/a/b/c/-/merge_requests/7": at("gitlab.com", "a/b", "c", 7, forge.GitLab),
		"http://127.0.0.1:80/acme/models/":            at("127.0.0.1:80", "acme", "models", 0, ""),
	} {
		if got, err := parseTarget(given); err != nil || got != want {
			t.Errorf("%s was read as %+v (%v), want %+v", given, got, err, want)
		}
	}
	for _, bad := range []string{"", "acme", "acme/", "/acme/models", "acme//models", "acme/models#0", "acme/models#x", "https://github.com/acme", "acme/models#-1"} {
		if got, err := parseTarget(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}
