package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
)

// InUseError says that another process holds the queue's directory.
type InUseError struct {
	Dir    string
	Holder string // "process 4711 on build-7 since 2026-01-02T03:04:05Z", as the holder wrote it
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("queue directory %s is in use by %s: stop it, give this process another data_dir, or share a NATS cluster through queue.url",
		e.Dir, e.Holder)
}

// embed takes the directory's lock and starts the server. The lock is ours to take: two servers on
// one directory both start without complaint and ruin it (seen on server 2.15.2).
func (q *Queue) embed() error {
	dir := q.opts.Dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("queue directory: %w", err)
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return err
	}
	q.unlock = unlock

	srv, err := server.NewServer(&server.Options{
		ServerName:         "lumos",
		DontListen:         true, // no port at all
		NoSigs:             true,
		NoLog:              true, // to files and stderr: see SetLoggerV2
		JetStream:          true,
		StoreDir:           dir,
		JetStreamMaxMemory: 16 << 20,
		JetStreamMaxStore:  q.opts.MaxStore,
		SyncAlways:         true, // the default loses up to two minutes of acknowledged writes with the power
	})
	if err != nil {
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	bridge := &serverLog{log: q.log}
	srv.SetLoggerV2(bridge, false, false, false)
	q.srv = srv
	go srv.Start()
	if !srv.ReadyForConnections(30*time.Second) || !srv.JetStreamEnabled() {
		if fatal := bridge.fatal.Load(); fatal != nil {
			return fmt.Errorf("embedded NATS server in %s: %w", dir, *fatal)
		}
		return fmt.Errorf("embedded NATS server in %s did not become ready", dir)
	}
	return nil
}

const lockName = "lock"

// lockDir takes the lock that keeps a second process out of dir. The operating system frees it
// when the process ends, however it ends.
func lockDir(dir string) (unlock func() error, err error) {
	name := filepath.Join(dir, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("queue lock: %w", err)
	}
	if err := flock(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("queue lock %s: %w", name, err)
		}
		line := make([]byte, 256)
		n, _ := f.Read(line) // an unreadable or still empty note leaves the holder unknown
		holder := strings.TrimSpace(string(line[:n]))
		if holder == "" {
			holder = "another process"
		}
		return nil, &InUseError{Dir: dir, Holder: holder}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	note := fmt.Sprintf("process %d on %s since %s\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(note), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("queue lock %s: %w", name, err), f.Close())
	}
	return f.Close, nil
}

// serverLog passes on what the embedded server has to complain about. Its notices are of no use to
// who runs Lumos.
type serverLog struct {
	log   zerolog.Logger
	fatal atomic.Pointer[error]
}

func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}
func (l *serverLog) Warnf(format string, v ...any) {
	l.log.Warn().Str("from", "nats").Msgf(format, v...)
}
func (l *serverLog) Errorf(format string, v ...any) {
	l.log.Error().Str("from", "nats").Msgf(format, v...)
}

func (l *serverLog) Fatalf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	l.fatal.CompareAndSwap(nil, &err)
	l.log.Error().Str("from", "nats").Err(err).Msg("the embedded server cannot start")
}
