package sandbox

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/hiddeco/sshsig"
)

// newCommit is a commit to be made by the host.
type newCommit struct {
	Tree      plumbing.Hash
	Parents   []string
	Message   string
	Author    *object.Signature // nil: the actor
	Committer *object.Signature // nil: the host itself, which then signs
	Signature string            // armored; the caller's own
}

// person is how an account appears as author of a commit made on the host.
func (s *Sandbox) person(a *Account) *object.Signature {
	email := a.Email
	if email == "" {
		email = s.noreply(a)
	}
	return &object.Signature{Name: cmp.Or(a.Name, a.Login), Email: email, When: s.now()}
}

// makeCommit writes a commit. What the host commits for somebody is signed with the host's key, as
// GitHub signs what is done through its pages and, for Apps, through its API.
func (s *Sandbox) makeCommit(r *repo, by *Account, n newCommit) (string, error) {
	c := &object.Commit{TreeHash: n.Tree, Message: n.Message, PGPSignature: n.Signature}
	for _, p := range n.Parents {
		c.ParentHashes = append(c.ParentHashes, plumbing.NewHash(p))
	}
	author, committer := n.Author, n.Committer
	if author == nil {
		author = s.person(by)
	}
	if committer == nil && s.dialect == GitLab {
		committer = s.person(by) // GitLab commits in the name of whoever acts, unsigned
	}
	hosted := committer == nil && n.Signature == ""
	if committer == nil {
		committer = s.person(s.webflow)
	}
	c.Author, c.Committer = *author, *committer
	if hosted {
		payload, err := signedPart(c)
		if err != nil {
			return "", err
		}
		sig, err := sshsig.Sign(bytes.NewReader(payload), s.signer, sshsig.HashSHA512, "git")
		if err != nil {
			return "", fmt.Errorf("signing a commit: %w", err)
		}
		c.PGPSignature = strings.TrimSuffix(string(sshsig.Armor(sig)), "\n")
	}
	h, err := r.write(c.Encode)
	if err != nil {
		return "", fmt.Errorf("writing a commit: %w", err)
	}
	return h.String(), nil
}

// signedPart is what a commit's signature covers.
func signedPart(c *object.Commit) ([]byte, error) {
	o := &plumbing.MemoryObject{}
	if err := c.EncodeWithoutSignature(o); err != nil {
		return nil, err
	}
	rd, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(rd)
	return b.Bytes(), err
}

// verification is what the host says of a commit's signature. It knows its own key only: any other
// signature is of an unknown key.
type verification struct {
	Signed, Valid      bool
	Payload, Signature string
}

func (s *Sandbox) verify(c *object.Commit) verification {
	if c.PGPSignature == "" {
		return verification{}
	}
	v := verification{Signed: true, Signature: c.PGPSignature}
	payload, err := signedPart(c)
	if err != nil {
		return v
	}
	v.Payload = string(payload)
	sig, err := sshsig.Unarmor([]byte(c.PGPSignature))
	if err == nil {
		v.Valid = sshsig.Verify(bytes.NewReader(payload), sig, s.signer.PublicKey(), sshsig.HashSHA512, "git") == nil
	}
	return v
}

// gitActor is somebody named in a commit; Account is nil when the e-mail belongs to nobody.
type gitActor struct {
	Name, Email string
	When        time.Time
	Account     *Account
}

// authors is the commit's author and everyone in its Co-authored-by trailers.
func (s *Sandbox) authors(c *object.Commit) []gitActor {
	list := []gitActor{{c.Author.Name, c.Author.Email, c.Author.When, s.byEmail(c.Author.Email)}}
	for line := range strings.Lines(c.Message) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || !strings.EqualFold(key, "Co-authored-by") {
			continue
		}
		name, email, ok := strings.Cut(strings.TrimSuffix(strings.TrimSpace(value), ">"), "<")
		if !ok {
			continue
		}
		email = strings.TrimSpace(email)
		known := false
		for _, a := range list {
			known = known || strings.EqualFold(a.Email, email)
		}
		if !known {
			list = append(list, gitActor{strings.TrimSpace(name), email, c.Author.When, s.byEmail(email)})
		}
	}
	return list
}
