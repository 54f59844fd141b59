package server

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics is what Lumos counts of itself, in a registry of its own.
type Metrics struct {
	Registry   *prometheus.Registry
	Webhooks   *prometheus.CounterVec   // event, outcome
	Reconciles *prometheus.HistogramVec // outcome; seconds
	Requests   *prometheus.CounterVec   // host, code: what Lumos asks of code hosts, registries and desks
	RateLimit  *prometheus.GaugeVec     // host: requests left
}

// NewMetrics makes the metrics. depth counts what waits in the queue; it is asked at each scrape.
func NewMetrics(depth func(context.Context) (int, error)) *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		Webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lumos_webhooks_total", Help: "Webhooks received, by event and what became of them.",
		}, []string{"event", "outcome"}),
		Reconciles: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lumos_reconcile_seconds", Help: "Time from wake to verdict, by outcome.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"outcome"}),
		Requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lumos_api_requests_total", Help: "Requests sent to other systems, by host and status code (0: no answer).",
		}, []string{"host", "code"}),
		RateLimit: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lumos_api_rate_limit_remaining", Help: "Requests that a host still allows in its window.",
		}, []string{"host"}),
	}
	m.Registry.MustRegister(m.Webhooks, m.Reconciles, m.Requests, m.RateLimit,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lumos_queue_depth", Help: "Wakes that wait or are worked on; NaN when the queue cannot be asked.",
		}, func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			n, err := depth(ctx)
			if err != nil {
				return math.NaN()
			}
			return float64(n)
		}),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}
