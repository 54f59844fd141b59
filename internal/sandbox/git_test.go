package sandbox

import (
	"bufio"
	"path/filepath"
	"strings"
	"testing"
)

func TestPushes(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	n, old := st.pull("b")
	dir := st.clone(st.ada)
	st.mustGit(dir, "switch", "-q", "b")
	st.mustGit(dir, "commit", "-q", "--allow-empty", "-m", "more")
	out, err := st.git(dir, "push", "origin", "b", "b:main")
	if err == nil || !strings.Contains(out, "protected branch hook declined") || !strings.Contains(out, "GH006") {
		t.Fatalf("push to main: %v %s", err, out)
	}
	if d, err := st.Pull(repoName, n, "bo"); err != nil || d.HeadSHA != old {
		t.Fatalf("a refused push moved the head: %v %v", d.HeadSHA, err)
	}
	if out, err := st.git(dir, "push", "-f", "origin", "b:refs/pull/1/head"); err == nil {
		t.Fatalf("pushed a hidden ref: %s", out)
	}
	st.mustGit(dir, "push", "-q", "origin", "b")
	st.mustGit(dir, "commit", "-q", "--amend", "--allow-empty", "-m", "amended")
	if out, err := st.git(dir, "push", "origin", "b"); err == nil {
		t.Fatalf("pushed over: %s", out)
	}
	st.mustGit(dir, "push", "-q", "-f", "origin", "b")
	d, err := st.Pull(repoName, n, "bo")
	st.ok(err)
	if d.HeadSHA != st.mustGit(dir, "rev-parse", "HEAD") || len(d.Commits) != 2 {
		t.Fatalf("after the push: %+v", d)
	}
	acts, err := activityOf(st, "refs/heads/b")
	st.ok(err)
	if len(acts) != 3 || acts[0].Type != "force_push" || acts[1].Type != "push" || acts[0].Actor.GetLogin() != "ada" {
		t.Fatalf("activity: %+v", acts)
	}
	st.mustGit(dir, "tag", "-a", "-m", "x", "lumos/b/1")
	st.mustGit(dir, "push", "-q", "origin", "lumos/b/1", ":b")
	if d, _ := st.Pull(repoName, n, "bo"); d.State != "CLOSED" {
		t.Fatalf("the head is gone, the pull request is %s", d.State)
	}
	shallow := filepath.Join(t.TempDir(), "s")
	st.mustGit(t.TempDir(), "clone", "-q", "--depth=1", "--filter=blob:none", "--no-checkout", st.mustGit(dir, "remote", "get-url", "origin"), shallow)
	if out, err := st.git(t.TempDir(), "clone", "-q", st.GitURL("acme", "models")); err == nil {
		t.Fatalf("a stranger cloned a private repository: %s", out)
	}
}

func TestMerges(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	st.ok(st.Protect(repoName, "main", Protection{}))
	base := map[string][]byte{"f": []byte("1\n2\n3\n4\n5\n6\n7\n8\n")}
	_, err := st.As("bo").Commit(repoName, "main", "base", base)
	st.ok(err)
	open := func(branch, text string) int {
		_, err := st.As("ada").Commit(repoName, branch, branch, map[string][]byte{"f": []byte(text)})
		st.ok(err)
		n, err := st.As("ada").Open(repoName, branch, "", branch, "main", false)
		st.ok(err)
		return n
	}
	top, bottom, clash := open("top", "one\n2\n3\n4\n5\n6\n7\n8\n"), open("bottom", "1\n2\n3\n4\n5\n6\n7\neight\n"), open("clash", "uno\n2\n3\n4\n5\n6\n7\n8\n")
	st.ok(st.As("bo").Merge(repoName, top, "merge", ""))
	st.ok(st.As("bo").Merge(repoName, bottom, "rebase", ""))
	got, err := st.File(repoName, "main", "f")
	st.ok(err)
	if string(got) != "one\n2\n3\n4\n5\n6\n7\neight\n" {
		t.Fatalf("merged: %q", got)
	}
	st.status(405, st.As("bo").Merge(repoName, clash, "merge", ""), "not mergeable")
	if d, _ := st.Pull(repoName, clash, "bo"); d.Mergeable != "CONFLICTING" {
		t.Fatalf("clash is %s", d.Mergeable)
	}
	draft := open("draft", "1\n")
	st.ok(st.As("ada").SetDraft(repoName, draft, true))
	st.status(405, st.As("bo").Merge(repoName, draft, "merge", ""), "draft")
	// A merge pushed by hand closes the pull request.
	n, _ := st.pull("byhand")
	dir := st.clone(st.bo)
	st.mustGit(dir, "merge", "-q", "--no-edit", "origin/byhand")
	st.mustGit(dir, "push", "-q", "origin", "main")
	if d, _ := st.Pull(repoName, n, "bo"); d.State != "MERGED" || d.MergedBy != "bo" {
		t.Fatalf("by hand: %+v", d.PullView)
	}
}

func FuzzReadCommands(f *testing.F) {
	f.Add(pkt(zeroOID+" "+strings.Repeat("1", 40)+" refs/heads/x\x00report-status") + "0000")
	f.Add(pkt("shallow "+zeroOID) + "0000")
	f.Add("0003")
	f.Add("ffff")
	f.Fuzz(func(t *testing.T, in string) {
		changes, _, err := readCommands(bufio.NewReader(strings.NewReader(in)))
		for _, c := range changes {
			if err == nil && (len(c.Old) != 40 || len(c.New) != 40 || c.Ref == "") {
				t.Fatalf("%q: %+v", in, c)
			}
		}
	})
}

func FuzzParseDiff(f *testing.F) {
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	f.Add(":100644 100644 " + one + " " + two + " R090\x00old\x00new\x001\t2\t\x00old\x00new\x00")
	f.Add(":000000 100644 " + zeroOID + " " + two + " A\x00a b\x00-\t-\ta b\x00")
	f.Add(":100644 100644 " + one + " " + two + " R090\x00old\x00")
	f.Add("1\t1\tx\x00")
	f.Fuzz(func(t *testing.T, out string) {
		files, err := parseDiff(out)
		for _, x := range files {
			if err == nil && x.Status == "" {
				t.Fatalf("%q: %+v", out, x)
			}
		}
	})
}
