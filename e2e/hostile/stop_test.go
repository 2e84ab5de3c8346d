package hostile

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stall begins an upload and never ends it.
func (n *node) stall() net.Conn {
	n.tb.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.tb.Fatal(err)
	}
	n.tb.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "POST /v1/events HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[", n.addr); err != nil {
		n.tb.Fatal(err)
	}
	return conn
}

// TestStopWithWaitingReaders: SIGTERM answers a reader that waits for a sequence, cuts off an upload that does not end, and
// ends with exit code 0.
func TestStopWithWaitingReaders(t *testing.T) {
	n := newNode(t)
	n.begin()
	n.expose(0, 1)
	conn := n.stall()
	type answer struct {
		status int
		later  string
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		resp, err := http.Get("http://" + n.addr + "/v1/experiments/x/readout?min_seq=1000000&wait=60s")
		if err != nil {
			answers <- answer{err: err}
			return
		}
		resp.Body.Close()
		answers <- answer{status: resp.StatusCode, later: resp.Header.Get("Retry-After")}
	}()
	n.until("both requests have come", func() bool {
		_, text := get(n.admin, "/metrics")
		return strings.Contains(text, "\ntracklayer_http_requests_in_flight 2\n")
	})
	n.end() // fails unless the exit code is 0
	if out := n.out.String(); !strings.Contains(out, `msg="requests that did not end are cut off" requests=1`) {
		t.Errorf("want one request cut off, the stalled one:\n%s", out)
	}
	if a := <-answers; a.err != nil || a.status != http.StatusServiceUnavailable || a.later == "" {
		t.Errorf("the waiting reader got %+v", a)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the stalled upload was not closed: %v", err)
	}
}

// TestSecondSignal: a second signal ends the process at once.
func TestSecondSignal(t *testing.T) {
	t.Setenv("TRACKLAYER_SHUTDOWN_TIMEOUT", "60s") // so that the first signal alone would take far longer
	n := newNode(t)
	n.begin()
	n.stall()
	n.until("the upload has begun", func() bool {
		_, text := get(n.admin, "/metrics")
		return strings.Contains(text, "\ntracklayer_http_requests_in_flight 1\n")
	})
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n.until("the public port is closed", func() bool { status, _ := get(n.addr, "/"); return status == 0 })
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = n.cmd.Wait() // it ends by the signal
	if status, ok := n.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Errorf("ended with %s, want by the signal", n.cmd.ProcessState)
	}
	n.cmd = nil
	n.begin() // and nothing is broken by it
	n.kill()
}
