package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gowebpki/jcs"

	"github.com/lumos-governance/lumos/internal/forge"
)

// ReleaseTag is the signed annotated tag of a release.
type ReleaseTag struct {
	Name    string     // TagName(model, version)
	Commit  string     // the merge commit
	When    time.Time  // of the merge, from the log rather than a clock
	Summary string     // one line
	Content TagContent // as JSON below the summary
}

// TagContent is what a release tag carries out of the audit branch.
type TagContent struct {
	Subject    string     `json:"subject"` // the subject digest that was approved
	Policy     string     `json:"policy"`
	Decisions  []int64    `json:"decisions"` // seq of the decisions
	Checkpoint Checkpoint `json:"checkpoint"`
}

// TagName is "lumos/<model>/<version>".
func TagName(model, version string) string { return forge.TagPrefix + model + "/" + version }

// ErrTagDiffers says that the tag exists and says something else: it is never moved.
var ErrTagDiffers = errors.New("the release tag exists already and differs")

// object gives the bytes of the signed tag object. The same tag always gives the same bytes.
func (t ReleaseTag) object(s *Signer) ([]byte, error) {
	e := Event{Tag: &Tag{Name: t.Name}}
	if _, _, ok := e.release(); !ok {
		return nil, fmt.Errorf("audit: tag %q: expected %s<model>/<version> of letters, digits and . _ + -", t.Name, forge.TagPrefix)
	}
	if !oidRE.MatchString(t.Commit) {
		return nil, fmt.Errorf("audit: tag %s: %q is not a commit id", t.Name, t.Commit)
	}
	raw, err := json.Marshal(t.Content)
	if err != nil {
		return nil, fmt.Errorf("audit: tag %s: %w", t.Name, err)
	}
	content, err := jcs.Transform(raw)
	if err != nil {
		return nil, fmt.Errorf("audit: tag %s: %w", t.Name, err)
	}
	payload := fmt.Appendf(nil, "object %s\ntype commit\ntag %s\ntagger %s %d +0000\n\n%s\n\n%s\n",
		t.Commit, t.Name, ident, t.When.Unix(), cleanText(t.Summary), content)
	sig, err := s.Sign(gitNamespace, payload)
	if err != nil {
		return nil, fmt.Errorf("audit: tag %s: %w", t.Name, err)
	}
	return append(payload, sig...), nil
}

// content reads the JSON of a release tag's message.
func (t *tagObject) content() (*TagContent, error) {
	_, body, ok := strings.Cut(t.message, "\n\n")
	if !ok {
		return nil, errors.New("the message has no content below its summary")
	}
	dec := json.NewDecoder(strings.NewReader(body))
	dec.DisallowUnknownFields()
	var c TagContent
	if err := dec.Decode(&c); err != nil {
		return nil, fmt.Errorf("the message's content: %w", err)
	}
	return &c, nil
}

// same reports why an existing tag does not say what t says. The checkpoint may be an earlier one,
// and the time another: a tag that was pushed just before a crash is the tag.
func (t ReleaseTag) same(raw []byte, s *Signer) error {
	old, err := parseTag(raw)
	if err != nil {
		return err
	}
	if err := checkSignature(old.payload, old.sig, s.ssh.PublicKey()); err != nil {
		return err
	}
	c, err := old.content()
	switch {
	case err != nil:
		return err
	case old.name != t.Name || old.kind != "commit" || old.object != t.Commit:
		return fmt.Errorf("it is %s on %s %s, wanted on commit %s", old.name, old.kind, short(old.object), short(t.Commit))
	case c.Subject != t.Content.Subject:
		return fmt.Errorf("it is of subject %s, wanted %s", c.Subject, t.Content.Subject)
	case c.Policy != t.Content.Policy || !slices.Equal(c.Decisions, t.Content.Decisions):
		return errors.New("it rests on other decisions or another policy")
	}
	return nil
}
