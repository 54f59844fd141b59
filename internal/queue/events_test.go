package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func emit(t *testing.T, q *Queue, id string) {
	t.Helper()
	if err := q.Emit(t.Context(), id, []byte(id)); err != nil {
		t.Fatal(err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	read := func(from From) (got []string) {
		t.Helper()
		err := q.Follow(t.Context(), from, false, func(e Event) error {
			got = append(got, string(e.Data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read(From{}); got != nil {
		t.Errorf("an empty log has %q", got)
	}
	for _, id := range []string{"a", "b", "b", "c"} {
		emit(t, q, id)
	}
	var middle time.Time
	if err := q.Follow(t.Context(), From{Seq: 2}, false, func(e Event) error {
		if e.Seq == 2 {
			middle = e.Time
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		from From
		want []string
	}{
		{"all", From{}, []string{"a", "b", "c"}},
		{"from a position", From{Seq: 3}, []string{"c"}},
		{"from after the end", From{Seq: 4}, nil},
		{"from a time", From{Time: middle}, []string{"b", "c"}},
		{"from the future", From{Time: time.Now().Add(time.Hour)}, nil},
	} {
		if got := read(c.from); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		done <- q.Follow(ctx, From{Seq: 3}, true, func(e Event) error { got <- string(e.Data); return nil })
	}()
	if next(t, got) != "c" {
		t.Error("following did not begin with c")
	}
	emit(t, q, "d")
	if next(t, got) != "d" {
		t.Error("following missed d")
	}
	cancel()
	if err := next(t, done); err != nil {
		t.Errorf("following ended with %v", err)
	}
	stop := errors.New("enough")
	if err := q.Follow(t.Context(), From{}, true, func(Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the function's error came back as %v", err)
	}
}

func TestConsumeKeepsOrderPositionAndRetries(t *testing.T) {
	t.Parallel()
	o := quick(t)
	q := open(t, o)
	emit(t, q, "before") // a new consumer begins with what comes next
	const name = "hook/https://hooks.example.org/?a=1"

	var got []string
	all := make(chan struct{}, 100)
	consume := func(q *Queue) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		failed := false
		go func() {
			done <- q.Consume(ctx, name, func(_ context.Context, data []byte) error {
				if string(data) == "1" && !failed {
					failed = true
					return errors.New("not now")
				}
				got = append(got, string(data))
				all <- struct{}{}
				return nil
			})
		}()
		eventually(t, "the consumer", func() bool {
			_, err := q.events.Consumer(t.Context(), "events-"+durable(name))
			return err == nil
		})
		return func() {
			cancel()
			if err := next(t, done); err != nil {
				t.Errorf("Consume: %v", err)
			}
		}
	}
	stop := consume(q)
	for i := range 3 {
		emit(t, q, fmt.Sprint(i))
	}
	for range 3 {
		next(t, all)
	}
	stop()
	emit(t, q, "taken") // by a process that was killed before the server noted it
	emit(t, q, "3")
	taken, err := q.events.GetMsg(t.Context(), 5)
	if err != nil || string(taken.Data) != "taken" {
		t.Fatalf("%v, %v", taken, err)
	}
	_, revision, err := q.readFence(t.Context(), consumerFence(name))
	if err != nil {
		t.Fatal(err)
	}
	f := fence{Covered: taken.Sequence, CoveredTime: taken.Time}
	if _, err := q.writeFence(t.Context(), consumerFence(name), f, revision); err != nil {
		t.Fatal(err)
	}
	q.Close()

	q = open(t, o)
	stop = consume(q)
	next(t, all)
	stop()
	if want := []string{"0", "1", "2", "3"}; !slices.Equal(got, want) {
		t.Errorf("consumed %q, want %q", got, want)
	}
}
