package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/templates"
)

// format is how reports are written down.
type format string

var formats = []format{"text", "json", "markdown", "sarif", "codequality"}

// UnmarshalText takes one of the formats.
func (f *format) UnmarshalText(text []byte) error {
	if !slices.Contains(formats, format(text)) {
		return fmt.Errorf("%q is no format: expected one of %q", text, formats)
	}
	*f = format(text)
	return nil
}

func (f format) render(reports []policy.Report, colour bool) ([]byte, error) {
	switch f {
	case "json":
		return marshal(reports)
	case "markdown":
		return []byte(templates.ReportMarkdown(reports)), nil
	case "sarif":
		return templates.SARIF(reports, versionText())
	case "codequality":
		return templates.CodeQuality(reports)
	}
	return []byte(templates.Terminal(reports, colour, 100)), nil
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
