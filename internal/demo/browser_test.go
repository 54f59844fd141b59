package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/forge"
)

// TestBrowserReleasesByHand plays the story with a mouse: what `lumos sandbox` opens is enough to take
// a release from its pull request, through a push that voids an approval, to the merge and its tag. The page follows the bot by
// itself; nothing here reloads it.
func TestBrowserReleasesByHand(t *testing.T) {
	for _, host := range platforms {
		t.Run(string(host), func(t *testing.T) { releasesByHand(t, host) })
	}
}

func releasesByHand(t *testing.T, host forge.Platform) {
	seen := openBrowser(t)
	ctx := context.Background() // Close ends the world
	w, err := Start(ctx, Options{Host: host, Dir: t.TempDir(), Log: zerolog.Nop(), RecordWithin: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	number, err := w.Furnish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b := browser{t, seen, host}
	lab := host == forge.GitLab
	b.open(w.PullURL(number))
	b.see("Lumos's comment", `.talk.bot .md h3`)
	b.see("the steps of the release", `.talk.bot .flow-now`)
	if !lab { // where it is told in the comment
		b.see("the compliance check, green", `.check .mark.good`)
	}
	b.see("the gate, waiting", `.check .mark.wait`)
	b.see("the closed way", `.merge.blocked .reasons li`)
	b.picture(string(host) + "-1-waiting")
	b.approve(Owner)
	b.picture(string(host) + "-2-approved-once")

	b.become(Engineer)
	b.click(`a[href$="/files"], a[href$="/diffs"]`)
	b.see("the manifest's diff", `.diff .add`)
	b.click(`form[action$="/1.0.0.yaml"] button[name="byte"]`)
	b.see("the push", `.event .sha`)
	if !lab { // which does not say what an approval was of
		b.see("the approval, now of an older commit", `.talk.good .tag.wait`)
	}
	b.see("the gate, waiting again", `.check .mark.wait`)
	b.picture(string(host) + "-3-one-byte-more")

	b.approve(Owner)
	b.approve(Second)
	b.see("the merge", `.merge.merged`)
	b.see("the state", `.state.merged`)
	b.see("the last step", `.talk.bot .flow li:last-child.flow-done`)
	b.picture(string(host) + "-4-merged")
	b.open(w.Host.URL() + "/" + Repo)
	b.see("the release's tag", `a[href$="/tree/lumos/roberta-squad2/1.0.0"]`)
	b.picture(string(host) + "-5-repository")
}

// openBrowser starts a browser with nothing in it. It ends with the test.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	path := os.Getenv("LUMOS_BROWSER")
	if path == "" {
		t.Skip("LUMOS_BROWSER names no browser: set it to the path of a Chromium")
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(stop)
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1200, 1400)}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
		"disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, end := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(end)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	if err := chromedp.Do(ctx); err != nil { // starts it: it lives as long as the context of the first step
		t.Fatalf("starting %s: %v", path, err)
	}
	return ctx
}

// browser is somebody who looks and clicks.
type browser struct {
	t    *testing.T
	ctx  context.Context
	host forge.Platform
}

func (b browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		page, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("main").innerText`))
		b.t.Fatalf("%s: %v; the page says:\n%s", what, err, page)
	}
}

func (b browser) open(url string) { b.t.Helper(); b.do("opening "+url, chromedp.Navigate(url)) }

func (b browser) see(what, selector string) {
	b.t.Helper()
	b.do("looking for "+what, chromedp.WaitVisible(chromedp.CSS(selector)))
}

func (b browser) fill(selector, text string) {
	b.t.Helper()
	b.do("writing", chromedp.SendKeys(chromedp.CSS(selector), text))
}

// click clicks and waits for the page that follows.
func (b browser) click(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
	if err != nil {
		b.t.Fatalf("clicking %s: %v", selector, err)
	}
	if answer.Status != 200 {
		b.t.Fatalf("clicking %s: the page answers %v", selector, answer.Status)
	}
}

// become chooses who acts.
func (b browser) become(login string) {
	b.t.Helper()
	b.click(`.people button[value="` + login + `"]`)
	b.see(login+" chosen", `.people .me[value="`+login+`"]`)
}

// approve approves what the page shows, as somebody, with words and a click. On GitLab an approval has no
// words, and whoever has approved before takes that back first.
func (b browser) approve(login string) {
	b.t.Helper()
	b.become(login)
	if b.host == forge.GitLab {
		again, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`!!document.querySelector('button[formaction$="/unapprove"]')`))
		if err != nil {
			b.t.Fatal(err)
		}
		if again {
			b.click(`button[formaction$="/unapprove"]`)
			b.see("the approval taken back", `button[value="APPROVE"]`)
		}
		b.click(`button[value="APPROVE"]`)
		b.see("the approval of "+login, `button[formaction$="/unapprove"], .merge.merged`)
		return
	}
	b.fill(`#say`, "Read by "+login+", and agreed.")
	b.click(`button[value="APPROVE"]`)
	b.do("looking for the words of "+login, chromedp.Poll[chromedp.Void](fmt.Sprintf(
		`[...document.querySelectorAll(".talk.good")].some(x => !x.querySelector(".tag.wait") && x.innerText.includes(%q))`, "Read by "+login)))
}

// picture keeps what is seen, as a desktop and as a phone show it, in the folder LUMOS_PICTURES.
func (b browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("LUMOS_PICTURES")
	if dir == "" {
		return
	}
	for device, width := range map[string]int64{"desktop": 1200, "phone": 420} {
		b.do("resizing", chromedp.EmulateViewport(width, 1000))
		height, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
		if err != nil {
			b.t.Fatal(err)
		}
		b.do("resizing", chromedp.EmulateViewport(width, height))
		png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-"+device+".png"), png, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	b.do("resizing", chromedp.EmulateViewport(1200, 1000))
}
