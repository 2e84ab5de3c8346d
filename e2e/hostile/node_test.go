package hostile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// node is a tracklayer process that a test stops, damages and starts again in the same folder.
type node struct {
	tb          testing.TB
	addr, admin string
	data        string
	args        []string
	files       int    // that the process may open; 0: as many as the test
	padding     string // makes every event that much longer
	cmd         *exec.Cmd
	out         *output
}

// newNode prepares a node with a data folder of its own; begin runs it.
func newNode(tb testing.TB, args ...string) *node {
	tb.Helper()
	n := &node{tb: tb, addr: freePort(tb), admin: freePort(tb), data: filepath.Join(tb.TempDir(), "data"), args: args, out: &output{}}
	tb.Cleanup(func() {
		n.kill()
		if tb.Failed() {
			tb.Logf("the end of the server's output:\n%s", tail(n.out.String(), 4000))
		}
	})
	return n
}

// launch starts the process and does not wait until it is ready.
func (n *node) launch() {
	n.tb.Helper()
	args := append([]string{binary, "serve", "--listen", n.addr, "--admin-listen", n.admin, "--data-dir", n.data}, n.args...)
	if n.files > 0 {
		args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, n.files)}, args...)
	}
	n.cmd = exec.Command(args[0], args[1:]...)
	n.out = &output{}
	n.cmd.Stdout, n.cmd.Stderr = n.out, n.out
	if err := n.cmd.Start(); err != nil {
		n.tb.Fatal(err)
	}
}

// begin starts the process and waits until it is ready.
func (n *node) begin() {
	n.tb.Helper()
	n.launch()
	n.until("it is ready", func() bool { status, _ := n.readyz(); return status == http.StatusOK })
}

func (n *node) kill() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
		n.cmd = nil
	}
}

// end is SIGTERM, and must end well.
func (n *node) end() {
	n.tb.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		n.tb.Fatal(err)
	}
	if err := n.cmd.Wait(); err != nil {
		n.tb.Fatalf("SIGTERM: %v\n%s", err, n.out)
	}
	n.cmd = nil
}

// until waits for a condition, for long: a slow machine is not a failure.
func (n *node) until(what string, is func() bool) {
	n.tb.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	n.tb.Fatalf("waited in vain until %s; the server's output:\n%s", what, tail(n.out.String(), 4000))
}

func (n *node) readyz() (int, string) { return get(n.admin, "/readyz") }

// get returns 0 if nothing answers.
func get(addr, path string) (int, string) {
	resp, err := http.Get("http://" + addr + path)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(text)
}

// post sends a body of JSON and returns status, Retry-After and answer. The status is 0 if there is no answer.
func (n *node) post(path, body string) (int, string, string) {
	resp, err := http.Post("http://"+n.addr+path, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, "", err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", err.Error()
	}
	return resp.StatusCode, resp.Header.Get("Retry-After"), string(text)
}

// exposures are the events of some users, as a body.
func (n *node) exposures(from, users int) string {
	events := make([]string, users)
	for i := range events {
		id := from + i
		events[i] = fmt.Sprintf(`{"event_name":"experiment_exposed","event_id":"e-%d","experiment_id":"x","variant":"v%d","user_id":"u-%d","exposed_at":"2026-11-20T10:00:00Z","attributes":{"note":"%s"}}`, id, id%2, id, n.padding)
	}
	return "[" + strings.Join(events, ",") + "]"
}

// expose sends exposures of so many users, whose numbers begin with from, in requests of 1000, and returns the last
// sequence.
func (n *node) expose(from, users int) (seq uint64) {
	n.tb.Helper()
	for left := users; left > 0; left -= 1000 {
		body := n.exposures(from+users-left, min(left, 1000))
		n.until("the events are taken", func() bool {
			status, _, text := n.post("/v1/events", body)
			var answer struct {
				Seq uint64 `json:"stream_seq"`
			}
			err := json.Unmarshal([]byte(text), &answer)
			seq = answer.Seq
			return status == http.StatusAccepted && err == nil
		})
	}
	return seq
}

// exposed is how many users the readout shows, once it stands for the sequence.
func (n *node) exposed(seq uint64) (users int64) {
	n.tb.Helper()
	var text string
	n.until("the readout answers", func() bool {
		var status int
		status, text = get(n.addr, fmt.Sprintf("/v1/experiments/x/readout?min_seq=%d&wait=20s", seq))
		return status == http.StatusOK
	})
	var r struct {
		Variants []struct {
			Exposed int64 `json:"exposed_users"`
		} `json:"variants"`
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		n.tb.Fatal(err)
	}
	for _, v := range r.Variants {
		users += v.Exposed
	}
	return users
}

// metric is the value of a metric without labels.
func (n *node) metric(name string) float64 {
	n.tb.Helper()
	_, text := get(n.admin, "/metrics")
	for line := range strings.Lines(text) {
		var value float64
		if _, err := fmt.Sscanf(line, name+" %g", &value); err == nil {
			return value
		}
	}
	n.tb.Fatalf("no %s in the metrics", name)
	return 0
}

// run executes a command of the program on the node's folder.
func (n *node) run(args ...string) (code int, out string) {
	n.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	text, err := exec.CommandContext(ctx, binary, append(args, "--data-dir", n.data)...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), string(text)
	}
	if err != nil {
		n.tb.Fatal(err)
	}
	return 0, string(text)
}

// one is the only file that a pattern below the data folder matches, or the last of them.
func (n *node) one(pattern string) string {
	n.tb.Helper()
	found, err := filepath.Glob(filepath.Join(n.data, pattern))
	if err != nil || len(found) == 0 {
		n.tb.Fatalf("no %s: %v", pattern, err)
	}
	return found[len(found)-1]
}

// edit changes the content of a file.
func (n *node) edit(path string, change func([]byte) []byte) {
	n.tb.Helper()
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(content), 0o600)
	}
	if err != nil {
		n.tb.Fatal(err)
	}
}

// flip inverts 16 bytes in the middle.
func flip(b []byte) []byte {
	for i := range 16 {
		b[len(b)/2+i] ^= 0xff
	}
	return b
}
