// Command lumos is the GitOps bot for releasing AI models.
//
// Every command has a small file of its own here and no logic: the rooms below do the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker in release builds.
var version = ""

// The exit codes. Scripts rely on them.
const (
	exitOK     = 0
	exitNo     = 1 // the answer is no: gaps, a violation, a step that did not end as it should
	exitUnable = 2 // could not tell: bad input, something unreachable
)

// errNo says that the command worked and the answer is no. What is wrong has been printed already.
var errNo = errors.New("no")

type commandLine struct {
	Demo       demoCmd       `cmd:"" help:"Play the whole story on this machine: a model goes from a pull request to a signed release."`
	Sandbox    sandboxCmd    `cmd:"" help:"The same world in your browser: a code host with the real bot behind it."`
	Serve      serveCmd      `cmd:"" help:"Run the bot."`
	Check      checkCmd      `cmd:"" help:"Evaluate release manifests locally or in CI, offline."`
	Policy     policyCmd     `cmd:"" help:"The rules: list, show, test, explain, and what a change of them would do."`
	Owners     ownersCmd     `cmd:"" help:"Say who owns a path, and by which line of CODEOWNERS."`
	Explain    explainCmd    `cmd:"" help:"Say why a pull request has the verdict it has: every vote counted or ignored."`
	Events     eventsCmd     `cmd:"" help:"Show what the agents of a running bot concluded."`
	Audit      auditCmd      `cmd:"" help:"Start, read and verify the audit log of a repository."`
	Schema     schemaCmd     `cmd:"" help:"Print the JSON Schema of a file that Lumos reads."`
	Health     healthCmd     `cmd:"" help:"Ask a running bot whether it is ready (for container health checks)."`
	Completion completionCmd `cmd:"" help:"Print a completion script for your shell."`

	TryRules tryCmd `cmd:"" hidden:""`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// streams are where a command reads and writes; results go to out, progress and logs to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, s streams) int {
	var cli commandLine
	exited, exitCode := false, 0
	parser, err := kong.New(&cli,
		kong.Name("lumos"),
		kong.Description("Lumos releases AI models by pull request: it checks each release against policy as code, "+
			"gets it approved by the right people, and leaves a signed record that anyone can verify from a clone.\n\n"+
			"New here? Run: lumos demo"),
		kong.UsageOnError(),
		kong.Writers(s.out, s.err),
		kong.Exit(func(c int) { exited, exitCode = true, c }),
		kong.Vars{"version": versionText()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
	if err != nil {
		fmt.Fprintf(s.err, "lumos: %v\n", err)
		return exitUnable
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if exited { // --help and --version end here
		return exitCode
	}
	if err != nil {
		fmt.Fprintf(s.err, "lumos: %v\n", err)
		return exitUnable
	}
	k.Bind(parser.Model)
	switch err := k.Run(); {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		return exitNo
	default:
		fmt.Fprintf(s.err, "lumos: %v\n", err)
		return exitUnable
	}
}

// versionText is the version with the commit it was built from, as far as the build knows.
func versionText() string {
	v := version
	info, ok := debug.ReadBuildInfo()
	if v == "" && ok {
		v = info.Main.Version
	}
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return fmt.Sprintf("lumos %s (%s, %s)", v, s.Value[:12], info.GoVersion)
			}
		}
		return fmt.Sprintf("lumos %s (%s)", v, info.GoVersion)
	}
	return "lumos " + v
}
