package app

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/webhooks"
)

// adminRoutes are health, metrics and profiles.
func (p *Program) adminRoutes() http.Handler {
	p.gauges()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", p.livez)
	mux.HandleFunc("GET /readyz", p.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	if p.ingest != nil {
		p.letterRoutes(mux)
	}
	if p.fold != nil {
		p.clockRoutes(mux)
	}
	refused := p.failures.on("admin")
	if p.cfg.AdminOpen() {
		return mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		probe := r.URL.Path == "/livez" || r.URL.Path == "/readyz" // an orchestrator's probes carry no key
		_, password, _ := r.BasicAuth()                            // what a browser can ask for
		keys := p.keys.Load().Admin
		if !probe && !config.AnyMatches(keys, presented(r)) && !config.AnyMatches(keys, password) {
			if presented(r)+password != "" {
				refused(r, webhooks.RefusedKey)
			}
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "an admin key is needed: Authorization: Bearer KEY", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// presented is the key that a request to the admin listener has.
func presented(r *http.Request) string {
	return cmp.Or(problem.Bearer(r.Header.Get("Authorization")), r.Header.Get("X-Tracklayer-Key"))
}

// readyz says whether events can be taken and counted, and if not, why.
func (p *Program) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 4*time.Second)
	defer cancel()
	err := p.events.Ready(ctx)
	if err == nil {
		err = p.lag.err()
	}
	if err == nil && p.db != nil {
		err = p.db.Fault()
	}
	if err == nil {
		err = p.clock.check()
	}
	if err != nil {
		p.unready(err)
		http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
	for _, note := range p.notes() {
		fmt.Fprintln(w, note)
	}
}

// unready logs why the program is not ready, the same reason once a minute: probes come often.
func (p *Program) unready(err error) {
	p.lag.mu.Lock()
	again := err.Error() == p.lag.said && time.Since(p.lag.saidAt) < time.Minute
	if !again {
		p.lag.said, p.lag.saidAt = err.Error(), time.Now()
	}
	p.lag.mu.Unlock()
	if !again {
		p.log.Warn("not ready", "error", err)
	}
}

// livez fails if only another process can help.
func (p *Program) livez(w http.ResponseWriter, _ *http.Request) {
	if p.dead() {
		http.Error(w, "events cannot be stored for more than a minute although the disk has space: start TrackLayer again", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// gauges tell how far the core is.
func (p *Program) gauges() {
	gauge := func(name, help string, value func() float64) {
		p.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tracklayer_" + name, Help: help}, value))
	}
	gauge("http_requests_in_flight", "Requests to the public listener that are not answered yet.", func() float64 { return float64(p.inflight.Load()) })
	if p.fold == nil {
		return
	}
	gauge("core_applied_sequence", "Stream sequence of the last record that was counted.", func() float64 { return float64(p.fold.Seq()) })
	gauge("core_watermark_seconds", "Receipt time of the newest event that was counted, Unix seconds.", func() float64 { return float64(p.fold.View().Watermark) / 1000 })
	gauge("core_recompute_persons_left", "Persons that are still to be recomputed after a change of a definition, and those with very many events that wait for it.", func() float64 {
		v := p.fold.View()
		left := float64(v.Due)
		if r := v.Recomputing; r != nil {
			left += float64(r.Of - r.Done)
		}
		return left
	})
	gauge("core_background_persons", "Persons and ids that wait for the background: they count for what they were before.", func() float64 { return float64(p.fold.View().Due) })
	gauge("core_background_ids", "Of core_background_persons: ids of which it must be found again which person they belong to.", func() float64 { return float64(p.fold.View().Grouping) })
	p.metrics.MustRegister(lagCollector{p})
	gauge("core_unreadable_records", "Records of the log that could not be read.", func() float64 { return float64(p.fold.View().Unreadable) })
	gauge("core_missing_records", "Records that are missing on the log and that no erasure explains.", func() float64 { return float64(p.damage.missing.Load()) })
	gauge("core_experiments", "Experiments, declared or named by events.", func() float64 { return float64(p.fold.View().Count()) })
	gauge("log_last_sequence", "Stream sequence of the newest record on the log.", func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		seq, err := p.events.LastSeq(ctx)
		if err != nil {
			return -1
		}
		return float64(seq)
	})
}
