package demo

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/forge"
)

// TestPeople lets people do, on each host and with no bot there, whatever they can do.
func TestPeople(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, host forge.Platform) {
		s := newStage(t, Options{Host: host, NoBot: true})
		ctx := t.Context()
		jonas, ben, dora := s.As(Engineer), s.As(Owner), s.As(Admin)
		codeowners := codeownersPath
		if host == forge.GitLab {
			codeowners = gitlabCodeowners
		}
		head, err := jonas.Push(ctx, "rules", "Rules", map[string][]byte{codeownersPath: []byte("/.github/ @ben\n")})
		s.must(err)
		out, err := jonas.Git(ctx, "show", head+":"+codeowners)
		s.must(err)
		if want := "/" + filepath.Dir(codeowners) + "/ @ben"; out != want {
			t.Errorf("%s says %q, expected %q", codeowners, out, want)
		}
		pr, err := jonas.Open(ctx, "rules", "Rules", "Words.", true)
		s.must(err)
		s.must(jonas.Ready(ctx, pr))
		s.must(jonas.Label(ctx, pr, "wip"))
		s.must(ben.Review(ctx, pr, Remark, "A thought."))
		s.must(ben.Review(ctx, pr, RequestChanges, "No."))
		s.must(ben.Review(ctx, pr, Approve, "Yes."))
		withdrawer := dora
		s.must(withdrawer.Withdraw(ctx, pr, Owner))
		if err := dora.Withdraw(ctx, pr, Second); err == nil {
			t.Error("what nobody said was withdrawn")
		}
		s.must(ben.Comment(ctx, pr, "Hm."))
		s.must(ben.Rewrite(ctx, pr, "Well."))
		// Nothing has told the gate's name, so nobody merges.
		for _, who := range []Person{jonas, dora} {
			if err := who.Merge(ctx, pr); !errors.Is(err, ErrNotMerged) {
				t.Errorf("%s: expected to be refused, got %v", who.Login, err)
			}
		}
		s.must(jonas.Status(ctx, pr, head, "ci", "success"))
		look, err := ben.Look(ctx, pr)
		s.must(err)
		if look.Head != head || look.State != "open" || look.Merged || len(look.Checks) > 0 || look.Status != "" || len(look.Replies) > 0 {
			t.Errorf("the pull request looks like %+v", look)
		}
		_, err = dora.Push(ctx, "main", "Past everything", map[string][]byte{"README.md": []byte("Mine.\n")})
		if err == nil || !strings.Contains(err.Error(), "rejected") {
			t.Errorf("expected the push to be refused, got %v", err)
		}
		_, err = dora.Push(ctx, "other", "Another", map[string][]byte{"README.md": []byte("Mine.\n")})
		s.must(err)
		s.must(jonas.Retarget(ctx, pr, "other"))
		s.must(jonas.Close(ctx, pr))
		look, err = ben.Look(ctx, pr)
		s.must(err)
		if look.State != "closed" {
			t.Errorf("a closed pull request is %s", look.State)
		}
		s.must(s.Free("main"))
		_, err = s.As(Keeper).Push(ctx, "docs", "Docs", map[string][]byte{"docs.md": []byte("Docs.\n")})
		s.must(err)
		pr, err = jonas.Open(ctx, "docs", "Docs", "", false)
		s.must(err)
		s.must(s.As(Keeper).Merge(ctx, pr))
		look, err = ben.Look(ctx, pr)
		s.must(err)
		if !look.Merged || look.State != "merged" || len(look.Merge) != 40 {
			t.Errorf("a merged pull request looks like %+v", look)
		}
		machine, err := s.Machine("helper")
		s.must(err)
		if machine == "" || machine == s.Bot.Login {
			t.Errorf("the machine is called %q", machine)
		}
		s.must(s.As("helper").Comment(ctx, pr, "Beep."))
	})
}
