package source

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
)

// https starts a server with TLS, and gives its address and its certificate.
func https(t *testing.T, h http.HandlerFunc) (url string, ca []byte) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { t.Error("the other host was asked") }))
	t.Cleanup(other.Close)
	stop := make(chan struct{})
	answers := map[string]string{
		"/text":      `["b", "a", "b"]`,
		"/fields":    `{"data": {"sets/all": [{"id": "b", "revision": "2", "owner": {"name": "x"}}, {"id": "a", "revision": null}]}}`,
		"/name":      `{"data": [{"name": "b", "id": 7}, {"name": "a", "id": 8}]}`,
		"/limits":    `[{"metric": "f1", "min": 0.90, "tier": "high"}, {"metric": "e2e", "max": "1e3", "group": "performance", "task": null}]`,
		"/mixed":     `["a", {"id": "b"}]`,
		"/numbers":   `[1, 2]`,
		"/noid":      `[{"name": "a"}]`,
		"/listid":    `[{"id": "a", "revision": [1]}]`,
		"/mapping":   `{"id": "a"}`,
		"/behind":    `["a"] ["b"]`,
		"/broken":    `["a", `,
		"/notutf":    "[\"\xff\"]",
		"/badlimits": `[{"metric": "f1", "mni": 0.9}]`,
		"/huge":      `["` + strings.Repeat("x", 70_000) + `"]`,
		"/many":      "[" + strings.Repeat(`"x",`, 1000) + `"x"]`,
		"/deep":      strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000),
	}
	url, ca := https(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		switch p := r.URL.Path; p {
		case "/type":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `["a"]`)
		case "/problem":
			w.Header().Set("Content-Type", "application/vnd.acme+json")
			fmt.Fprint(w, `["a"]`)
		case "/500":
			w.WriteHeader(500)
			fmt.Fprint(w, `["a"]`)
		case "/slow":
			w.WriteHeader(200)
			fmt.Fprint(w, `["a",`)
			w.(http.Flusher).Flush()
			<-stop
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := fmt.Fprint(w, strings.Repeat(" ", 1000)); err != nil {
					return
				}
			}
		case "/cut":
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `["a",`)
		case "/same":
			http.Redirect(w, r, "/text", http.StatusFound)
		case "/other":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/plain":
			http.Redirect(w, r, "http://"+r.Host+"/text", http.StatusFound)
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/headers":
			fmt.Fprintf(w, "[%q, %q, %q]", r.Header.Get("Authorization"), r.Header.Get("X-Api-Key"), r.Method+r.Header.Get("Accept-Encoding"))
		default:
			fmt.Fprint(w, answers[p])
		}
	})
	t.Cleanup(func() { close(stop) })
	nine, thousand := 0.9, 1000.0
	for _, tc := range []struct {
		path  string
		more  config.Source
		want  []string
		limit []config.Limit
		err   string
	}{
		{path: "/text", want: []string{"a", "b"}},
		{path: "/fields", more: config.Source{Pointer: "/data/sets~1all"}, want: []string{"a", "b@2"}},
		{path: "/name", more: config.Source{Pointer: "/data", Field: "name"}, want: []string{"a", "b"}},
		{path: "/limits", limit: []config.Limit{
			{Group: "evaluations", Metric: "f1", Tier: "high", Limits: config.Limits{Min: &nine}}, {Group: "performance", Metric: "e2e", Limits: config.Limits{Max: &thousand}}}},
		{path: "/problem", want: []string{"a"}},
		{path: "/same", want: []string{"a", "b"}},
		{path: "/headers", more: config.Source{Token: config.NewSecret("tok"), Headers: config.NewSecret("# a remark\n\nx-api-key:  key: 1 \n")}, want: []string{"Bearer tok", "GET", "key: 1"}},
		{path: "/name", more: config.Source{Pointer: "/date"}, err: `there is no "/date" in its JSON`},
		{path: "/name", more: config.Source{Pointer: "/data/01"}, err: `there is no "/data/01" in its JSON`},
		{path: "/name", more: config.Source{Pointer: "/data/7"}, err: `there is no "/data/7" in its JSON`},
		{path: "/name", more: config.Source{Pointer: "/data/0/name/x"}, err: `there is no "/data/0/name/x" in its JSON`},
		{path: "/name", more: config.Source{Pointer: "/data/0"}, err: `there is no list at "/data/0" in its JSON`},
		{path: "/mapping", err: `there is no list at "" in its JSON`},
		{path: "/mixed", err: "its list mixes text and mappings"},
		{path: "/numbers", err: "its list holds something that is neither text nor a mapping"},
		{path: "/noid", err: `an item of its list has no text in the field "id"`},
		{path: "/listid", err: `the field "revision" of its items is neither text nor a number`},
		{path: "/badlimits", err: "it gives limits with the columns metric, mni: want metric, min, max, and perhaps group, task and tier"},
		{path: "/behind", err: "its answer holds something behind the JSON"},
		{path: "/broken", err: "its answer is not JSON"},
		{path: "/none", err: "its answer is not JSON"},
		{path: "/notutf", err: "its JSON is not UTF-8"},
		{path: "/deep", err: "its answer is not JSON"},
		{path: "/type", err: "its answer is not of the type application/json"},
		{path: "/500", err: "it answers 500, want 200"},
		{path: "/other", err: "it leads to another host, which is not followed"},
		{path: "/plain", err: "it leads to another host, which is not followed"},
		{path: "/circle", err: "it leads in circles"},
		{path: "/huge", err: "it gives more than 65536 bytes, which is its max_bytes"},
		{path: "/endless", err: "it gives more than 65536 bytes, which is its max_bytes"},
		{path: "/many", err: "it gives more than 1000 rows, which is its max_rows"},
		{path: "/cut", err: "the connection was cut"},
		{path: "/slow", more: config.Source{Timeout: config.Duration(200 * time.Millisecond)}, err: "there was no answer within 200ms"},
	} {
		t.Run(strings.TrimPrefix(tc.path, "/")+tc.more.Pointer, func(t *testing.T) {
			t.Parallel()
			s := tc.more
			s.Type, s.URL, s.CA = config.HTTPS, url+tc.path+"?key=hunter2", ca
			got := set(t, s, Options{}).Read(t.Context(), "a")
			if tc.err != "" {
				if got.Err != tc.err || got.Values != nil {
					t.Errorf("%+v, want the error %s", got, tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got.Values) + cmp.Diff(tc.limit, got.Limits); diff != "" || got.Err != "" {
				t.Error(diff, got.Err)
			}
		})
	}
}

func TestHTTPSTrust(t *testing.T) {
	t.Parallel()
	url, ca := https(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `["a"]`)
	})
	read := func(s config.Source) string {
		s.Type = config.HTTPS
		return set(t, s, Options{}).Read(t.Context(), "a").Err
	}
	if got := read(config.Source{URL: url}); got != "its certificate is signed by nobody who is trusted" {
		t.Errorf("without ca_file: %s", got)
	}
	if got := read(config.Source{URL: strings.Replace(url, "127.0.0.1", "localhost", 1), CA: ca}); got != "its certificate is for another name" {
		t.Errorf("by another name: %s", got)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	if got := read(config.Source{URL: "https" + strings.TrimPrefix(plain.URL, "http"), CA: ca}); got != "it does not speak TLS" {
		t.Errorf("plain http: %s", got)
	}
	if got := read(config.Source{URL: plain.URL}); got != "it answers 404, want 200" {
		t.Errorf("this machine: %s", got)
	}
	plain.Close()
	if got := read(config.Source{URL: plain.URL}); got != "the connection was refused" {
		t.Errorf("nobody there: %s", got)
	}
	for name, s := range map[string]config.Source{
		"no TLS":             {URL: "http://grc.acme.example/x"},
		"a password":         {URL: "https://u:hunter2@grc.acme.example/x"},
		"a header":           {URL: url, Headers: config.NewSecret("hunter2")},
		"a name of a header": {URL: url, Headers: config.NewSecret("X Api: hunter2")},
		"a value":            {URL: url, Headers: config.NewSecret("X-Api: hun\x00ter2")},
		"the host":           {URL: url, Headers: config.NewSecret("host: hunter2")},
		"a token":            {URL: url, Token: config.NewSecret("hunter2\nX: y")},
		"a ca_file":          {URL: url, CA: []byte("hunter2")},
	} {
		s.Name, s.Type = "a", config.HTTPS
		if _, err := New([]config.Source{s}, Options{}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`["a", "b"]`, `{"data": [{"id": "a", "revision": "1"}]}`, `[{"metric": "f1", "min": 0.5, "tier": "low"}]`, `[{"metric": "f1", "max": 1e400}]`, `[[[[`, `[{"id": null}]`} {
		f.Add([]byte(s), "", "")
		f.Add([]byte(s), "/data", "id")
	}
	f.Add([]byte(`{"a/b": {"~": [[""]]}}`), "/a~1b/~0/0", "x")
	f.Fuzz(func(t *testing.T, src []byte, pointer, field string) {
		tab, err := readJSON(src, config.Source{Pointer: pointer, Field: field, MaxRows: 100})
		if err != nil {
			return
		}
		if len(tab.rows) > 100 {
			t.Fatalf("%d rows", len(tab.rows))
		}
		fact, err := tab.fact()
		if err != nil {
			return
		}
		if len(fact.Values)+len(fact.Limits) > len(tab.rows) || fact.Digest == "" {
			t.Errorf("%+v", fact)
		}
		for i, v := range fact.Values {
			if v == "" || i > 0 && fact.Values[i-1] >= v {
				t.Errorf("values %q", fact.Values)
			}
		}
		for _, l := range fact.Limits {
			if l.Metric == "" || l.Min == nil && l.Max == nil || l.Contradicts() {
				t.Errorf("limit %+v", l)
			}
		}
	})
}
