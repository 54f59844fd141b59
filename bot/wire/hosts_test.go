package wire

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/gitlab"
)

// several are two hosts that answer nothing but their repositories.
func several() Hosts {
	return Hosts{
		{Reader: lists{repos: []forge.Repo{{Host: "github.com", Owner: "acme", Name: "models"}}}, name: "github.com", platform: forge.GitHub, git: "https://github.com", blob: "/blob"},
		{Reader: lists{repos: []forge.Repo{{Host: "gitlab.com", Owner: "acme/nlp", Name: "models"}}}, name: "gitlab.com", platform: forge.GitLab, git: "https://gitlab.com", blob: "/-/blob"},
	}
}

type lists struct {
	forge.Reader
	repos []forge.Repo
	err   error
}

func (l lists) Repositories(context.Context) ([]forge.Repo, error) { return l.repos, l.err }

func TestFind(t *testing.T) {
	t.Parallel()
	both := several()
	for _, tc := range []struct {
		name     string
		hosts    Hosts
		host     string
		platform forge.Platform
		want     string // the host's name, or a part of the error
	}{
		{"by name", both, "gitlab.com", "", "gitlab.com"},
		{"by platform", both, "", forge.GitLab, "gitlab.com"},
		{"the only one", both[:1], "", "", "github.com"},
		{"one of several, not said which", both, "", "", "give the whole address"},
		{"an unknown name", both, "example.com", "", "no code host example.com"},
		{"a platform that is not served", both[:1], "", forge.GitLab, "no code host gitlab"},
	} {
		h, err := tc.hosts.Find(tc.host, tc.platform)
		switch {
		case err != nil && !strings.Contains(err.Error(), tc.want), err == nil && h.name != tc.want:
			t.Errorf("%s: found %+v, error %v, want %s", tc.name, h, err, tc.want)
		}
	}
	if _, err := both.Find("example.com", ""); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("an unknown host is %v, want ErrNotFound: such an event is dropped", err)
	}
}

func TestRepositoriesOfOneHostDoNotHangOnAnother(t *testing.T) {
	t.Parallel()
	hosts := several()
	hosts[0].Reader = lists{err: errors.New("down")}
	repos, err := hosts.Repositories(t.Context())
	if len(repos) != 1 || repos[0].Key() != "gitlab.com/acme/nlp/models" || err == nil || !strings.Contains(err.Error(), "github.com: down") {
		t.Errorf("%v, error %v", repos, err)
	}
}

func TestBlobURL(t *testing.T) {
	t.Parallel()
	hosts := several()
	for host, want := range map[string]string{
		"github.com": "https://github.com/acme/models/blob", "gitlab.com": "https://gitlab.com/acme/models/-/blob", "example.com": "",
	} {
		if got := hosts.blobURL(forge.Repo{Host: host, Owner: "acme", Name: "models"}); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

// TestGitLabWebhooksAreNotTakenForLess: where a signing token is set, the secret token alone opens nothing.
func TestGitLabWebhooksAreNotTakenForLess(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery"
	key := []byte("0123456789abcdef")
	signing := "whsec_" + base64.StdEncoding.EncodeToString(key)
	body := []byte(`{"object_kind":"merge_request"}`)
	mac := func(key []byte, text string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	now := fmt.Sprint(time.Now().Unix())
	token := http.Header{"X-Gitlab-Token": {secret}}
	signed := http.Header{"Webhook-Id": {"d1"}, "Webhook-Timestamp": {now},
		"Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(mac(key, "d1."+now+"."+string(body)))}}
	check := http.Header{"X-Gitlab-Signature": {hex.EncodeToString(mac([]byte(secret), string(body)))}}
	for _, tc := range []struct {
		name            string
		secret, signing string
		header          http.Header
		ok              bool
	}{
		{"the token, where nothing is signed", secret, "", token, true},
		{"the token, where everything is signed", secret, signing, token, false},
		{"a signature", secret, signing, signed, true},
		{"a signature alone", "", signing, signed, true},
		{"a status check, by its own secret", secret, signing, check, true},
		{"a status check, without a secret", "", signing, check, false},
		{"nothing", secret, "", http.Header{}, false},
		{"nothing, where everything is signed", secret, signing, http.Header{}, false},
	} {
		verify := gitLabVerifier(config.GitLab{WebhookSecret: config.NewSecret(tc.secret), SigningToken: config.NewSecret(tc.signing)})
		if err := verify(tc.header, body); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestGitLabHooksAreTold(t *testing.T) {
	t.Parallel()
	header := http.Header{"X-Gitlab-Event": {"Merge Request Hook"}, "X-Gitlab-Event-Uuid": {"e1"}}
	wake := gitlab.Wake{Repo: forge.Repo{Host: "proxy.example", Owner: "acme/nlp", Name: "models"}, Numbers: []int{7}, HeadSHA: "abc"}
	one, two := gitLabHook(header, []byte("one"), wake), gitLabHook(header, []byte("two"), wake)
	if one.Event != "merge_request" || one.Delivery == two.Delivery {
		t.Errorf("%+v and %+v: events of one request must stay two", one, two)
	}
	if again := gitLabHook(header, []byte("one"), wake); again.Delivery != one.Delivery {
		t.Errorf("%q and %q: what is sent again must be the same", again.Delivery, one.Delivery)
	}
	h := &Host{name: "gitlab.com"}
	wakes, err := h.wakes(one)
	if err != nil || len(wakes) != 1 || wakes[0].Key != "gitlab.com/acme/nlp/models#7" {
		t.Errorf("%+v, %v: the host has our name for it", wakes, err)
	}
}
