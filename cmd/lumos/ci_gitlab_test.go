package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mergeRequest is what GitLab says in the pipeline of a merge request whose target is main.
func mergeRequest(base, head string) map[string]string {
	return map[string]string{
		"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_PROJECT_ID": "3",
		"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": "",
		"CI_COMMIT_SHA": head, "CI_COMMIT_REF_NAME": "$(touch pwned)", "CI_DEFAULT_BRANCH": "main",
	}
}

func TestComponent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, change string
		inputs       map[string]string
		ci           map[string]string // what differs from mergeRequest
		code         int
		says         string
	}{
		{"passes", complete, nil, nil, 0, "NEEDS APPROVAL"},
		{"gaps", draft, nil, nil, 1, "GOV-01"},
		{"gaps as a warning", draft, map[string]string{"on-gaps": "warn"}, nil, 3, "GOV-01"},
		{"broken manifest", broken, map[string]string{"on-gaps": "warn"}, nil, 2, "1.0.0.yaml:3"},
		{"own rules", ownRules, nil, nil, 1, "DAT-02"},
		{"own rules in a fork, whose main is the author's", ownRules, nil, map[string]string{"CI_PROJECT_ID": "9", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "HEAD"}, 1, "DAT-02"},
		{"own rules in a merged results pipeline", ownRules, nil, map[string]string{"CI_MERGE_REQUEST_TARGET_BRANCH_SHA": "BASE", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "gone"}, 1, "DAT-02"},
		{"rules that have landed", ownRules, nil, map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}, 0, "NEEDS APPROVAL"},
		{"own rules on a branch", ownRules, nil, map[string]string{"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "feature"}, 1, "DAT-02"},
		{"planted reports", planted, nil, nil, 1, "GOV-01"},
		{"paths", draft, map[string]string{"paths": "releases/roberta-squad2/1.0.0.yaml\n\nreleases/roberta-squad2\n"}, nil, 1, "GOV-01"},
		{"a path that is not there", complete, map[string]string{"paths": "releases/none.yaml"}, nil, 2, "none.yaml"},
		{"a base that is not there", complete, map[string]string{"base": "v9"}, nil, 2, "no such revision"},
		{"a target that was not fetched", complete, nil, map[string]string{"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "other"}, 2, "no such revision"},
		{"a fork without a base", complete, nil, map[string]string{"CI_PROJECT_ID": "9", "CI_MERGE_REQUEST_DIFF_BASE_SHA": ""}, 2, "give the input base"},
		{"hostile path", complete, map[string]string{"paths": "$(touch pwned1)\n`touch pwned2`\n;touch pwned3\n--base=HEAD\nEOF\ntouch pwned4"}, nil, 2, ""},
		{"hostile base", complete, map[string]string{"base": "$(touch pwned) ; touch pwned"}, nil, 2, "no such revision"},
		{"hostile branch", complete, nil, map[string]string{"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "$(touch${IFS}pwned)\";touch pwned;\""}, 2, "no such revision"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir, base, head := ciRepo(t, ciChange(t, tc.change))
			env := mergeRequest(base, head)
			for k, v := range tc.ci {
				env[k] = strings.NewReplacer("BASE", base).Replace(v)
			}
			code, log := runComponent(t, "sh", dir, tc.inputs, env)
			if code != tc.code || !strings.Contains(log, tc.says) {
				t.Errorf("exit code %d, want %d and %q in:\n%s", code, tc.code, tc.says, log)
			}
			nothingRan(t, dir)
			sarif, sarifErr := os.ReadFile(filepath.Join(dir, "lumos.sarif"))
			quality, qualityErr := os.ReadFile(filepath.Join(dir, "gl-code-quality-report.json"))
			if told := tc.code != 2 || tc.change == broken; told != (sarifErr == nil && qualityErr == nil) {
				t.Errorf("reports: %v, %v; want them: %v", sarifErr, qualityErr, told)
			} else if told {
				wantReports(t, sarif, quality, tc.code != 0)
			}
		})
	}
}

// runComponent runs the job's script in one shell, as GitLab's runner does.
func runComponent(t *testing.T, sh, dir string, inputs, env map[string]string) (int, string) {
	t.Helper()
	_, job := loadComponent(t, inputs)
	if job.AllowFailure.ExitCodes != 3 {
		t.Errorf("exit code %d is allowed to fail, want 3 alone", job.AllowFailure.ExitCodes)
	}
	for name, v := range job.Variables {
		env[name] = v.Value
	}
	return shell(t, dir, env, sh, "-e", "-c", strings.Join(job.Script, "\n"))
}

func TestComponentInBash(t *testing.T) {
	t.Parallel()
	dir, base, head := ciRepo(t, ciChange(t, draft))
	code, log := runComponent(t, "bash", dir, map[string]string{"paths": "releases/roberta-squad2/1.0.0.yaml\nreleases"}, mergeRequest(base, head))
	if code != 1 || !strings.Contains(log, "GOV-01") {
		t.Errorf("exit code %d, want 1:\n%s", code, log)
	}
}

// A version is installed with Go, away from the project and its go.mod.
func TestComponentInstalls(t *testing.T) {
	t.Parallel()
	dir, base, head := ciRepo(t, ciChange(t, complete))
	bin := t.TempDir()
	fake := "#!/bin/sh\necho \"go $*\"\n[ \"$PWD\" != \"$PROJECT\" ] || exit 9\nprintf '#!/bin/sh\\necho installed\\nexec lumos \"$@\"\\n' >\"$GOBIN/lumos\"\nchmod +x \"$GOBIN/lumos\"\n"
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	env := mergeRequest(base, head)
	env["PATH"], env["PROJECT"] = bin+string(os.PathListSeparator)+os.Getenv("PATH"), dir
	code, log := runComponent(t, "sh", dir, map[string]string{"version": "v1.2.3"}, env)
	if code != 0 || !strings.Contains(log, "go install github.com/lumos-governance/lumos/cmd/lumos@v1.2.3\ninstalled\n") {
		t.Errorf("exit code %d:\n%s", code, log)
	}

	if err := os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, log := runComponent(t, "sh", dir, map[string]string{"version": "v1.2.3"}, env); code != 2 {
		t.Errorf("a version that cannot be installed: exit code %d, want 2:\n%s", code, log)
	}
	env["PATH"] = t.TempDir()
	for _, tool := range []string{"rm", "mktemp"} {
		if err := os.WriteFile(filepath.Join(env["PATH"], tool), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if code, log := runComponent(t, "sh", dir, nil, env); code != 2 || !strings.Contains(log, "the image has no lumos") {
		t.Errorf("an image without lumos: exit code %d, want 2:\n%s", code, log)
	}
}
