package sandbox

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxPush bounds a push: the pack as it comes over the wire.
const maxPush = 512 << 20

// serveGit speaks git's smart HTTP protocol. Reading is git's own upload-pack. Writing is done here,
// with git unpacking the objects, because the host must decide on each ref with the world at rest.
func (s *Sandbox) serveGit(w http.ResponseWriter, r *http.Request) {
	full, service, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), ".git/")
	advertise := service == "info/refs" && r.Method == http.MethodGet
	if advertise {
		service = r.URL.Query().Get("service")
	}
	if service != "git-upload-pack" && service != "git-receive-pack" || !advertise && r.Method != http.MethodPost {
		http.NotFound(w, r)
		return
	}
	write := service == "git-receive-pack"
	s.mu.Lock()
	rp, by, err := s.gitAccess(r, full, write)
	s.mu.Unlock()
	if err != nil {
		var e *Error
		status := http.StatusInternalServerError
		if errors.As(err, &e) {
			status = e.Status
		}
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="`+map[Dialect]string{GitHub: "GitHub", GitLab: "GitLab"}[s.dialect]+`"`)
		}
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", "application/x-"+service+map[bool]string{true: "-advertisement", false: "-result"}[advertise])
	body := io.Reader(http.MaxBytesReader(w, r.Body, maxPush))
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, "bad gzip", http.StatusBadRequest)
			return
		}
		body = io.LimitReader(z, maxPush)
	}
	switch {
	case advertise && write:
		fmt.Fprint(w, pkt("# service=git-receive-pack\n"), "0000")
		s.mu.Lock()
		refs := maps.Clone(rp.refs)
		s.mu.Unlock()
		advertiseRefs(w, refs)
	case write:
		if err := s.receivePack(r.Context(), w, body, rp, by); err != nil {
			s.opt.Log.Warn("push", "repository", full, "error", err)
		}
	default:
		args := []string{"upload-pack", "--stateless-rpc", "--strict"}
		if advertise {
			fmt.Fprint(w, pkt("# service=git-upload-pack\n"), "0000")
			args = append(args, "--advertise-refs")
		}
		c := rp.command(r.Context(), append(args, rp.dir)...)
		c.Env = append(c.Env, "GIT_PROTOCOL="+r.Header.Get("Git-Protocol"))
		c.Stdin, c.Stdout = body, w
		if advertise {
			c.Stdin = nil
		}
		if err := c.Run(); err != nil && r.Context().Err() == nil {
			s.opt.Log.Debug("upload-pack", "repository", full, "error", err)
		}
	}
}

// gitAccess finds the repository and who asks, if they may.
func (s *Sandbox) gitAccess(r *http.Request, full string, write bool) (*repo, actor, error) {
	rp := s.repoByFull(full)
	if s.dialect == GitLab {
		return s.gitlabGitAccess(r, rp, write)
	}
	var by actor
	if r.Header.Get("Authorization") != "" {
		var err error
		if by, err = s.authenticate(r); err != nil {
			return nil, by, err
		}
	}
	switch {
	case by.token == nil && (rp == nil || rp.Private || write):
		return nil, by, errNeedAuth
	case rp == nil:
		return nil, by, errNotFound
	case by.token == nil:
		return rp, by, nil
	case write:
		return rp, by, s.allow(by, rp, need{"contents:write", "write"})
	}
	return rp, by, s.allow(by, rp, need{"contents:read", "read"})
}

func pkt(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

// advertiseRefs says what there is, and what a push may use.
func advertiseRefs(w io.Writer, refs map[string]string) {
	const capabilities = "report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 agent=sandbox"
	first := "\x00" + capabilities
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		fmt.Fprint(w, pkt(refs[name]+" "+name+first+"\n"))
		first = ""
	}
	if first != "" {
		fmt.Fprint(w, pkt(zeroOID+" capabilities^{}"+first+"\n"))
	}
	fmt.Fprint(w, "0000")
}

// readCommands reads the head of a push: what is to become of which ref.
func readCommands(in *bufio.Reader) (changes []refChange, capabilities string, err error) {
	for {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return nil, "", err
		}
		n, err := strconv.ParseUint(string(size[:]), 16, 16)
		if err != nil || n > 0 && n < 4 || len(changes) > 1000 {
			return nil, "", fmt.Errorf("push: bad packet %q", size)
		}
		if n == 0 {
			return changes, capabilities, nil
		}
		line := make([]byte, n-4)
		if _, err := io.ReadFull(in, line); err != nil {
			return nil, "", err
		}
		command, caps, ok := strings.Cut(string(line), "\x00")
		if ok {
			capabilities = caps
		}
		w := strings.Fields(command)
		if len(w) == 2 && w[0] == "shallow" {
			continue
		}
		if len(w) != 3 || !plumbing.IsHash(w[0]) || !plumbing.IsHash(w[1]) {
			return nil, "", fmt.Errorf("push: bad command %q", command)
		}
		changes = append(changes, refChange{Ref: w[2], Old: w[0], New: w[1]})
	}
}

// receivePack takes a push. Like GitHub's, its guard is all or nothing: one refused ref refuses all.
func (s *Sandbox) receivePack(ctx context.Context, w io.Writer, body io.Reader, rp *repo, by actor) error {
	in := bufio.NewReader(body)
	if head, _ := in.Peek(4); string(head) == "0000" || len(head) == 0 {
		return nil // git asks only whether it may come in
	}
	changes, capabilities, err := readCommands(in)
	if err != nil {
		return err
	}
	unpacked := "ok"
	if slices.ContainsFunc(changes, func(c refChange) bool { return c.New != zeroOID }) {
		c := rp.command(ctx, "unpack-objects", "-q", "--strict")
		c.Stdin = in
		if out, err := c.CombinedOutput(); err != nil {
			unpacked = "unpack-objects: " + strings.ReplaceAll(string(bytes.TrimSpace(out)), "\n", " ")
		}
	}
	report, notes := pkt("unpack "+unpacked+"\n"), ""
	s.mu.Lock()
	var refused error
	for _, c := range changes {
		if err := s.guardRefPush(rp, by, c); err != nil && refused == nil {
			refused = err
			notes = "error: GH006: " + strings.TrimPrefix(err.Error(), "422 ") + "\n"
			if s.dialect == GitLab {
				notes = "GitLab: " + strings.TrimPrefix(err.Error(), "403 ") + "\n"
			}
		}
	}
	for _, c := range changes {
		err := refused
		if unpacked != "ok" {
			err = errors.New("unpacker error")
		} else if err != nil {
			err = errors.New(map[Dialect]string{GitHub: "protected branch hook declined", GitLab: "pre-receive hook declined"}[s.dialect])
		} else {
			err = s.moveRef(rp, by, c)
		}
		if err != nil {
			report += pkt("ng " + c.Ref + " " + strings.ReplaceAll(err.Error(), "\n", " ") + "\n")
		} else {
			report += pkt("ok " + c.Ref + "\n")
		}
	}
	s.mu.Unlock()
	report += "0000"
	if !strings.Contains(capabilities, "report-status") {
		return nil
	}
	if !strings.Contains(capabilities, "side-band-64k") {
		_, err = io.WriteString(w, report)
		return err
	}
	if notes != "" {
		notes = pkt("\x02" + notes)
	}
	const frame = 60000
	for len(report) > 0 {
		n := min(len(report), frame)
		notes += pkt("\x01" + report[:n])
		report = report[n:]
	}
	_, err = io.WriteString(w, notes+"0000")
	return err
}

// guardRefPush adds to the protection what holds for pushes alone.
func (s *Sandbox) guardRefPush(r *repo, by actor, c refChange) error {
	if strings.HasPrefix(c.Ref, "refs/pull/") || strings.HasPrefix(c.Ref, "refs/merge-requests/") {
		return refuse(http.StatusUnprocessableEntity, "deny updating a hidden ref")
	}
	if c.New != zeroOID && r.kind(c.New) == "" {
		return refuse(http.StatusUnprocessableEntity, "%s: missing necessary objects", c.Ref)
	}
	return s.guardPush(r, by, c)
}
