package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
)

// Filter selects events; its zero value selects all.
type Filter struct {
	Model string // of a manifest in the subject, or of the tag
	PR    int
}

func (f Filter) match(e *Event) bool {
	if f.PR != 0 && e.PR != f.PR {
		return false
	}
	if f.Model == "" {
		return true
	}
	if model, _, ok := e.release(); ok && model == f.Model {
		return true
	}
	if e.Subject != nil {
		for _, m := range e.Subject.Manifests {
			if m.Model == f.Model {
				return true
			}
		}
	}
	return false
}

// List reads the events of a clone that the filter selects, oldest first, and calls each with them
// and their lines. It verifies nothing but their form: use Verify.
func List(ctx context.Context, dir, branch string, f Filter, each func(e *Event, line []byte) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if branch == "" {
		branch = forge.AuditBranch
	}
	c, err := openClone(ctx, dir)
	if err != nil {
		return err
	}
	_, tip := c.branch(branch)
	if tip == "" {
		return cannot("%s has no branch %s: fetch it, or run lumos audit init", dir, branch)
	}
	cat, err := startCatFile(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cat.close()) }()
	for n := int64(0); ; n++ {
		got, err := cat.get(tip + ":" + bundlePath(n))
		if err != nil {
			return err
		}
		if got[0].typ == "" {
			return nil
		}
		lines, err := splitLines(got[0].data)
		if err != nil {
			return cannot("%s: %w", bundlePath(n), err)
		}
		for i, line := range lines {
			e, err := ParseLine(line)
			if err != nil {
				return cannot("%s:%d: %w", bundlePath(n), i+1, err)
			}
			if f.match(e) {
				if err := each(e, line); err != nil {
					return err
				}
			}
		}
	}
}

// WriteText prints one event on one line, for people.
func WriteText(w io.Writer, e *Event) error {
	words := []string{fmt.Sprintf("%6d  %s  %-20s", e.Seq, e.TS.Format(time.RFC3339), cleanText(string(e.Type)))}
	add := func(format string, args ...any) { words = append(words, cleanText(fmt.Sprintf(format, args...))) }
	if e.PR > 0 {
		add("#%d", e.PR)
	}
	if e.Decision != "" {
		add("%s", e.Decision)
	}
	if e.Subject != nil {
		for _, m := range e.Subject.Manifests {
			add("%s %s", m.Model, m.Version)
		}
	}
	for _, v := range e.Votes {
		add("%s by %s (%s)", v.Action, orElse(v.By.Login, v.By.ID), v.ID)
	}
	if e.Merge != nil {
		add("as %s", short(e.Merge.Commit))
	}
	if e.Tag != nil {
		add("%s", e.Tag.Name)
	}
	if e.Reason != "" {
		add("(%s)", e.Reason)
	}
	_, err := fmt.Fprintln(w, strings.Join(words, "  "))
	return err
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
