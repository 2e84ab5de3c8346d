//go:build unix

package hostile

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// lone is a client whose connection was opened already, and stays open.
func lone(tb testing.TB, url string) *http.Client {
	tb.Helper()
	c := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}}
	tb.Cleanup(c.CloseIdleConnections)
	resp, err := c.Get(url)
	if err != nil {
		tb.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return c
}

// TestTooManyOpenFiles: a process that may open no further file says so, in answers and in a few lines of its log, loses
// nothing that it acknowledged, and goes on by itself once files are free again.
func TestTooManyOpenFiles(t *testing.T) {
	n := newNode(t)
	n.files = 256
	t.Setenv("TRACKLAYER_LIMITS_CONNECTIONS", "10000") // more than the files allow
	n.begin()
	acknowledged := 1000
	n.expose(0, acknowledged)
	by := lone(t, "http://"+n.addr+"/openapi.json")
	probe := lone(t, "http://"+n.admin+"/readyz")

	var held []net.Conn
	for range 2 * n.files { // half a request each, which may take a minute
		conn, err := net.Dial("tcp", n.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /v1/events HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[", n.addr)
		held = append(held, conn)
	}
	const says = "oo many open files"
	n.until("the log says why connections are not accepted", func() bool { return strings.Contains(n.out.String(), "connections cannot be accepted: t"+says) })
	send := func(users int) bool {
		resp, err := by.Post("http://"+n.addr+"/v1/events", "application/json", strings.NewReader(n.exposures(acknowledged, users)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		switch {
		case err != nil:
			t.Fatal(err)
		case resp.StatusCode == http.StatusAccepted:
			acknowledged += users
			return true
		case resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), says) || resp.Header.Get("Retry-After") == "":
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		return false
	}
	refused := 0
	n.until("events are refused", func() bool { // as a batch, which needs a file of its own
		if !send(100) {
			refused++
		}
		return refused == 100
	})
	if !testing.Short() { // the state is flushed every 30 seconds
		n.until("a flush of the state fails", func() bool {
			send(1)
			return strings.Contains(n.out.String(), "the store of the state has a failure")
		})
		resp, err := probe.Get("http://" + n.admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), says) {
			t.Errorf("readyz: %d %s", resp.StatusCode, text)
		}
	}
	if size := len(n.out.String()); size > 64<<10 {
		t.Errorf("the log has %d bytes", size)
	}
	for _, line := range []string{"connections cannot be accepted: t" + says, "cause=\"T" + says} {
		if got := strings.Count(n.out.String(), line); got < 1 || got > 3 { // one a minute, of a slow machine
			t.Errorf("%d times %q", got, line)
		}
	}
	for _, conn := range held {
		conn.Close()
	}
	seq := n.expose(acknowledged, 100) // waits until events are taken
	if got := n.exposed(seq); got < int64(acknowledged)+100 {
		t.Errorf("%d users, %d were acknowledged", got, acknowledged+100)
	}
	n.until("it is ready again", func() bool { status, _ := n.readyz(); return status == http.StatusOK })
	n.end()
	code, out := n.run("audit", "--from-log")
	wants(t, "audit", code, 0, out, "Equal")
}

// TestIdleConnectionsKeepNoProbeOut: the admin listener has a cap of its own, so its callers take no file from the events.
func TestIdleConnectionsKeepNoProbeOut(t *testing.T) {
	s := start(t, "")
	for range 200 {
		conn, err := net.Dial("tcp", s.admin)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if status, text := get(s.admin, "/readyz"); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	var dropped int
	_, text := get(s.admin, "/metrics")
	for line := range strings.Lines(text) {
		_, _ = fmt.Sscanf(line, "tracklayer_connections_dropped_total %d", &dropped)
	}
	if dropped < 200-32 {
		t.Errorf("%d connections were closed, want at least %d", dropped, 200-32)
	}
	if got := bytes.Count([]byte(s.out.String()), []byte("listener=admin")); got != 1 {
		t.Errorf("%d lines say so", got)
	}
}
