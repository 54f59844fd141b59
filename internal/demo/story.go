package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/bot"
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// Step is one step of the story, as it ended.
type Step struct {
	Agent  string `json:"agent"` // who acts: an agent of Lumos, or a person
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	MS     int64  `json:"ms"` // how long it took, pauses left out
	Detail string `json:"detail"`
}

// Result is how the story ended.
type Result struct {
	Host  forge.Platform `json:"host"`
	OK    bool           `json:"ok"` // every step ended as it should
	Steps []Step         `json:"steps"`
	Score *policy.Tenths `json:"score"`
	Tier  releases.Tier  `json:"tier"`
	Audit AuditResult    `json:"audit"`
}

// AuditResult is what the auditor found in a fresh clone.
type AuditResult struct {
	Events   int64 `json:"events"`
	Verified bool  `json:"verified"`
}

// The agents and people of the story.
const (
	asChecker      = "Compliance Checker"
	asOrchestrator = "Approval Orchestrator"
	asEngineer     = "engineer " + Engineer
	asOwner        = "owner " + Owner
	asSecond       = "owner " + Second
	asAuditor      = "auditor"
	asHost         = "code host"
)

// story carries what one step tells the next.
type story struct {
	w      *World
	pr     int
	head   string
	merge  string
	result *Result
}

// Play plays the story in w. before and after are called around each step; a step that fails ends
// the story. The error says what did not end as it should.
func Play(ctx context.Context, w *World, before func(agent, name string), after func(Step)) (*Result, error) {
	s := &story{w: w, result: &Result{Host: w.Platform}}
	steps := []struct {
		agent, name string
		run         func(context.Context) (string, error)
	}{
		{asEngineer, "opens a release " + w.Noun(), s.open},
		{asChecker, "checks the manifest and finds gaps", s.red},
		{asHost, "refuses to merge past the red gate", s.refusesMerge},
		{asEngineer, "fixes the gaps with a push", s.fix},
		{asChecker, "checks again: nothing blocks", s.green},
		{asOwner, "approves as a CODEOWNER", s.approve},
		{asEngineer, "pushes one byte more", s.oneByte},
		{asOrchestrator, "voids the approval: it was of other bytes", s.voided},
		{asOwner, "approves what is there now", s.approveAgain},
		{asSecond, "approves as the second owner", s.second},
		{asOrchestrator, "puts the decision on the record, then merges", s.merged},
		{asOrchestrator, "signs the release tag", s.tagged},
		{asAuditor, "verifies a fresh clone with Lumos", s.verify},
		{asAuditor, "verifies it again with git and ssh-keygen alone", s.verifyPlain},
	}
	for _, step := range steps {
		before(step.agent, step.name)
		start := time.Now()
		detail, err := step.run(ctx)
		done := Step{Agent: step.agent, Name: step.name, OK: err == nil, MS: time.Since(start).Milliseconds(), Detail: detail}
		if err != nil {
			done.Detail = err.Error()
		}
		s.result.Steps = append(s.result.Steps, done)
		after(done)
		if err != nil {
			return s.result, fmt.Errorf("%s: %s: %w", step.agent, step.name, err)
		}
	}
	s.result.OK = true
	return s.result, nil
}

const (
	branch       = "release/roberta-squad2-1.0.0"
	manifestPath = "releases/roberta-squad2/1.0.0.yaml"
)

func (s *story) open(ctx context.Context) (string, error) {
	engineer := s.w.As(Engineer)
	files, err := Release()
	if err != nil {
		return "", err
	}
	if files[manifestPath], err = Draft(files[manifestPath]); err != nil {
		return "", err
	}
	if s.head, err = engineer.Push(ctx, branch, "Release roberta-squad2 1.0.0", files); err != nil {
		return "", err
	}
	s.pr, err = engineer.Open(ctx, branch, "Release roberta-squad2 1.0.0", "Extractive question answering on SQuAD 2.0.", false)
	return fmt.Sprintf("%s, %d files", s.w.PullURL(s.pr), len(files)), err
}

func (s *story) red(ctx context.Context) (string, error) {
	pr, err := s.w.As(Engineer).Gate(ctx, s.pr, s.head, "failure")
	if err != nil {
		return "", err
	}
	if got := pr.Checks[forge.ComplianceCheck].State; got != "failure" {
		return "", fmt.Errorf("lumos/compliance is %s, expected failure", got)
	}
	_, reports, err := s.w.Verdict(ctx, s.pr)
	if err != nil {
		return "", err
	}
	var open []string
	for _, c := range reports[0].Controls {
		if c.Open() {
			open = append(open, c.ID)
		}
	}
	if len(open) == 0 {
		return "", errors.New("the gate is red, but no control is open")
	}
	return fmt.Sprintf("score %s, %d gaps that block: %s", reports[0].Score, len(open), strings.Join(open, ", ")), nil
}

func (s *story) refusesMerge(ctx context.Context) (string, error) {
	err := s.w.As(Admin).Merge(ctx, s.pr)
	var refused *Refusal
	if !errors.Is(err, ErrNotMerged) || !errors.As(err, &refused) {
		return "", fmt.Errorf("expected the host's refusal, got %v", err)
	}
	return fmt.Sprintf("%d: even an administrator waits for the gate", refused.Status), nil
}

func (s *story) fix(ctx context.Context) (string, error) {
	files, err := Release()
	if err != nil {
		return "", err
	}
	s.head, err = s.w.As(Engineer).Push(ctx, branch, "Pin the revision, add the leakage test, declare the risk", map[string][]byte{manifestPath: files[manifestPath]})
	return fmt.Sprintf("commit %.12s", s.head), err
}

func (s *story) green(ctx context.Context) (string, error) {
	pr, err := s.w.As(Engineer).Gate(ctx, s.pr, s.head, "in_progress")
	if err != nil {
		return "", err
	}
	if got := pr.Checks[forge.ComplianceCheck].State; got != "success" {
		return "", fmt.Errorf("lumos/compliance is %s, expected success", got)
	}
	_, reports, err := s.w.Verdict(ctx, s.pr)
	if err != nil {
		return "", err
	}
	r := reports[0]
	s.result.Score, s.result.Tier = r.Score, r.Tier.Effective
	return fmt.Sprintf("score %s, coverage %s, tier %s", r.Score, r.Coverage, r.Tier.Effective), nil
}

// vote lets somebody approve and waits until Lumos counts it.
func (s *story) vote(ctx context.Context, login string) (string, error) {
	if err := s.w.As(login).Review(ctx, s.pr, Approve, "Read, and agreed."); err != nil {
		return "", err
	}
	var reason string
	err := s.w.waitVerdict(ctx, s.pr, "the approval of "+login+" to count", func(v approval.Verdict) bool {
		for _, vote := range v.Votes {
			if vote.By.Login == login && vote.Counted && v.Head == s.head {
				reason = vote.Reason
				return true
			}
		}
		return false
	})
	return reason, err
}

func (s *story) approve(ctx context.Context) (string, error) { return s.vote(ctx, Owner) }

func (s *story) oneByte(ctx context.Context) (string, error) {
	files, err := Release()
	if err != nil {
		return "", err
	}
	s.head, err = s.w.As(Engineer).Push(ctx, branch, "Add a newline", map[string][]byte{manifestPath: append(files[manifestPath], '\n')})
	return fmt.Sprintf("commit %.12s: a newline at the end of the manifest", s.head), err
}

func (s *story) voided(ctx context.Context) (string, error) {
	var reason string
	err := s.w.waitVerdict(ctx, s.pr, "the approval to be void", func(v approval.Verdict) bool {
		for _, vote := range v.Votes {
			if v.Head == s.head && vote.By.Login == Owner && !vote.Counted {
				reason = vote.Reason
				return true
			}
		}
		return false
	})
	if err != nil {
		return "", err
	}
	_, err = s.w.As(Engineer).Gate(ctx, s.pr, s.head, "in_progress")
	return reason, err
}

func (s *story) approveAgain(ctx context.Context) (string, error) { return s.vote(ctx, Owner) }

func (s *story) second(ctx context.Context) (string, error) { return s.vote(ctx, Second) }

func (s *story) merged(ctx context.Context) (string, error) {
	pr, err := s.w.As(Engineer).WaitFor(ctx, s.pr, "the merge", func(pr *PullRequest) bool { return pr.Merged })
	if err != nil {
		return "", err
	}
	s.merge = pr.Merge
	return fmt.Sprintf("merge commit %.12s", s.merge), nil
}

func (s *story) tagged(ctx context.Context) (string, error) {
	engineer := s.w.As(Engineer)
	name := audit.TagName("roberta-squad2", "1.0.0")
	_, err := engineer.WaitFor(ctx, s.pr, "the release tag", func(pr *PullRequest) bool {
		if !strings.Contains(pr.Status, "on the record") {
			return false
		}
		out, err := engineer.Git(ctx, "ls-remote", "--tags", "origin", name)
		return err == nil && out != ""
	})
	return name, err
}

// clone makes a clone as any auditor would: plain git, a fresh folder.
func (s *story) clone(ctx context.Context) (string, error) {
	dir := filepath.Join(s.w.Dir, "clone", RepoName)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, s.w.As(Admin).Clone(ctx, dir)
}

func (s *story) verify(ctx context.Context) (string, error) {
	dir, err := s.clone(ctx)
	if err != nil {
		return "", err
	}
	res, err := audit.Verify(ctx, dir, audit.Options{TrustGenesis: s.w.Pin})
	if err != nil {
		return "", err
	}
	s.result.Audit = AuditResult{Events: res.Events, Verified: res.OK}
	if !s.result.Audit.Verified {
		return "", fmt.Errorf("%d violations, first: %v", len(res.Violations), res.Violations[0])
	}
	return fmt.Sprintf("%d events, chain, root, signatures and the release agree", res.Events), nil
}

func (s *story) verifyPlain(ctx context.Context) (string, error) {
	dir, err := s.clone(ctx)
	if err != nil {
		return "", err
	}
	show := func(path string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "git", "-C", dir, "show", "origin/lumos/audit:"+path)
		cmd.Env = cleanGitEnv()
		return cmd.Output()
	}
	signers, err := show("allowed_signers")
	if err != nil {
		return "", err
	}
	signersFile := filepath.Join(dir, ".git", "allowed_signers")
	if err := os.WriteFile(signersFile, signers, 0o600); err != nil {
		return "", err
	}
	tag := exec.CommandContext(ctx, "git", "-C", dir, "-c", "gpg.format=ssh", "-c", "gpg.ssh.allowedSignersFile="+signersFile,
		"verify-tag", audit.TagName("roberta-squad2", "1.0.0"))
	tag.Env = cleanGitEnv()
	if out, err := tag.CombinedOutput(); err != nil {
		return "", fmt.Errorf("git verify-tag: %w: %s", err, bytes.TrimSpace(out))
	}
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		return "git verify-tag accepts; ssh-keygen is not on this machine", nil
	}
	checkpoint, err := show("checkpoint")
	if err != nil {
		return "", err
	}
	sig, err := show("checkpoint.sig")
	if err != nil {
		return "", err
	}
	sigFile := filepath.Join(dir, ".git", "checkpoint.sig")
	if err := os.WriteFile(sigFile, sig, 0o600); err != nil {
		return "", err
	}
	keygen := exec.CommandContext(ctx, "ssh-keygen", "-Y", "verify", "-f", signersFile, "-I", audit.Principal, "-n", audit.CheckpointNamespace, "-s", sigFile)
	keygen.Stdin = bytes.NewReader(checkpoint)
	if out, err := keygen.CombinedOutput(); err != nil {
		return "", fmt.Errorf("ssh-keygen: %w: %s", err, bytes.TrimSpace(out))
	}
	return "git verify-tag and ssh-keygen -Y verify both accept", nil
}

// Verdict judges the bot's last snapshot of a pull request again: what the bot decided, to the byte.
func (w *World) Verdict(ctx context.Context, pr int) (approval.Verdict, []policy.Report, error) {
	saved, err := bot.LoadSnapshot(w.SnapshotPath(pr))
	if err != nil {
		return approval.Verdict{}, nil, err
	}
	a, v, err := bot.Judge(ctx, w.checker, saved.Snapshot, saved.TakenAt)
	if err != nil {
		return v, nil, err
	}
	return v, a.Reports, nil
}

// SnapshotPath is where the bot keeps its last look at a pull request.
func (w *World) SnapshotPath(pr int) string {
	return bot.SnapshotPath(filepath.Join(w.Dir, "bot", "data"),
		forge.Ref{Repo: w.Repo(), Number: pr})
}

func (w *World) waitVerdict(ctx context.Context, pr int, what string, wanted func(approval.Verdict) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		v, _, err := w.Verdict(ctx, pr)
		if err == nil && wanted(v) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: the verdict is %s: %s", what, v.State, v.Summary)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Furnish opens the story's release pull request in w, complete and waiting for its owners.
func (w *World) Furnish(ctx context.Context) (number int, err error) {
	files, err := Release()
	if err != nil {
		return 0, err
	}
	engineer := w.As(Engineer)
	if _, err = engineer.Push(ctx, branch, "Release roberta-squad2 1.0.0", files); err != nil {
		return 0, err
	}
	return engineer.Open(ctx, branch, "Release roberta-squad2 1.0.0", "Extractive question answering on SQuAD 2.0.", false)
}
