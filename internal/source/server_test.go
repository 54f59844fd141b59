//go:build unix

package source

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
)

// daemon is a database server that a test starts, in a folder of its own, as a user without rights: such
// servers refuse to run as root.
type daemon struct {
	dir  string
	cred *syscall.Credential // nil: as who runs the test
	cmd  *exec.Cmd
	done chan error
}

func newDaemon(t *testing.T) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "lumos") // short, for the path of a socket; and not below a folder that only we may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &daemon{dir: dir}
	if os.Geteuid() != 0 {
		return d
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("a database server does not run as root, and there is no other user: %v", err)
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	d.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *daemon) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = d.dir
	cmd.Env = []string{"HOME=" + d.dir, "TMPDIR=" + d.dir, "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.cred}
	return cmd
}

// run runs a program to its end.
func (d *daemon) run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := d.command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// start starts the server, and waits until ready no longer fails.
func (d *daemon) start(t *testing.T, ready func() error, program string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	d.cmd = d.command(program, args...)
	d.cmd.Stdout, d.cmd.Stderr = &log, &log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, done := d.cmd, make(chan error, 1)
	d.done = done
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() { d.stop(t) })
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case gone := <-done:
			d.cmd = nil
			t.Fatalf("%s ended: %v\n%s", program, gone, log.Bytes())
		case <-t.Context().Done():
			t.Fatalf("%s does not answer: %v", program, err)
		default:
		}
	}
}

// stop ends the server by its own id, and waits for it.
func (d *daemon) stop(t *testing.T) {
	t.Helper()
	if d.cmd == nil {
		return
	}
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) { // PostgreSQL: fast shutdown
		t.Error(err)
	}
	if d.cmd.Path != "" && filepath.Base(d.cmd.Path) != "postgres" {
		_ = d.cmd.Process.Signal(syscall.SIGTERM) // others take no interrupt
	}
	<-d.done
	d.cmd = nil
}

// proxy stands between a source and its server on a socket, and closes a connection once so many bytes
// have come from the server.
type proxy struct {
	address string
	limit   atomic.Int64
}

func newProxy(t *testing.T, socket string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{address: l.Addr().String()}
	p.limit.Store(1 << 40)
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client, socket)
		}
	}()
	return p
}

func (p *proxy) serve(client net.Conn, socket string) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.CopyN(client, server, p.limit.Load())
	_ = server.Close()
}
