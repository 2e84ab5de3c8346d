// Package hostile attacks the built program as a stranger would who holds a write key. It is a test of the outside only.
package hostile

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tracklayer-hostile")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "tracklayer")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/tracklayer")
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
	cmd         *exec.Cmd
	out         *output
}

// output is what the process writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
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

// start runs the program with the text of a configuration file, which may be empty, and stops it when the test ends.
func start(tb testing.TB, config string) *server {
	tb.Helper()
	s := &server{tb: tb, addr: freePort(tb), admin: freePort(tb), dir: tb.TempDir(), out: &output{}}
	args := []string{"serve", "--listen", s.addr, "--admin-listen", s.admin, "--data-dir", filepath.Join(s.dir, "data")}
	if config != "" {
		file := filepath.Join(s.dir, "tracklayer.yaml")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			tb.Fatal(err)
		}
		args = append(args, "--config", file)
	}
	s.cmd = exec.Command(binary, args...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		if tb.Failed() {
			tb.Logf("the end of the server's output:\n%s", tail(s.out.String(), 4000))
		}
	})
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if resp, err := http.Get("http://" + s.admin + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return s
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	tb.Fatal("the server was not ready after 30 s")
	return nil
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

// memory is a line of /proc/PID/status in bytes: VmHWM is the most memory that the process has had resident.
func (s *server) memory(name string) int64 {
	s.tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.tb.Skip("needs Linux:", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				s.tb.Fatal(err)
			}
			return kb << 10
		}
	}
	s.tb.Fatalf("no %s in %s", name, status)
	return 0
}

const mib = 1 << 20
