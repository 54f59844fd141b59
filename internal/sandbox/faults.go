package sandbox

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Faults is what goes wrong on purpose. The zero value is a host in good health.
type Faults struct {
	mu        sync.Mutex
	list      []*Fault
	drop      int
	computing int
}

// Fault strikes the next Times API requests that match.
type Fault struct {
	Match  func(method, path string) bool // nil: every request; path is without the API's root, "/graphql" for GraphQL
	Times  int
	Delay  time.Duration // wait first
	Status int           // answer this instead; 0: only the delay
	Header http.Header
	Body   string
	After  bool // do the work, then lose the answer
}

// Add adds a fault; the oldest that matches strikes first.
func (f *Faults) Add(x Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, &x)
}

// Clear ends all faults.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list, f.drop, f.computing = nil, 0, 0
}

// ServerError answers with a 5xx status.
func ServerError(times, status int) Fault {
	return Fault{Times: times, Status: status, Body: `{"message":"Server Error"}`}
}

// PrimaryLimit answers as GitHub does when the hourly allowance is used up; status is 403 or 429.
func PrimaryLimit(times, status int, reset time.Time) Fault {
	return Fault{Times: times, Status: status, Header: http.Header{
		"X-Ratelimit-Limit": {"5000"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Used": {"5000"},
		"X-Ratelimit-Reset": {strconv.FormatInt(reset.Unix(), 10)}, "X-Ratelimit-Resource": {"core"},
	}, Body: `{"message":"API rate limit exceeded for installation.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"}`}
}

// SecondaryLimit answers as GitHub does to too much at once; status is 403 or 429.
func SecondaryLimit(times, status int, retryAfter time.Duration) Fault {
	return Fault{Times: times, Status: status, Header: http.Header{"Retry-After": {strconv.Itoa(int(retryAfter.Seconds()))}},
		Body: `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`}
}

// DropWebhooks loses the next n webhooks: they are logged as not answered.
func (f *Faults) DropWebhooks(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop = n
}

// Computing lets the host answer "still computing" to the first n reads of the mergeability after
// each push, and refuse a merge meanwhile.
func (f *Faults) Computing(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.computing = n
}

func (f *Faults) uncertain() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.computing
}

func (f *Faults) dropHook(*Delivery) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drop == 0 {
		return false
	}
	f.drop--
	return true
}

// strike takes the fault that hits this request, if any.
func (f *Faults) strike(method, path string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.list {
		if x.Times > 0 && (x.Match == nil || x.Match(method, path)) {
			x.Times--
			return x
		}
	}
	return nil
}

// answer writes the fault's own answer.
func (x *Fault) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for k, v := range x.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(x.Status)
	_, _ = w.Write([]byte(x.Body)) // the client may be gone
}
