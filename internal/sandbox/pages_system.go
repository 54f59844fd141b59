package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How much of the logs a page shows.
const (
	shownDeliveries = 60
	shownRequests   = 150
)

// deliveryLine is a delivery of an App's webhook.
type deliveryLine struct {
	Delivery
	App        string
	Tone, Icon string
	Millis     string
	Moment     moment
}

func newDelivery(p *pages, app string, d Delivery) deliveryLine {
	l := deliveryLine{Delivery: d, App: app, Moment: p.moment(d.At), Millis: millis(d.Duration), Tone: "good", Icon: "check"}
	if d.StatusCode/100 != 2 {
		l.Tone, l.Icon = "bad", "cross"
	}
	return l
}

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64)
}

// deliveryLog is every App's log, newest first.
func (p *pages) deliveryLog() (all []deliveryLine, to map[string]string) {
	p.s.mu.Lock()
	senders := map[string]*sender{}
	for _, a := range p.s.apps {
		senders[a.Slug] = a.hooks
	}
	for _, h := range p.s.hooks {
		senders[h.name()] = h.sender
	}
	p.s.mu.Unlock()
	to = map[string]string{}
	for name, h := range senders {
		h.mu.Lock()
		to[name] = h.url
		h.mu.Unlock()
		for _, d := range h.deliveries() {
			all = append(all, newDelivery(p, name, *d))
		}
	}
	slices.SortFunc(all, func(x, y deliveryLine) int { return int(y.ID - x.ID) })
	return all, to
}

func (p *pages) hooks(v *visit) error {
	all, to := p.deliveryLog()
	body := struct {
		Deliveries []deliveryLine
		Total      int
		To         map[string]string
	}{all[:min(len(all), shownDeliveries)], len(all), to}
	return v.show("hooks", "Webhooks", body)
}

func (p *pages) hook(v *visit) error {
	id, _ := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	all, _ := p.deliveryLog()
	i := slices.IndexFunc(all, func(d deliveryLine) bool { return d.ID == id })
	if i < 0 {
		return errNotFound
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, all[i].Payload, "", "  "); err != nil {
		return err
	}
	body := struct {
		deliveryLine
		Sent, Got []string
		Text      string
	}{all[i], headerLines(all[i].Headers), headerLines(all[i].RespHeaders), pretty.String()}
	return v.show("hook", "Webhook "+all[i].Event, body)
}

func headerLines(h http.Header) []string {
	var out []string
	for name, values := range h {
		if strings.EqualFold(name, "X-Gitlab-Token") {
			values = []string{"[REDACTED]"} // as GitLab shows it
		}
		out = append(out, name+": "+strings.Join(values, ", "))
	}
	slices.Sort(out)
	return out
}

func (p *pages) redeliver(v *visit) error {
	id, _ := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, a := range p.s.apps {
		if p.s.redeliver(a, id) == nil {
			return v.redirect("/-/webhooks")
		}
	}
	for _, h := range p.s.hooks {
		if p.s.resend(h, id) == nil {
			return v.redirect("/-/webhooks")
		}
	}
	return errNotFound
}

func (p *pages) requests(v *visit) error {
	type requestLine struct {
		Exchange
		What, Tone string
		Millis     string
		At         string
	}
	all := p.s.Requests()
	var lines []requestLine
	for _, x := range slices.Backward(all[max(0, len(all)-shownRequests):]) {
		l := requestLine{Exchange: x, What: x.Route, Millis: millis(x.End.Sub(x.Start)), At: x.Start.UTC().Format("15:04:05.000"), Tone: "good"}
		if len(x.Operations) > 0 {
			l.What = "GraphQL " + strings.Join(x.Operations, ", ")
		}
		if l.What == "" {
			l.What = x.Method + " " + strings.TrimPrefix(x.Path, p.s.root())
		}
		if x.Status >= 400 {
			l.Tone = "bad"
		}
		lines = append(lines, l)
	}
	body := struct {
		Requests any
		Total    int
	}{lines, len(all)}
	return v.show("requests", "API requests", body)
}

// weather is what goes wrong on purpose, in words.
type weather []string

func (f *Faults) weather() weather {
	f.mu.Lock()
	defer f.mu.Unlock()
	var w weather
	if f.drop > 0 {
		w = append(w, "the next "+several(f.drop, "webhook")+" will be lost")
	}
	for _, x := range f.list {
		switch {
		case x.Times <= 0:
		case x.Status != 0:
			w = append(w, fmt.Sprintf("the next %s will meet %d", several(x.Times, "API request"), x.Status))
		case x.Delay > 0:
			w = append(w, fmt.Sprintf("the next %s will take %s longer", several(x.Times, "API request"), x.Delay))
		}
	}
	return w
}

// several counts what comes after "the next".
func several(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return plural(n, noun)
}

// weather changes what goes wrong.
func (p *pages) weather(v *visit) error {
	f := p.s.Faults
	switch v.r.PostForm.Get("fault") {
	case "drop":
		f.DropWebhooks(1)
	case "502":
		f.Add(ServerError(3, http.StatusBadGateway))
	case "limit":
		f.Add(SecondaryLimit(3, http.StatusTooManyRequests, 2*time.Second))
	case "slow":
		f.Add(Fault{Times: 5, Delay: 2 * time.Second})
	case "clear":
		f.Clear()
	default:
		return refuse(http.StatusUnprocessableEntity, "There is no such weather.")
	}
	if v.r.PostForm.Get("to") == "requests" {
		return v.redirect("/-/requests")
	}
	return v.redirect("/-/webhooks")
}
