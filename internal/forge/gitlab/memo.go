package gitlab

import (
	"sync"
	"time"
)

// memoSize bounds each memo: what is oldest is forgotten first.
const memoSize = 500

// memo remembers a bounded number of answers, each for as long as it is worth. Nothing rests on it
// but the number of requests.
type memo[V any] struct {
	mu    sync.Mutex
	items map[string]memoItem[V]
	order []string
}

type memoItem[V any] struct {
	value V
	until time.Time // zero is for ever
}

func (m *memo[V]) get(key string) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	item, ok := m.items[key]
	if ok && !item.until.IsZero() && time.Now().After(item.until) {
		ok = false
	}
	if !ok {
		var none V
		return none, false
	}
	return item.value, true
}

// take is get for what is worth knowing once.
func (m *memo[V]) take(key string) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	item, ok := m.items[key]
	if ok = ok && (item.until.IsZero() || time.Now().Before(item.until)); ok {
		m.items[key] = memoItem[V]{until: time.Now()}
	}
	return item.value, ok
}

// put remembers value for so long; 0 is for ever.
func (m *memo[V]) put(key string, value V, keep time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.items == nil {
		m.items = map[string]memoItem[V]{}
	}
	if _, ok := m.items[key]; !ok {
		if len(m.order) >= memoSize {
			delete(m.items, m.order[0])
			m.order = m.order[1:]
		}
		m.order = append(m.order, key)
	}
	item := memoItem[V]{value: value}
	if keep > 0 {
		item.until = time.Now().Add(keep)
	}
	m.items[key] = item
}
