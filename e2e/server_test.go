package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tracklayer-e2e")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "tracklayer")
	build := exec.Command("go", "build", "-o", binary, "../cmd/tracklayer")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// server is a running tracklayer process.
type server struct {
	tb          testing.TB
	addr, admin string
	dir         string
	args        []string
	env         []string
	cmd         *exec.Cmd
	out         *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newServer prepares a process; start runs it.
func newServer(tb testing.TB, args ...string) *server {
	tb.Helper()
	s := &server{tb: tb, addr: freePort(tb), admin: freePort(tb), dir: tb.TempDir(), args: args}
	tb.Cleanup(func() {
		s.kill()
		if tb.Failed() && s.out != nil {
			tb.Logf("the server said:\n%s", s.out)
		}
	})
	return s
}

// serve starts a fresh server and waits until it is ready.
func serve(tb testing.TB, args ...string) *server {
	tb.Helper()
	s := newServer(tb, args...)
	s.start()
	return s
}

func (s *server) start() {
	s.tb.Helper()
	s.launch()
	s.ready()
}

// launch starts the process and does not wait.
func (s *server) launch() {
	s.tb.Helper()
	s.cmd = exec.Command(binary, append([]string{"serve", "--listen", s.addr, "--admin-listen", s.admin, "--data-dir", s.dir}, s.args...)...)
	if s.out == nil {
		s.out = &syncBuffer{}
	}
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	s.cmd.Env = append(os.Environ(), s.env...)
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *server) ready() {
	s.tb.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if resp, err := http.Get("http://" + s.admin + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.tb.Fatalf("not ready after 30 s; the server said:\n%s", s.out)
}

// kill is SIGKILL: no hook runs, nothing is flushed.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// stop is SIGTERM, and must end well.
func (s *server) stop() {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.tb.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.tb.Fatalf("SIGTERM: %v\n%s", err, s.out)
	}
	s.cmd = nil
}

func (s *server) url(path string) string { return "http://" + s.addr + path }

// post sends a body and returns status, headers and answer.
func (s *server) post(path, body string, header ...string) (int, http.Header, string) {
	s.tb.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url(path), strings.NewReader(body))
	if err != nil {
		s.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return s.do(req)
}

func (s *server) do(req *http.Request) (int, http.Header, string) {
	s.tb.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.tb.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func (s *server) get(path string, header ...string) (int, string) {
	s.tb.Helper()
	req, err := http.NewRequest(http.MethodGet, s.url(path), nil)
	if err != nil {
		s.tb.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	status, _, text := s.do(req)
	return status, text
}

// readout is the part of a readout that the tests look at.
type readout struct {
	ExperimentID string `json:"experiment_id"`
	Status       string `json:"status"`
	AsOf         struct {
		StreamSeq uint64 `json:"stream_seq"`
	} `json:"as_of"`
	Control  string  `json:"control"`
	Primary  *string `json:"primary_metric"`
	Variants []struct {
		Variant   string `json:"variant"`
		Exposed   int64  `json:"exposed_users"`
		Crossover int64  `json:"crossover_users"`
		Ended     int64  `json:"ended_early_users"`
		Repeat    int64  `json:"repeat_exposures"`
	} `json:"variants"`
	Metrics []struct {
		Metric   string `json:"metric"`
		Variants []struct {
			Variant   string      `json:"variant"`
			Users     int64       `json:"users"`
			Converted int64       `json:"converted_users"`
			Rate      *float64    `json:"conversion_rate"`
			Sum       *float64    `json:"sum"`
			Beat      *float64    `json:"probability_to_beat_control"`
			Credible  *[2]float64 `json:"credible_interval"`
			Lift      *struct {
				Relative *float64 `json:"relative"`
			} `json:"lift"`
		} `json:"variants"`
	} `json:"metrics"`
	Checks []struct {
		Check  string   `json:"check"`
		Status string   `json:"status"`
		P      *float64 `json:"p_value"`
	} `json:"checks"`
	Decision struct {
		Status string `json:"status"`
	} `json:"decision"`
}

// readout asks for an experiment's readout once the core has counted what is on the log by now.
func (s *server) readout(id string, minSeq uint64) readout {
	s.tb.Helper()
	status, text := s.get(fmt.Sprintf("/v1/experiments/%s/readout?min_seq=%d&wait=30s", id, minSeq))
	if status != http.StatusOK {
		s.tb.Fatalf("readout of %s: %d %s", id, status, text)
	}
	var r readout
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		s.tb.Fatalf("%v: %s", err, text)
	}
	return r
}

// lastSeq is the newest sequence on the log, from the metrics.
func (s *server) lastSeq() uint64 {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/metrics", nil)
	if err != nil {
		s.tb.Fatal(err)
	}
	_, _, text := s.do(req)
	var seq float64
	for _, line := range strings.Split(text, "\n") {
		if _, err := fmt.Sscanf(line, "tracklayer_log_last_sequence %g", &seq); err == nil {
			return uint64(seq)
		}
	}
	s.tb.Fatalf("no tracklayer_log_last_sequence in\n%s", text)
	return 0
}

// exposed and converted find a variant's numbers.
func (r readout) exposed(variant string) int64 {
	for _, v := range r.Variants {
		if v.Variant == variant {
			return v.Exposed
		}
	}
	return 0
}

func (r readout) converted(metric, variant string) (users int64, sum float64) {
	for _, m := range r.Metrics {
		if m.Metric != metric {
			continue
		}
		for _, v := range m.Variants {
			if v.Variant == variant {
				if v.Sum != nil {
					sum = *v.Sum
				}
				return v.Converted, sum
			}
		}
	}
	return 0, 0
}
