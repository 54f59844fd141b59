package events

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
)

// Endpoint receives events. The URL may hold a token, so neither field is ever logged.
type Endpoint struct {
	URL    string // https, or http on the loopback interface
	Secret string // "whsec_" and base64 of 24 to 64 bytes
}

// The headers and the form of a signature: https://www.standardwebhooks.com, version 1.
const (
	headerID        = "webhook-id"
	headerTimestamp = "webhook-timestamp"
	headerSignature = "webhook-signature"
	secretPrefix    = "whsec_"
	signaturePrefix = "v1,"

	// Tolerance is how far a timestamp may be from the receiver's clock.
	Tolerance = 5 * time.Minute
)

// Validate reports what is wrong with e, without naming its secrets.
func (e Endpoint) Validate() error {
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" {
		return errors.New("webhook endpoint: the URL cannot be read, expected https://host/path")
	}
	switch {
	case u.User != nil:
		return fmt.Errorf("webhook endpoint %s: user and password do not belong into the URL", u.Host)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return fmt.Errorf("webhook endpoint %s: the URL must begin with https:// (http:// only on the loopback interface)", u.Host)
	}
	if _, err := key(e.Secret); err != nil {
		return fmt.Errorf("webhook endpoint %s: %w", u.Host, err)
	}
	return nil
}

// name names the endpoint where everybody may read.
func (e Endpoint) name() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return "an unreadable URL"
	}
	return u.Host
}

func key(secret string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(secret, secretPrefix)
	k, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(k) < 24 || len(k) > 64 {
		return nil, fmt.Errorf("the secret must be %q followed by base64 of 24 to 64 bytes: make one with \"echo %s$(openssl rand -base64 32)\"", secretPrefix, secretPrefix)
	}
	return k, nil
}

func sign(key []byte, id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	return mac.Sum(nil)
}

// Deliver posts one event, signed. Any answer but 2xx is an error; redirects are not followed.
func Deliver(ctx context.Context, client *http.Client, to Endpoint, e event.Event) error {
	body, err := e.MarshalJSON()
	if err != nil {
		return fmt.Errorf("event %s: %w", e.ID(), err)
	}
	return deliver(ctx, client, to, e.ID(), body)
}

func deliver(ctx context.Context, client *http.Client, to Endpoint, id string, body []byte) error {
	if err := to.Validate(); err != nil {
		return err
	}
	k, err := key(to.Secret)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("webhook to %s: the request cannot be made", to.name()) // the cause would show the URL
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", event.ApplicationCloudEventsJSON)
	req.Header.Set("User-Agent", "lumos")
	req.Header.Set(headerID, id)
	req.Header.Set(headerTimestamp, timestamp)
	req.Header.Set(headerSignature, signaturePrefix+base64.StdEncoding.EncodeToString(sign(k, id, timestamp, body)))
	resp, err := client.Do(req)
	if err != nil {
		var where *url.Error // holds the whole URL
		if errors.As(err, &where) {
			err = where.Err
		}
		return fmt.Errorf("webhook to %s: %w", to.name(), err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)); err != nil {
		return fmt.Errorf("webhook to %s: reading the answer: %w", to.name(), err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("webhook to %s: answered %d, expected 2xx", to.name(), resp.StatusCode)
	}
	return nil
}

// Verify checks the signature of a received webhook, in constant time, and that it is no older or
// newer than Tolerance. Who receives one should also drop ids that it has seen.
func Verify(h http.Header, body []byte, secret string, now time.Time) error {
	k, err := key(secret)
	if err != nil {
		return err
	}
	id, timestamp := h.Get(headerID), h.Get(headerTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil {
		return fmt.Errorf("webhook: %s or %s is missing or malformed", headerID, headerTimestamp)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > Tolerance || age < -Tolerance {
		return fmt.Errorf("webhook: its time is more than %s from now", Tolerance)
	}
	want := sign(k, id, timestamp, body)
	signatures := h.Get(headerSignature)
	if len(signatures) > 4096 {
		return fmt.Errorf("webhook: %s is too long", headerSignature)
	}
	for signature := range strings.SplitSeq(signatures, " ") { // several while a secret is replaced
		if encoded, ok := strings.CutPrefix(signature, signaturePrefix); ok {
			if got, err := base64.StdEncoding.DecodeString(encoded); err == nil && hmac.Equal(got, want) {
				return nil
			}
		}
	}
	return errors.New("webhook: no signature fits")
}

// NewClient makes the client for outgoing webhooks. It connects to no link-local address (where
// clouds serve credentials), no unspecified or multicast one, and to the loopback interface only if
// the URL says so itself; addresses are judged after the name was resolved, so no name can lead
// astray. It uses no proxy, follows no redirect and gives up after 10 s.
func NewClient() *http.Client {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{Timeout: 5 * time.Second, Control: func(_, resolved string, _ syscall.RawConn) error {
			return allowed(resolved, loopback(host))
		}}
		return d.DialContext(ctx, network, addr)
	}
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:           dial,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 10 * time.Second,
			MaxIdleConns:          16,
			IdleConnTimeout:       time.Minute,
			ForceAttemptHTTP2:     true,
		},
	}
}

// metadata holds the addresses of cloud metadata services that are not link-local: AWS on IPv6, Alibaba
// Cloud, Azure's wire server (their documentation, 2026).
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"),
}

// allowed judges a resolved "address:port".
func allowed(resolved string, loopbackMeant bool) error {
	ap, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return fmt.Errorf("address %q cannot be read", resolved)
	}
	ip := embedded(ap.Addr())
	bad := ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255})
	for _, m := range metadata {
		bad = bad || ip == m
	}
	bad = bad || ip.Is4() && ip.As4()[0] == 0 || ip.IsLoopback() != loopbackMeant
	if bad {
		return fmt.Errorf("webhooks are not sent to address %s", ip)
	}
	return nil
}

// embedded unwraps an IPv4 address that is written as an IPv6 one: mapped, or translated by NAT64.
func embedded(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if b := ip.As16(); ip.Is6() && netip.MustParsePrefix("64:ff9b::/96").Contains(ip) {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return ip
}

// loopback reports whether a URL's host means this machine by itself, without asking the DNS.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Source gives every event to fn, in order, until fn returns nil, and remembers under name how far
// it came: queue.Queue is one.
type Source interface {
	Consume(ctx context.Context, name string, fn func(ctx context.Context, data []byte) error) error
}

// RunOutbox delivers each event to each endpoint, at least once and in order for an endpoint, until
// ctx ends. One that fails is tried again by the source's back-off and holds up only its own later
// events. A new endpoint begins with the next event; its URL is what tells it from others.
func RunOutbox(ctx context.Context, log zerolog.Logger, from Source, client *http.Client, endpoints []Endpoint) error {
	seen := map[string]bool{}
	for _, to := range endpoints {
		if err := to.Validate(); err != nil {
			return err
		}
		if seen[to.URL] {
			return fmt.Errorf("webhook endpoint %s: configured twice", to.name())
		}
		seen[to.URL] = true
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, to := range endpoints {
		sum := sha256.Sum256([]byte(to.URL))
		g.Go(func() error {
			return from.Consume(ctx, "webhook-"+hex.EncodeToString(sum[:8]), func(ctx context.Context, data []byte) error {
				var e event.Event
				if err := e.UnmarshalJSON(data); err != nil { // somebody else's: it would never get better
					log.Error().Err(err).Str("endpoint", to.name()).Msg("events: an entry of the stream is no CloudEvent and is left out")
					return nil
				}
				return deliver(ctx, client, to, e.ID(), data)
			})
		})
	}
	return g.Wait()
}
