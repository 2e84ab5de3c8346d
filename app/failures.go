package app

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of what failed credentials cost. A caller that has the right key is never slowed.
const (
	freeFailures  = 5                     // of one address in a quiet minute, answered at once
	firstDelay    = 50 * time.Millisecond // of the next one; it doubles with each
	maxDelay      = time.Second
	maxAddresses  = 1000 // further addresses share one entry
	failuresEvery = time.Minute
)

// otherAddresses is the entry of all addresses past maxAddresses.
const otherAddresses = "others"

// failures counts wrong keys, signatures and sign-ins by client address, slows each address down, and reports them: in a
// metric, and in one line of the log a minute and address. No part of what was presented is kept.
type failures struct {
	log   *slog.Logger
	total *prometheus.CounterVec

	mu  sync.Mutex
	all map[string]*failure // by address
}

// failure is one address.
type failure struct {
	count      int // since its last quiet minute
	unreported int
	last       time.Time
	kind       string
}

func newFailures(log *slog.Logger) *failures {
	return &failures{log: log, all: map[string]*failure{}, total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "tracklayer", Name: "auth_failures_total", Help: "Requests with a wrong key (kind key), a wrong signature (signature) or a failed sign-in (sign_in).",
	}, []string{"listener", "kind"})}
}

// on is the hook of one listener: it counts, and returns when the caller may have its answer.
func (f *failures) on(listener string) func(r *http.Request, kind string) {
	return func(r *http.Request, kind string) {
		f.total.WithLabelValues(listener, kind).Inc()
		delay := f.note(addressOf(r.RemoteAddr), kind, time.Now())
		if delay == 0 {
			return
		}
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
}

// note counts one failure and returns how long its answer waits.
func (f *failures) note(address, kind string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.all[address]
	if one == nil && len(f.all) >= maxAddresses {
		address = otherAddresses
		one = f.all[address]
	}
	if one == nil {
		one = &failure{}
		f.all[address] = one
		f.report(address, kind, 1)
	} else {
		one.unreported++
	}
	one.count++
	one.last, one.kind = now, kind
	return delayOf(one.count)
}

// delayOf is how long the answer to an address's nth failure waits.
func delayOf(n int) time.Duration {
	if n <= freeFailures {
		return 0
	}
	return min(maxDelay, firstDelay<<min(n-freeFailures-1, 10))
}

func (f *failures) report(address, kind string, n int) {
	f.log.LogAttrs(context.Background(), slog.LevelWarn, "wrong credentials", slog.String("client", address), slog.String("kind", kind), slog.Int("attempts", n))
}

// minute reports what was not reported yet, and forgets addresses that were quiet.
func (f *failures) minute(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for address, one := range f.all {
		if one.unreported > 0 {
			f.report(address, one.kind, one.unreported)
			one.unreported = 0
		}
		if now.Sub(one.last) >= failuresEvery {
			delete(f.all, address)
		}
	}
}

// forever calls minute once a minute, until ctx ends.
func (f *failures) forever(ctx context.Context) {
	tick := time.NewTicker(failuresEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			f.minute(time.Now())
			return
		case now := <-tick.C:
			f.minute(now)
		}
	}
}

// addressOf is what stands for a client: its IPv4 address, or the network of 64 bits of its IPv6 address, of which one
// client has all addresses.
func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	network, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return network.String()
}
