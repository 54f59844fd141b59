package gitlab

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrSignature says that a delivery is not from GitLab, or not for us.
var ErrSignature = errors.New("the webhook's token or signature does not fit")

// skew is how far the time of a signed delivery may lie from ours: an old one sent again is refused.
const skew = 5 * time.Minute

// Verify proves that a delivery is from somebody who knows the secret, in constant time. The strongest
// form that a delivery claims is the one that counts, and no secret is no proof:
//
//   - webhook-signature, of a hook with a signing token: any of its "v1,…" over id, time and body, as
//     Standard Webhooks has it (docs.gitlab.com, "Webhooks", 2026);
//   - X-Gitlab-Signature, of an external status check with a shared secret: HMAC-SHA256 of the body, in hex;
//   - X-Gitlab-Token, of a hook with a secret token: the secret itself.
func Verify(secret []byte, header http.Header, body []byte, now time.Time) error {
	switch {
	case len(secret) == 0:
		return fmt.Errorf("%w: no webhook secret is set", ErrSignature)
	case header.Get("webhook-signature") != "":
		return verifySigned(secret, header, body, now)
	case header.Get("X-Gitlab-Signature") != "":
		sum, err := hex.DecodeString(header.Get("X-Gitlab-Signature"))
		if err != nil || !hmac.Equal(sum, mac(secret, body)) {
			return ErrSignature
		}
		return nil
	}
	// Both are hashed, so that not even the length of the secret can be measured.
	given, want := sha256.Sum256([]byte(header.Get("X-Gitlab-Token"))), sha256.Sum256(secret)
	if !hmac.Equal(given[:], want[:]) {
		return fmt.Errorf("%w: expected X-Gitlab-Token, or a signature", ErrSignature)
	}
	return nil
}

func verifySigned(secret []byte, header http.Header, body []byte, now time.Time) error {
	seconds, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	id := header.Get("webhook-id")
	if err != nil || id == "" {
		return fmt.Errorf("%w: expected webhook-id and webhook-timestamp beside webhook-signature", ErrSignature)
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > skew || off < -skew {
		return fmt.Errorf("%w: it was signed at another time than now", ErrSignature)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(secret), "whsec_"))
	if err != nil {
		return fmt.Errorf("%w: the webhook secret is no signing token: expected whsec_ and Base64", ErrSignature)
	}
	want := mac(key, []byte(id+"."+header.Get("webhook-timestamp")+"."), body)
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		text, ok := strings.CutPrefix(signature, "v1,")
		sum, err := base64.StdEncoding.DecodeString(text)
		if ok && err == nil && hmac.Equal(sum, want) {
			return nil
		}
	}
	return ErrSignature
}

func mac(key []byte, parts ...[]byte) []byte {
	m := hmac.New(sha256.New, key)
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)
}

// DeliveryID is what tells a delivery from others: one that is sent again has the same. It is empty
// where GitLab names none (external status checks): then nothing is known to be the same.
func DeliveryID(header http.Header) string {
	for _, name := range []string{"Idempotency-Key", "webhook-id"} {
		if id := header.Get(name); id != "" {
			return id
		}
	}
	if id := header.Get("X-Gitlab-Event-UUID"); id != "" {
		return id + "/" + header.Get("X-Gitlab-Webhook-UUID") // one event has one id for all hooks that hear of it
	}
	return ""
}
