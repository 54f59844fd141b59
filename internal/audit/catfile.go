package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// maxObject bounds one object that a clone makes us read.
const maxObject = 64 << 20

// ErrCannotVerify says that a clone could not be judged, which is neither a yes nor a no.
var ErrCannotVerify = errors.New("cannot verify")

func cannot(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrCannotVerify, fmt.Errorf(format, args...))
}

// gitCommand prepares git in dir, offline, deaf to replace refs and to the caller's language.
func gitCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1",
		"GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
	return cmd
}

func gitOutput(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := gitCommand(ctx, dir, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", cannot("git %s in %s: %w: %s", args[0], dir, err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// catFile is one running git cat-file --batch.
type catFile struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

func startCatFile(ctx context.Context, dir string) (*catFile, error) {
	cmd := gitCommand(ctx, dir, "cat-file", "--batch")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, cannot("git cat-file: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, cannot("git cat-file: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, cannot("git cat-file: %w", err)
	}
	return &catFile{cmd: cmd, stdin: stdin, out: bufio.NewReaderSize(stdout, 1<<16)}, nil
}

func (c *catFile) close() error {
	return errors.Join(c.stdin.Close(), c.cmd.Wait())
}

// object is what cat-file says of one name; typ is empty when there is no such object.
type object struct {
	typ  string
	data []byte
}

// each asks for names and calls f with every answer, in order. Questions run ahead of the answers.
func (c *catFile) each(names []string, f func(i int, o object) error) error {
	asked := make(chan error, 1)
	go func() {
		w := bufio.NewWriterSize(c.stdin, 1<<15)
		for _, n := range names {
			if _, err := w.WriteString(n + "\n"); err != nil {
				asked <- err
				return
			}
		}
		asked <- w.Flush()
	}()
	var failed error
	for i := range names {
		o, err := c.read()
		if err != nil { // the stream is lost; git ends, and with it the asking
			return errors.Join(cannot("git cat-file %s: %w", names[i], err), c.cmd.Process.Kill(), <-asked)
		}
		if failed == nil { // after a failure the answers still have to be taken off the stream
			failed = f(i, o)
		}
	}
	if err := <-asked; err != nil {
		return cannot("git cat-file: %w", err)
	}
	return failed
}

func (c *catFile) read() (object, error) {
	head, err := c.out.ReadString('\n')
	if err != nil {
		return object{}, err
	}
	f := strings.Fields(head)
	if len(f) >= 2 && f[len(f)-1] == "missing" {
		return object{}, nil
	}
	if len(f) != 3 {
		return object{}, fmt.Errorf("unexpected answer %q", strings.TrimSpace(head))
	}
	size, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || size < 0 || size > maxObject {
		return object{}, fmt.Errorf("object of %s bytes, more than %d", f[2], maxObject)
	}
	data := make([]byte, size+1) // git ends the content with a newline of its own
	if _, err := io.ReadFull(c.out, data); err != nil {
		return object{}, err
	}
	return object{typ: f[1], data: data[:size]}, nil
}

// get asks for a few names at once.
func (c *catFile) get(names ...string) ([]object, error) {
	out := make([]object, len(names))
	err := c.each(names, func(i int, o object) error { out[i] = o; return nil })
	return out, err
}

// clone is a repository on disk as verification sees it.
type clone struct {
	dir     string
	oidSize int // bytes of an object id
	refs    map[string]ref
}

type ref struct {
	oid, kind, symref string
}

// openClone reads what the repository is and where its references point.
func openClone(ctx context.Context, dir string) (*clone, error) {
	out, err := gitOutput(ctx, dir, "rev-parse", "--is-shallow-repository", "--show-object-format")
	if err != nil {
		return nil, err
	}
	facts := strings.Fields(out)
	if len(facts) != 2 {
		return nil, cannot("git rev-parse in %s: unexpected answer %q", dir, out)
	}
	if facts[0] == "true" {
		return nil, cannot("%s is a shallow clone: run git fetch --unshallow", dir)
	}
	c := &clone{dir: dir, oidSize: 20, refs: map[string]ref{}}
	if facts[1] == "sha256" {
		c.oidSize = 32
	}
	out, err = gitOutput(ctx, dir, "for-each-ref", "--format=%(objectname) %(objecttype) %(refname) %(symref)",
		"refs/heads", "refs/remotes/origin", "refs/tags/lumos")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) >= 3 {
			r := ref{oid: f[0], kind: f[1]}
			if len(f) > 3 {
				r.symref = f[3]
			}
			c.refs[f[2]] = r
		}
	}
	return c, nil
}

// branch finds a branch: as it was last fetched, else as it is here (in a bare repository).
func (c *clone) branch(name string) (refname, oid string) {
	for _, full := range []string{"refs/remotes/origin/" + name, "refs/heads/" + name} {
		if r, ok := c.refs[full]; ok {
			return full, r.oid
		}
	}
	return "", ""
}

// mainBranch finds the main branch: the named one, else the remote's default, else main or master.
func (c *clone) mainBranch(name string) (refname, oid string) {
	if name != "" {
		return c.branch(name)
	}
	names := []string{"main", "master"}
	if r, ok := c.refs["refs/remotes/origin/HEAD"]; ok {
		names = append([]string{strings.TrimPrefix(r.symref, "refs/remotes/origin/")}, names...)
	}
	for _, n := range names {
		if refname, oid := c.branch(n); oid != "" {
			return refname, oid
		}
	}
	return "", ""
}
