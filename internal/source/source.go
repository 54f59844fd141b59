package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
)

// retryAfter is how long a failure is told again without asking anew: a database that is down must not
// cost every event its timeout.
const retryAfter = 10 * time.Second

// Memory keeps since when a source has its content, so that replicas and restarts tell the same time. A
// queue.Queue is one. Revision 0 is that of a key that is not there.
type Memory interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
}

// Options are what the settings do not say.
type Options struct {
	Memory Memory           // nil: the times are those of this process
	Now    func() time.Time // nil: time.Now
	Log    zerolog.Logger
}

// Set holds the sources of the server settings. It is safe for concurrent use.
type Set struct {
	Options
	sources map[string]*source
}

// source is one source with what was last read of it.
type source struct {
	config.Source
	read    func(context.Context) (*table, error)
	secrets []string    // that no text may hold
	flooded atomic.Bool // more has come than any allowed answer takes, in the reading under way

	turn chan struct{} // holds one token: who has it may read, the others wait for the outcome
	last forge.SourceFact
	at   time.Time // when last was read; zero: never
	err  string    // why the newest reading failed; empty when it did not
	tell time.Time // until when that is told without another try
}

// New makes a Set of settings that config.LoadServer has accepted. Nothing is connected to yet. Its
// errors name the source.
func New(settings []config.Source, o Options) (*Set, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	set := &Set{Options: o, sources: map[string]*source{}}
	var errs []error
	for _, s := range settings {
		one := &source{Source: s, turn: make(chan struct{}, 1)}
		one.turn <- struct{}{}
		one.hide(s.DSN.Reveal(), s.Token.Reveal())
		var err error
		switch s.Type {
		case config.Postgres:
			err = one.postgres()
		case config.MySQL:
			err = one.mysql()
		case config.SQLite:
			err = one.sqlite()
		case config.HTTPS:
			err = one.https()
		default:
			err = fmt.Errorf("there is no type %q", s.Type)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("source %s: %s", s.Name, one.redact(err.Error())))
			continue
		}
		set.sources[s.Name] = one
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return set, nil
}

// Read returns what the source of this name says, read now or as long ago as its cache allows. What
// cannot be read, or is not known, is a fact with Err. It waits for a reading that is under way instead
// of starting another. When ctx ends early the fact says nothing lasting.
func (s *Set) Read(ctx context.Context, name string) forge.SourceFact {
	one := s.sources[name]
	if one == nil {
		return forge.SourceFact{Err: "the server settings have no source of this name"}
	}
	select {
	case <-ctx.Done():
		return forge.SourceFact{Err: "the reading was stopped"}
	case <-one.turn:
	}
	defer func() { one.turn <- struct{}{} }()

	now := s.Now()
	switch {
	case one.err == "" && !one.at.IsZero() && now.Sub(one.at) < time.Duration(one.Cache):
		return one.last
	case one.err != "" && now.Before(one.tell):
		return one.failing(now)
	}
	fact, err := s.fresh(ctx, one)
	switch {
	case ctx.Err() != nil:
		return forge.SourceFact{Err: "the reading was stopped"}
	case err != nil:
		one.err, one.tell = one.redact(why(err, time.Duration(one.Timeout))), s.Now().Add(retryAfter)
		s.Log.Warn().Str("source", name).Str("error", one.redact(err.Error())).Msg("a compliance source cannot be read")
		return one.failing(now)
	}
	one.last, one.at, one.err = fact, s.Now(), ""
	return fact
}

// ReadFor is Read for the rules of a repository ("owner/name"), which the source must serve.
func (s *Set) ReadFor(ctx context.Context, repo, name string) forge.SourceFact {
	if one := s.sources[name]; one != nil && !one.Serves(repo) {
		return forge.SourceFact{Err: "the server settings do not let this repository use it"}
	}
	return s.Read(ctx, name)
}

// failing is what is said while the newest reading failed: why, or what was read before, where the
// settings allow that and for as long as they do.
func (s *source) failing(now time.Time) forge.SourceFact {
	if !s.at.IsZero() && now.Sub(s.at) < time.Duration(s.Cache)+time.Duration(s.MaxStale) && s.MaxStale > 0 {
		return s.last
	}
	return forge.SourceFact{Err: s.err}
}

// fresh reads the source.
func (s *Set) fresh(ctx context.Context, one *source) (forge.SourceFact, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(one.Timeout))
	defer cancel()
	t, err := one.read(ctx)
	if err != nil {
		return forge.SourceFact{}, err
	}
	fact, err := t.fact()
	if err != nil {
		return forge.SourceFact{}, err
	}
	if one.last.Digest == fact.Digest {
		fact.Since = one.last.Since
		return fact, nil
	}
	fact.Since, err = s.since(ctx, one.Name, fact.Digest)
	return fact, err
}

// remembered is what Memory holds of a source.
type remembered struct {
	Digest string    `json:"digest"`
	Since  time.Time `json:"since"`
}

// since is when the content with this digest was first read, here or by another replica.
func (s *Set) since(ctx context.Context, name, digest string) (time.Time, error) {
	now := s.Now().UTC().Truncate(time.Second)
	if s.Memory == nil {
		return now, nil
	}
	key := "source/" + name
	var err error
	for range 2 { // another replica may be first to note it
		var raw []byte
		var revision uint64
		if raw, revision, err = s.Memory.Get(ctx, key); err != nil {
			break
		}
		var had remembered
		if raw != nil && json.Unmarshal(raw, &had) == nil && had.Digest == digest {
			return had.Since, nil
		}
		if raw, err = json.Marshal(remembered{digest, now}); err != nil {
			break
		}
		if _, err = s.Memory.Update(ctx, key, raw, revision); err == nil {
			return now, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %w", problem("since when it says so could not be noted"), err)
}

// Local makes a fact of a JSON document that somebody has at hand, for a check without the bot: a list of
// text, of mappings with id and perhaps revision, or of limits. It has no Since.
func Local(src []byte) forge.SourceFact {
	t, err := readJSON(src, config.Source{MaxRows: 100_000})
	if err != nil {
		return forge.SourceFact{Err: why(err, 0)}
	}
	fact, err := t.fact()
	if err != nil {
		return forge.SourceFact{Err: why(err, 0)}
	}
	return fact
}
