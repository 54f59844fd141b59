package queue

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
)

// The subjects of the work stream. A key is one token of a subject, written by encode.
const (
	workPrefix  = "lumos.work."  // lumos.work.<partition>.<key>: wakes
	timerPrefix = "lumos.timer." // lumos.timer.<key>.<name>: pending timers
	tickPrefix  = "lumos.tick."  // lumos.tick.<key>: periodic wakes
	retryPrefix = "lumos.retry." // lumos.retry.<key>: the pending retry of a key
)

// maxName bounds keys, ids and names of timers, in bytes.
const maxName = 512

func workSubject(key string) string {
	return fmt.Sprintf("%s%02d.%s", workPrefix, partition(key), encode(key))
}

func partition(key string) int {
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() % partitions)
}

// keyOf is the key of a work subject.
func keyOf(subject string) (string, error) {
	_, token, ok := strings.Cut(strings.TrimPrefix(subject, workPrefix), ".")
	if !ok || !strings.HasPrefix(subject, workPrefix) {
		return "", fmt.Errorf("subject %q is not of the form %s<partition>.<key>", subject, workPrefix)
	}
	key, err := decode(token)
	if err != nil {
		return "", fmt.Errorf("subject %q: %w", subject, err)
	}
	return key, nil
}

func checkName(what, name string) error {
	if name == "" {
		return fmt.Errorf("queue: %s is empty", what)
	}
	if len(name) > maxName {
		return fmt.Errorf("queue: %s has %d bytes, at most %d are allowed", what, len(name), maxName)
	}
	return nil
}

const hexDigits = "0123456789ABCDEF"

// encode writes any string as one token of a subject, which is also a key of a bucket: JetStream
// allows [-/_=.A-Za-z0-9] there, and "." divides tokens. Other bytes, and "=", become =XX.
func encode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('=')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '/'
}

var errEncoding = errors.New("not a key that Lumos wrote")

// decode is the inverse of encode and accepts nothing else.
func decode(token string) (string, error) {
	if token == "" {
		return "", errEncoding
	}
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		c := token[i]
		switch {
		case plain(c):
			b.WriteByte(c)
		case c == '=' && i+2 < len(token):
			hi := strings.IndexByte(hexDigits, token[i+1])
			lo := strings.IndexByte(hexDigits, token[i+2])
			if hi < 0 || lo < 0 || plain(byte(hi<<4|lo)) {
				return "", errEncoding
			}
			b.WriteByte(byte(hi<<4 | lo))
			i += 2
		default:
			return "", errEncoding
		}
	}
	return b.String(), nil
}
