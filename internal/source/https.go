package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/document"
)

// maxRedirects is how often an address may lead on, to its own host only.
const maxRedirects = 3

// https prepares the reading of a JSON document.
func (s *source) https() error {
	address, err := url.Parse(s.URL)
	if err != nil || address.Host == "" || address.User != nil || address.Scheme != "https" && (address.Scheme != "http" || !local(address.Hostname())) {
		return errors.New("the address is not one of https")
	}
	s.hide(address.RawQuery) // some put a token there
	header, err := s.header()
	if err != nil {
		return err
	}
	// Proxies of the environment are not asked: who may come between is for ca_file to say.
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10,
	}
	if s.CA != nil {
		if transport.TLSClientConfig, err = s.tls(address.Hostname()); err != nil {
			return err
		}
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case r.URL.Scheme != address.Scheme || r.URL.Host != address.Host:
			return problem("it leads to another host, which is not followed")
		case len(via) > maxRedirects:
			return problem("it leads in circles")
		}
		return nil
	}}
	s.read = func(ctx context.Context) (*table, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
		if err != nil {
			return nil, err
		}
		r.Header = header.Clone()
		resp, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		defer func() { _ = resp.Body.Close() }() // it has been read, or is not wanted
		if resp.StatusCode != http.StatusOK {
			return nil, problem(fmt.Sprintf("it answers %d, want 200", resp.StatusCode))
		}
		kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		if err != nil || kind != "application/json" && !(strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) {
			return nil, problem("its answer is not of the type application/json")
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, int64(s.MaxBytes)+1))
		if err != nil {
			return nil, err
		}
		if len(body) > s.MaxBytes {
			return nil, tooLarge(s.MaxBytes)
		}
		return readJSON(body, s.Source)
	}
	return nil
}

// header is what every request carries.
func (s *source) header() (http.Header, error) {
	h := http.Header{"Accept": {"application/json"}, "User-Agent": {"lumos"}}
	if token := s.Token.Reveal(); token != "" {
		if strings.ContainsFunc(token, unicode.IsControl) {
			return nil, errors.New("the token holds characters that a header cannot carry")
		}
		h.Set("Authorization", "Bearer "+token)
	}
	line := 0
	for l := range strings.Lines(s.Headers.Reveal()) {
		line++
		if l = strings.TrimSpace(l); l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		name, value, ok := strings.Cut(l, ":")
		value = strings.TrimSpace(value)
		s.hide(value)
		if !ok || !isToken(name) || value == "" || strings.ContainsFunc(value, unicode.IsControl) {
			return nil, fmt.Errorf("line %d of headers_file is not a header: want Name: value", line)
		}
		switch textproto.CanonicalMIMEHeaderKey(name) {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Accept-Encoding":
			return nil, fmt.Errorf("line %d of headers_file sets %s, which is not for it to set", line, textproto.CanonicalMIMEHeaderKey(name))
		}
		h.Set(name, value)
	}
	return h, nil
}

// isToken tells whether s can be the name of a header (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// readJSON makes a table of a JSON document: of the list at the pointer, whose items are text or mappings.
func readJSON(src []byte, s config.Source) (*table, error) {
	if !utf8.Valid(src) {
		return nil, problem("its JSON is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		return nil, problem("its answer is not JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, problem("its answer holds something behind the JSON")
	}
	at, err := follow(doc, s.Pointer)
	if err != nil {
		return nil, err
	}
	list, ok := at.([]any)
	if !ok {
		return nil, problem(fmt.Sprintf("there is no list at %q in its JSON", s.Pointer))
	}
	if len(list) > s.MaxRows {
		return nil, tooMany(s.MaxRows)
	}
	return readItems(list, s.Field)
}

// follow goes to the value at an RFC 6901 pointer.
func follow(doc any, pointer string) (any, error) {
	for _, token := range document.SplitPointer(pointer) {
		missing := problem(fmt.Sprintf("there is no %q in its JSON", pointer))
		switch v := doc.(type) {
		case map[string]any:
			next, ok := v[token]
			if !ok {
				return nil, missing
			}
			doc = next
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) || strconv.Itoa(i) != token {
				return nil, missing
			}
			doc = v[i]
		default:
			return nil, missing
		}
	}
	return doc, nil
}

// readItems makes a table of a list: of text; of mappings that have the field, and perhaps a revision; or
// of limits, which have a metric.
func readItems(list []any, field string) (*table, error) {
	t := &table{columns: []string{"value"}}
	var records []map[string]string
	for _, item := range list {
		switch v := item.(type) {
		case string:
			t.rows = append(t.rows, []string{v})
			continue
		case map[string]any:
			r, err := record(v, field)
			if err != nil {
				return nil, err
			}
			records = append(records, r)
			continue
		}
		return nil, problem("its list holds something that is neither text nor a mapping")
	}
	switch {
	case len(records) == 0:
		return t, nil
	case len(t.rows) > 0:
		return nil, problem("its list mixes text and mappings")
	}
	return ofRecords(records), nil
}

// record takes out of a mapping what counts: all of a limit, and else the field and the revision.
func record(v map[string]any, field string) (map[string]string, error) {
	out := map[string]string{}
	keep := func(key, as string) error {
		switch x := v[key].(type) {
		case nil:
		case string:
			out[as] = x
		case json.Number:
			out[as] = x.String()
		default:
			return problem(fmt.Sprintf("the field %q of its items is neither text nor a number", key))
		}
		return nil
	}
	if _, limit := v["metric"]; limit && field == "" {
		for key := range v {
			if err := keep(key, key); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	if field == "" {
		field = "id"
	}
	if s, ok := v[field].(string); !ok || s == "" {
		return nil, problem(fmt.Sprintf("an item of its list has no text in the field %q", field))
	}
	if err := keep(field, "id"); err != nil {
		return nil, err
	}
	return out, keep("revision", "revision")
}
