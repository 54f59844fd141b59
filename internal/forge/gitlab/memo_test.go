package gitlab

import (
	"strconv"
	"testing"
	"time"
)

func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	var m memo[int]
	for i := range memoSize + 1 {
		m.put(strconv.Itoa(i), i, 0)
	}
	if _, ok := m.get("0"); ok || len(m.items) != memoSize || len(m.order) != memoSize {
		t.Errorf("%d items, %d in order, the oldest is there: %v", len(m.items), len(m.order), ok)
	}
	m.put("1", 7, time.Nanosecond)
	if _, ok := m.get("1"); ok {
		t.Error("what has expired is still known")
	}
	if v, ok := m.get("2"); !ok || v != 2 {
		t.Errorf("2 is %d, %v", v, ok)
	}
}
