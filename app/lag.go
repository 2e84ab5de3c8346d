package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lag is whether the core counts, and how late it is.
type lag struct {
	mu    sync.Mutex
	fault error // why nothing is counted; nil: the log can be read and the state written

	said   string // why the program was not ready when that was last logged
	saidAt time.Time

	measuring sync.Mutex
	measured  time.Time
	newest    behind
}

// behind is what is stored in the log and not counted yet.
type behind struct {
	records uint64
	oldest  time.Duration // since the first of them was stored
	err     error         // the log cannot be asked
}

func (l *lag) alive() {
	l.mu.Lock()
	l.fault = nil
	l.mu.Unlock()
}

func (l *lag) broke(err error) {
	l.mu.Lock()
	l.fault = err
	l.mu.Unlock()
}

func (l *lag) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

// measureEvery is how long a measurement is good for: probes, scrapes and pages ask often.
const measureEvery = time.Second

// behind measures how late counting is.
func (p *Program) behind() behind {
	l := &p.lag
	l.measuring.Lock()
	defer l.measuring.Unlock()
	if time.Since(l.measured) < measureEvery {
		return l.newest
	}
	ctx, cancel := context.WithTimeout(p.stopping, time.Second)
	defer cancel()
	var b behind
	var first time.Time
	if b.records, first, b.err = p.events.Since(ctx, p.fold.Seq()); b.records > 0 {
		b.oldest = max(0, time.Since(first)) // the log's server may have another clock
	}
	l.measured, l.newest = time.Now(), b
	return b
}

// late says what is not counted yet, "" if all is; over reports whether the oldest of it is older than limits.lag.
func (p *Program) late() (text string, over bool) {
	b := p.behind()
	if b.records == 0 {
		return "", false
	}
	text = fmt.Sprintf("counting: %d records are not counted yet, the oldest was received %s ago", b.records, b.oldest.Round(time.Second))
	if over = b.oldest > p.cfg.Limits.Lag; over {
		text += fmt.Sprintf(", which is late (limits.lag is %s); nothing is lost, readouts are that old. If it does not shrink, see what the log says, and whether processor and disk keep up", p.cfg.Limits.Lag)
	}
	return text, over
}

// lagCollector is how late counting is, as two metrics of one measurement.
type lagCollector struct{ p *Program }

var (
	lagRecords = prometheus.NewDesc("tracklayer_core_lag_records", "Records of the log that are not counted yet; -1 if the log cannot be asked.", nil, nil)
	lagSeconds = prometheus.NewDesc("tracklayer_core_lag_seconds", "Age of the oldest record of the log that is not counted yet, 0 if all are; -1 if the log cannot be asked.", nil, nil)
)

// Describe implements prometheus.Collector.
func (lagCollector) Describe(ch chan<- *prometheus.Desc) { ch <- lagRecords; ch <- lagSeconds }

// Collect implements prometheus.Collector.
func (c lagCollector) Collect(ch chan<- prometheus.Metric) {
	b := c.p.behind()
	records, seconds := float64(b.records), b.oldest.Seconds()
	if b.err != nil {
		records, seconds = -1, -1
	}
	ch <- prometheus.MustNewConstMetric(lagRecords, prometheus.GaugeValue, records)
	ch <- prometheus.MustNewConstMetric(lagSeconds, prometheus.GaugeValue, seconds)
}
