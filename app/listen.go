package app

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tracklayer/tracklayer/config"
)

// Bounds of the connections of the main listener, and those of the admin listener: probes, scrapes and commands.
const (
	maxConnections   = 8192
	minConnections   = 32
	adminConnections = 32
	perConnection    = 128 * config.KiB
	ownFiles         = 200 // that the log, the state and the runtime keep open
)

// connections is limits.connections, or what the open files and the memory allow: a connection whose body stops in its
// middle holds 64 KiB.
func connections(l config.Limits) int {
	if l.Connections > 0 {
		return l.Connections
	}
	most := maxConnections
	if l.Memory > 0 {
		most = min(most, int(l.Memory/perConnection))
	}
	if files, known := openFiles(); known {
		most = min(most, (files-ownFiles-adminConnections)*3/4)
	}
	return max(most, minConnections)
}

// boundListener is a listener that keeps at most so many connections open. A new one takes the place of the one that has been
// idle longest: a caller that opens connections and sends nothing keeps no other out.
type boundListener struct {
	net.Listener
	name string
	most int
	log  *slog.Logger

	mu      sync.Mutex
	open    map[net.Conn]*list.Element // the element of an idle connection, nil of a busy one
	idle    list.List                  // of net.Conn, the longest first
	warned  map[string]time.Time
	dropped prometheus.Counter
}

func newBoundListener(l net.Listener, name string, most int, log *slog.Logger, dropped prometheus.Counter) *boundListener {
	return &boundListener{Listener: l, name: name, most: most, log: log, open: map[net.Conn]*list.Element{}, warned: map[string]time.Time{}, dropped: dropped}
}

// listeners puts a bound on each of the listeners.
func (p *Program) listeners() (public, admin net.Listener) {
	dropped := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "tracklayer", Name: "connections_dropped_total", Help: "Connections closed because limits.connections are open, or 32 on the admin listener: idle ones, or new ones if none was idle.",
	})
	p.metrics.MustRegister(dropped)
	main := newBoundListener(p.publicAt, "main", connections(p.cfg.Limits), p.log, dropped)
	second := newBoundListener(p.adminAt, "admin", adminConnections, p.log, dropped)
	p.public.ConnState, p.admin.ConnState = main.watch, second.watch
	return main, second
}

// Accept implements net.Listener.
func (d *boundListener) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			d.failed(err)
			return nil, err
		}
		if d.admit(c) {
			return c, nil
		}
		_ = c.Close()
	}
}

// admit makes room for a connection, and reports whether there is any.
func (d *boundListener) admit(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.open) >= d.most {
		d.dropped.Inc()
		d.warn("connections", "connections are closed because as many are open as limits.connections allows, or the admin listener's 32", slog.String("listener", d.name), slog.Int("connections", d.most))
		longest := d.idle.Front()
		if longest == nil {
			return false
		}
		old := longest.Value.(net.Conn)
		d.idle.Remove(longest)
		delete(d.open, old)
		_ = old.Close()
	}
	d.open[c] = d.idle.PushBack(c) // it has not sent anything yet
	return true
}

// watch is the http.Server's ConnState.
func (d *boundListener) watch(c net.Conn, state http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, known := d.open[c]
	if !known {
		return
	}
	if at != nil {
		d.idle.Remove(at)
		d.open[c] = nil
	}
	switch state {
	case http.StateNew, http.StateIdle:
		d.open[c] = d.idle.PushBack(c)
	case http.StateClosed, http.StateHijacked:
		delete(d.open, c)
	}
}

// failed says why no connection can be taken, which the http.Server tries again.
func (d *boundListener) failed(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case errors.Is(err, net.ErrClosed):
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		d.warn("files", "connections cannot be accepted: too many open files; raise the limit (ulimit -n) or lower limits.connections", slog.String("listener", d.name), slog.Any("error", err))
	default:
		d.warn("accept", "connections cannot be accepted", slog.String("listener", d.name), slog.Any("error", err))
	}
}

// warn logs one line of a kind a minute. d.mu is held.
func (d *boundListener) warn(kind, message string, attrs ...any) {
	if now := time.Now(); now.Sub(d.warned[kind]) > time.Minute {
		d.warned[kind] = now
		d.log.Warn(message, attrs...) //nolint:sloglint // three constants
	}
}

// A client that does not read its answer is cut off after writeTimeout and what the answer's size takes at slowest bytes a
// second. An answer that is written in parts has that time for each of them.
const (
	writeTimeout = 20 * time.Second
	slowest      = 256 << 10
)

// deadlines gives every write of an answer a time by which the client must have read it.
func deadlines(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&deadlineWriter{ResponseWriter: w, c: http.NewResponseController(w)}, r)
	})
}

type deadlineWriter struct {
	http.ResponseWriter
	c *http.ResponseController
}

// Write implements io.Writer.
func (d *deadlineWriter) Write(p []byte) (int, error) {
	_ = d.c.SetWriteDeadline(time.Now().Add(writeTimeout + time.Duration(len(p))*time.Second/slowest)) // a test's writer has none
	return d.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find what is below.
func (d *deadlineWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }
