package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lumos-governance/lumos/"

// adapters stands for every room that speaks to a code host.
const adapters = "adapters"

var adapterRooms = []string{"internal/forge/github", "internal/forge/gitlab", "internal/forge/client"}

// forbidden keeps the arrows of the house pointing down: what a room must never import, directly or
// through others, and why.
var forbidden = []struct {
	room  string
	never []string
	why   string
}{
	{"releases", []string{"bot", "cmd", "templates", "internal/policy", "internal/approval", "internal/forge", "internal/audit", "net/http"}, "the manifest is the ground floor"},
	{"internal/document", []string{"releases", "bot", "internal/policy", "internal/forge", "net/http"}, "reading YAML knows nothing of what it reads"},
	{"internal/config", []string{"bot", "internal/policy", "internal/approval", "internal/forge", "internal/sandbox", "net/http"}, "configuration is data"},
	{"internal/owners", []string{"bot", "internal/forge", "internal/policy", "internal/approval", "net/http"}, "matching paths is pure"},
	{"internal/forge", []string{"bot", "internal/policy", "internal/approval", "internal/audit", adapters, "net/http"}, "facts and ports know no host"},
	{"internal/policy", []string{"bot", "internal/forge", adapters, "internal/approval", "internal/audit", "internal/queue"}, "the engine judges, and does no I/O"},
	{"internal/approval", []string{"bot", adapters, "internal/audit", "internal/queue", "internal/sandbox", "templates"}, "the decision is pure"},
	{"internal/audit", []string{"bot", adapters, "internal/policy", "internal/queue", "internal/sandbox"}, "the log records what it is given"},
	{"internal/logging", []string{"bot", "releases", "internal/config", "internal/forge", "internal/server"}, "logging knows no room"},
	{"internal/events", []string{"bot", "internal/queue", "internal/forge", "internal/server"}, "events are told, not asked for"},
	{"internal/server", []string{"bot", "internal/forge", "internal/policy", "internal/approval", "internal/audit"}, "the server carries bytes"},
	{"internal/queue", []string{"bot", "internal/forge", "internal/policy", "internal/approval", "internal/audit"}, "the queue carries bytes"},
	{"internal/forge/github", []string{"bot", "internal/policy", "internal/queue", "internal/sandbox", "internal/forge/gitlab", "templates"}, "the adapter reads and writes"},
	{"internal/forge/gitlab", []string{"bot", "internal/policy", "internal/queue", "internal/sandbox", "internal/forge/github", "templates"}, "the adapter reads and writes"},
	{"internal/forge/client", []string{"bot", "internal/forge/github", "internal/forge/gitlab", "internal/sandbox"}, "what the clients share knows no host"},
	{"internal/source", []string{"bot", "internal/policy", "internal/approval", "internal/audit", "internal/queue", "internal/sandbox", adapters}, "a source is read, not judged"},
	{"internal/export", []string{"bot", "templates", adapters, "internal/queue", "internal/audit", "internal/sandbox", "net/http"}, "an export turns facts into bytes"},
	{"internal/evidence", []string{"bot", "releases", "internal/policy", "internal/forge", "templates", adapters, "net/http"}, "evidence is read, and judged elsewhere"},
	{"templates", []string{"bot", adapters, "internal/queue", "internal/audit", "internal/sandbox"}, "words decide nothing"},
	{"bot/checker", []string{"bot", adapters, "internal/queue", "internal/sandbox", "internal/audit"}, "checking is pure"},
	{"bot/orchestrator", []string{"bot", adapters, "internal/queue", "internal/sandbox", "internal/audit"}, "planning is pure"},
	{"bot", []string{"cmd", "internal/sandbox", "internal/demo"}, "the product does not know its test double"},
	{"internal/sandbox", []string{"bot", "internal/policy", "internal/approval", adapters, "internal/audit", "internal/queue"}, "the sandbox is a code host, not Lumos"},
}

// sdkOnlyIn names the one room that may import a host's SDK.
var sdkOnlyIn = map[string]string{
	"github.com/google/go-github/v60/github":     "internal/forge/github",
	"github.com/bradleyfalzon/ghinstallation/v2": "internal/forge/github",
	"github.com/xanzy/go-gitlab":                 "internal/forge/gitlab",
	"github.com/nats-io/nats.go":                 "internal/queue",
	"github.com/open-policy-agent/opa/v1/rego":   "internal/policy",
}

// wiring may know adapters and the sandbox, because it puts the parts together.
var wiring = []string{"cmd/lumos", "internal/demo"}

// spelled lists every room that a rule names.
func spelled(never []string) []string {
	var out []string
	for _, room := range never {
		if room == adapters {
			out = append(out, adapterRooms...)
			continue
		}
		out = append(out, room)
	}
	return out
}

type goPackage struct {
	ImportPath    string
	Imports, Deps []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	pkgs := listPackages(t)
	seen := map[string]bool{}
	for _, p := range pkgs {
		room := strings.TrimPrefix(p.ImportPath, module)
		seen[room] = true
		for _, rule := range forbidden {
			if rule.room != room {
				continue
			}
			for _, never := range spelled(rule.never) {
				full := never
				if !strings.Contains(never, ".") && never != "net/http" {
					full = module + never
				}
				// OPA's own tree links net/http; only our own import would be a choice.
				where := p.Deps
				if never == "net/http" {
					where = p.Imports
				}
				if slices.Contains(where, full) {
					t.Errorf("%s imports %s: %s", room, never, rule.why)
				}
			}
		}
		for sdk, home := range sdkOnlyIn {
			if room != home && slices.Contains(p.Imports, sdk) {
				t.Errorf("%s imports %s: only %s may", room, sdk, home)
			}
		}
		if slices.Contains(p.Imports, module+"internal/sandbox") && !slices.Contains(wiring, room) && !strings.HasPrefix(room, "internal/sandbox") {
			t.Errorf("%s imports the sandbox: only %s and tests may", room, strings.Join(wiring, ", "))
		}
	}
	for _, rule := range forbidden {
		if !seen[rule.room] {
			t.Errorf("the table names %s, which is no package: keep it true", rule.room)
		}
	}
}

// TestPureRoomsReadNoClock looks at the sources: the rooms that decide take the time as an argument.
func TestPureRoomsReadNoClock(t *testing.T) {
	t.Parallel()
	clock := regexp.MustCompile(`\btime\.(Now|Since|Until|After|Sleep|Tick)\(`)
	for _, room := range []string{"releases", "internal/owners", "internal/policy", "internal/evidence", "internal/export", "internal/approval", "bot/checker", "bot/orchestrator", "templates"} {
		files, err := filepath.Glob(filepath.Join("..", "..", room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no sources (%v)", room, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if found := clock.Find(src); found != nil {
				t.Errorf("%s reads the clock: %s…)", file, found)
			}
		}
	}
}
