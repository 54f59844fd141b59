package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lumos-governance/lumos/internal/forge"
)

// TestMain lets the scripts run this binary as the command lumos.
func TestMain(m *testing.M) {
	// A script waits most of its time: more of them than there are cores play at once.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"lumos": main})
}

// onBothHosts are the scripts that speak of what happens on a code host; the others are of the command
// line alone, and play once.
var onBothHosts = regexp.MustCompile(`^(story|attack)_|^cli_(same_answer|events|audit)\.txtar$`)

// TestScripts plays the stories and attacks of testdata/script on each code host, each in a world of its
// own. world_test.go says what people, and the scripts' author, can do there. In the end the verdicts must
// be the same on both hosts.
func TestScripts(t *testing.T) {
	t.Parallel()
	all, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(all) == 0 {
		t.Fatalf("no scripts (%v)", err)
	}
	both := slices.DeleteFunc(slices.Clone(all), func(file string) bool { return !onBothHosts.MatchString(filepath.Base(file)) })
	v := &verdicts{ended: map[forge.Platform]map[string]string{}}
	t.Cleanup(func() { v.compare(t) })
	for platform, files := range map[forge.Platform][]string{forge.GitHub: all, forge.GitLab: both} {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Files: files,
				Setup: func(env *testscript.Env) error { return setup(env, platform, v) },
				Cmds:  commands(),
				Condition: func(cond string) (bool, error) {
					if cond != string(forge.GitHub) && cond != string(forge.GitLab) {
						return false, fmt.Errorf("no condition %q", cond)
					}
					return cond == string(platform), nil
				},
				RequireUniqueNames: true,
			})
		})
	}
}
