package main

import (
	"flag"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts run this binary as the command lumos.
func TestMain(m *testing.M) {
	// A script waits most of its time: more of them than there are cores play at once.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"lumos": main})
}

// TestScripts plays the stories and attacks of testdata/script, each in a world of its own.
// world_test.go says what people, and the scripts' author, can do there.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		Setup:              setup,
		Cmds:               commands(),
		RequireUniqueNames: true,
	})
}
