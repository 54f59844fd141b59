package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/export"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
	"github.com/lumos-governance/lumos/templates"
)

// format is how reports are written down.
type format string

var formats = []format{"text", "json", "markdown", "sarif", "codequality", "junit", "cyclonedx", "oscal"}

// formatHelp says what each format is for.
const formatHelp = `The formats, for --format and -o:

  text         for people, at a terminal
  json         everything, as "lumos schema report" describes it
  markdown     everything, for a page or a wiki
  sarif        SARIF 2.1.0: GitHub code scanning and editors mark the lines
  codequality  Code Climate's format: GitLab's Code Quality marks the lines
  junit        JUnit XML: CI systems show each control as a test
  cyclonedx    CycloneDX 1.6 ML-BOM of the releases: the inventory entry that ID-08 asks for
  oscal        OSCAL 1.1.3 assessment-results: for GRC systems; it certifies nothing`

// UnmarshalText takes one of the formats.
func (f *format) UnmarshalText(text []byte) error {
	if !slices.Contains(formats, format(text)) {
		return fmt.Errorf("%q is no format: expected one of %q", text, formats)
	}
	*f = format(text)
	return nil
}

// checked is what there is to report.
type checked struct {
	reports   []policy.Report
	manifests map[string]*releases.Release // those that can be read, by path
	sources   map[string][]byte            // the manifests as written, by path
	at        time.Time
}

// newChecked adds the manifests to their reports. One that cannot be parsed has its reasons in the report.
func newChecked(snap *forge.Snapshot, reports []policy.Report, at time.Time) checked {
	c := checked{reports, map[string]*releases.Release{}, map[string][]byte{}, at}
	for _, m := range snap.Manifests {
		if m.Err != "" {
			continue
		}
		c.sources[m.Path] = m.Data
		if rel, err := releases.Parse(m.Path, m.Data); err == nil {
			c.manifests[m.Path] = rel
		}
	}
	return c
}

func (f format) render(c checked, colour bool) ([]byte, error) {
	version := strings.TrimPrefix(versionText(), "lumos ")
	switch f {
	case "json":
		return marshal(c.reports)
	case "markdown":
		return []byte(templates.ReportMarkdown(c.reports)), nil
	case "sarif":
		return templates.SARIF(c.reports, c.sources, version)
	case "codequality":
		return templates.CodeQuality(c.reports)
	case "junit":
		return export.JUnit(c.reports, c.at)
	case "cyclonedx":
		return export.CycloneDX(c.reports, c.manifests, version, c.at)
	case "oscal":
		return export.OSCAL(c.reports, version, c.at)
	}
	return []byte(templates.Terminal(c.reports, colour, 100)), nil
}

// output is a file that a report goes to.
type output struct {
	format format
	file   string
}

// UnmarshalText takes FORMAT=FILE.
func (o *output) UnmarshalText(text []byte) error {
	name, file, _ := strings.Cut(string(text), "=")
	if file == "" {
		return fmt.Errorf("%q: expected FORMAT=FILE, such as sarif=lumos.sarif", text)
	}
	o.file = file
	return o.format.UnmarshalText([]byte(name))
}

// write puts the whole report in place, or leaves what was there. The checked repository may be a
// stranger's: a link that lies where the report goes is not followed.
func (o output) write(dir string, report []byte) error {
	file := o.file
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	info, err := os.Lstat(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the %s report: %w", o.format, err)
	}
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("the %s report: %s is there and is not a regular file", o.format, file)
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".lumos-*")
	if err != nil {
		return fmt.Errorf("the %s report: %w", o.format, err)
	}
	_, err = temp.Write(report)
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("the %s report: %w", o.format, errors.Join(err, os.Remove(temp.Name())))
	}
	return nil
}
