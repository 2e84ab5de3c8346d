package webhooks

import (
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// meters are the metrics of the ingest endpoints.
type meters struct {
	requests     *prometheus.CounterVec
	events       *prometheus.CounterVec
	ignored      *prometheus.CounterVec
	unauthorized *prometheus.CounterVec
	deadLetters  *prometheus.CounterVec
	refused      *prometheus.CounterVec
	seconds      *prometheus.HistogramVec
	bytes        prometheus.Histogram
}

func newMeters() *meters {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tracklayer", Name: name, Help: help}, labels)
	}
	return &meters{
		requests:     counter("requests_total", "Requests for events, by source and status code.", "source", "code"),
		events:       counter("events_total", "Events stored, items rejected, items ignored.", "source", "outcome"),
		ignored:      counter("ignored_total", "Items that are not meant to count, by reason.", "source", "reason"),
		unauthorized: counter("unauthorized_total", "Requests without a key or signature that fits.", "source"),
		deadLetters:  counter("dead_letters_total", "Requests kept because something of them could not be counted.", "source"),
		refused:      counter("overload_total", "Requests refused with 429 or 503 before anything was stored, by reason: memory, rate or queue.", "source", "reason"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "tracklayer", Name: "request_seconds", Help: "From a request's headers to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route"}),
		bytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "tracklayer", Name: "request_bytes", Help: "Size of a body after decompression.",
			Buckets: prometheus.ExponentialBuckets(256, 4, 9),
		}),
	}
}

func (m *meters) register(to prometheus.Registerer) error {
	if to == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.events, m.ignored, m.unauthorized, m.deadLetters, m.refused, m.seconds, m.bytes} {
		if err := to.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// sourceMeter is the metrics of one source, looked up once.
type sourceMeter struct {
	*meters
	name                                                        string
	accepted, rejected, ignoredItems, unauthorized, deadLetters prometheus.Counter

	mu      sync.Mutex
	reasons map[string]prometheus.Counter
}

func (m *meters) source(name string) *sourceMeter {
	return &sourceMeter{
		meters: m, name: name,
		accepted: m.events.WithLabelValues(name, "accepted"), rejected: m.events.WithLabelValues(name, "rejected"),
		ignoredItems: m.events.WithLabelValues(name, "ignored"), unauthorized: m.unauthorized.WithLabelValues(name),
		deadLetters: m.deadLetters.WithLabelValues(name), reasons: map[string]prometheus.Counter{},
	}
}

func (m *sourceMeter) request(status int) {
	m.requests.WithLabelValues(m.name, strconv.Itoa(status)).Inc()
}

func (m *sourceMeter) items(accepted, rejected int) {
	m.accepted.Add(float64(accepted))
	m.rejected.Add(float64(rejected))
}

// maxReasons is how many reasons of one source have a line of their own. An adapter has a dozen; one that lets the
// sender's words into its reasons must not fill the memory.
const maxReasons = 40

// ignore counts ignored items. The sender's own word, which follows a colon in the reason, is no label.
func (m *sourceMeter) ignore(reason string, n int) {
	if n <= 0 {
		return
	}
	reason, _, _ = strings.Cut(reason, ": ")
	m.ignoredItems.Add(float64(n))
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.reasons[reason]
	if !ok {
		if len(m.reasons) >= maxReasons || len(reason) > 64 || !utf8.ValidString(reason) {
			reason = "other"
		}
		if c, ok = m.reasons[reason]; !ok {
			c = m.ignored.WithLabelValues(m.name, reason)
			m.reasons[reason] = c
		}
	}
	c.Add(float64(n))
}
