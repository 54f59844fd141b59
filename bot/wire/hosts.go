package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/bot"
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/server"
)

// Host is one code host of the settings, with a cache for what never changes, and with what the bot
// needs of it besides the port.
type Host struct {
	forge.Reader // through the cache
	forge.Publisher
	forge.Merger
	forge.Issues

	name     string // as forge.Repo has it
	platform forge.Platform
	git      string // root of the repositories' clone addresses
	blob     string // what stands between a repository and "commit/path" in the address of a file

	find  func(ctx context.Context, repo forge.Repo) (full forge.Repo, since string, err error) // since is the tip of its default branch
	login func(ctx context.Context, repo forge.Repo) (user, token string, err error)            // for git
	// api keeps the audit log through the host's interface, which signs its commits; nil where the log is pushed.
	api    func(repo forge.Repo) audit.Store
	intake server.Intake
}

// Hosts are the code hosts of the settings. They are one forge.Host: each repository finds its own.
type Hosts []*Host

// NewHosts prepares the code hosts; it asks nothing yet.
func NewHosts(s *config.Server, o Options) (Hosts, error) {
	var hosts Hosts
	if s.GitHub.Configured() {
		h, err := newGitHub(s, o)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, h)
	}
	if s.GitLab.Configured() {
		h, err := newGitLab(s, o)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// cached puts the cache of what never changes before a host. The folder is shared: objects are proven by their ids.
func cached(s *config.Server, r forge.Reader) (forge.Reader, error) {
	return forge.Cached(r, filepath.Join(s.DataDir, "objects"), blobCache)
}

func isCommand(comment string) bool { _, ok := approval.ParseCommand(comment); return ok }

// Find is the host of that name, or of that platform where the name is empty; with neither, the only one.
func (hosts Hosts) Find(name string, platform forge.Platform) (*Host, error) {
	var fit Hosts
	var names []string
	for _, h := range hosts {
		names = append(names, h.name)
		if name == h.name || name == "" && (platform == "" || platform == h.platform) {
			fit = append(fit, h)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) > 1:
		return nil, fmt.Errorf("the settings name several code hosts (%s): give the whole address, https://…", strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("%w: the settings name no code host %s, only %s", forge.ErrNotFound, cmp.Or(name, string(platform)), strings.Join(names, ", "))
}

func (hosts Hosts) of(r forge.Repo) (*Host, error) { return hosts.Find(r.Host, "") }

// Conversation asks the host of the repository, as do all the others.
func (hosts Hosts) Conversation(ctx context.Context, ref forge.Ref, want forge.Want) (*forge.Conversation, error) {
	h, err := hosts.of(ref.Repo)
	if err != nil {
		return nil, err
	}
	return h.Conversation(ctx, ref, want)
}

// Changes implements forge.Reader.
func (hosts Hosts) Changes(ctx context.Context, ref forge.Ref) (*forge.Changes, error) {
	h, err := hosts.of(ref.Repo)
	if err != nil {
		return nil, err
	}
	return h.Changes(ctx, ref)
}

// Pushes implements forge.Reader.
func (hosts Hosts) Pushes(ctx context.Context, head forge.Branch, repo forge.Repo) ([]forge.Push, error) {
	h, err := hosts.of(repo)
	if err != nil {
		return nil, err
	}
	return h.Pushes(ctx, head, repo)
}

// Blob implements forge.Reader.
func (hosts Hosts) Blob(ctx context.Context, repo forge.Repo, oid string, max int64) ([]byte, error) {
	h, err := hosts.of(repo)
	if err != nil {
		return nil, err
	}
	return h.Blob(ctx, repo, oid, max)
}

// Tree implements forge.Reader.
func (hosts Hosts) Tree(ctx context.Context, repo forge.Repo, commit string, dir forge.Entry) ([]forge.Entry, error) {
	h, err := hosts.of(repo)
	if err != nil {
		return nil, err
	}
	return h.Tree(ctx, repo, commit, dir)
}

// Lookup implements forge.Reader.
func (hosts Hosts) Lookup(ctx context.Context, repo forge.Repo, commit string, paths []string) (map[string]forge.Entry, error) {
	h, err := hosts.of(repo)
	if err != nil {
		return nil, err
	}
	return h.Lookup(ctx, repo, commit, paths)
}

// OpenPullRequests implements forge.Reader.
func (hosts Hosts) OpenPullRequests(ctx context.Context, repo forge.Repo) ([]forge.Ref, error) {
	h, err := hosts.of(repo)
	if err != nil {
		return nil, err
	}
	return h.OpenPullRequests(ctx, repo)
}

// Repositories lists those of every host. What one host says stands even if another cannot be asked.
func (hosts Hosts) Repositories(ctx context.Context) ([]forge.Repo, error) {
	var all []forge.Repo
	var errs []error
	for _, h := range hosts {
		repos, err := h.Repositories(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", h.name, err))
		}
		all = append(all, repos...)
	}
	return all, errors.Join(errs...)
}

// Publish implements forge.Publisher.
func (hosts Hosts) Publish(ctx context.Context, pr forge.PullRequest, p forge.Publication) error {
	h, err := hosts.of(pr.Repo)
	if err != nil {
		return err
	}
	return h.Publish(ctx, pr, p)
}

// Merge implements forge.Merger.
func (hosts Hosts) Merge(ctx context.Context, pr forge.PullRequest, method, title string) (string, error) {
	h, err := hosts.of(pr.Repo)
	if err != nil {
		return "", err
	}
	return h.Merge(ctx, pr, method, title)
}

// Issues implements forge.Issues.
func (hosts Hosts) Issues(ctx context.Context, repo forge.Repo) ([]forge.Issue, error) {
	h, err := hosts.of(repo)
	if err != nil {
		return nil, err
	}
	return h.Issues.Issues(ctx, repo)
}

// WriteIssue implements forge.Issues.
func (hosts Hosts) WriteIssue(ctx context.Context, repo forge.Repo, w forge.IssueWrite) (forge.Issue, error) {
	h, err := hosts.of(repo)
	if err != nil {
		return forge.Issue{}, err
	}
	return h.WriteIssue(ctx, repo, w)
}

// remote speaks git with a repository: for signed tags, and for the audit log where it is pushed.
func (hosts Hosts) remote(repo forge.Repo, signer *audit.Signer) (*audit.GitRemote, error) {
	h, err := hosts.of(repo)
	if err != nil {
		return nil, err
	}
	auth := func(ctx context.Context) (string, string, error) { return h.login(ctx, repo) }
	return audit.NewGitRemote(h.git+"/"+repo.FullName()+".git", forge.AuditBranch, signer, auth, nil)
}

// store is where a repository's audit log is kept.
func (hosts Hosts) store(repo forge.Repo, signer *audit.Signer) (audit.Store, error) {
	h, err := hosts.of(repo)
	if err != nil {
		return nil, err
	}
	if h.api == nil {
		return hosts.remote(repo, signer)
	}
	return h.api(repo), nil
}

// commitMode is how the commits of the audit branch are signed.
func (h *Host) commitMode() audit.CommitMode {
	if h.api == nil {
		return audit.SignedByKey
	}
	return audit.SignedByHost
}

// blobURL is where the files of a repository are seen.
func (hosts Hosts) blobURL(repo forge.Repo) string {
	i := slices.IndexFunc(hosts, func(h *Host) bool { return h.name == repo.Host })
	if i < 0 {
		return ""
	}
	return hosts[i].git + "/" + repo.FullName() + hosts[i].blob
}

// wakes turns what a hook says of a host's repositories into wakes. The name by which the host calls
// itself does not matter: behind a proxy it may be another than ours.
func (h *Host) wakes(hook bot.Hook) ([]server.Wake, error) {
	for i := range hook.Refs {
		hook.Refs[i].Repo.Host = h.name
	}
	if hook.AllOpen != nil {
		repo := *hook.AllOpen
		repo.Host = h.name
		hook.AllOpen = &repo
	}
	return hook.Wakes()
}

// findRepo reads a repository by its name, and the tip of its default branch.
func (hosts Hosts) findRepo(ctx context.Context, repo forge.Repo) (forge.Repo, string, error) {
	h, err := hosts.of(repo)
	if err != nil {
		return repo, "", err
	}
	return h.find(ctx, repo)
}
