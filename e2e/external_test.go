package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// natsOn starts a NATS server with JetStream on a port and folder.
func natsOn(t *testing.T, dir string, port int) *natsserver.Server {
	t.Helper()
	srv, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, SyncAlways: true, NoSigs: true, MaxPayload: 8 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS did not start")
	}
	return srv
}

func exposureOf(i int) string {
	return fmt.Sprintf(`{"event_name":"experiment_exposed","event_id":"e-%d","experiment_id":"x","variant":"a","user_id":"u-%d","exposed_at":"2026-11-20T10:00:00Z"}`, i, i)
}

// TestADeadNATS: while the log is away the ingest endpoints answer 503 and readiness says why; when it is back, everything that was
// acknowledged is counted, once.
func TestADeadNATS(t *testing.T) {
	dir := t.TempDir()
	port, err := strconv.Atoi(freePort(t)[len("127.0.0.1:"):])
	if err != nil {
		t.Fatal(err)
	}
	nats := natsOn(t, dir, port)
	s := serve(t, "--nats-url", fmt.Sprintf("nats://127.0.0.1:%d", port))
	for i := range 20 {
		if status, _, text := s.post("/v1/events", exposureOf(i)); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, text)
		}
	}
	nats.Shutdown()
	nats.WaitForShutdown()
	status, header, text := s.post("/v1/events", exposureOf(20))
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("without a log: %d %v %s", status, header, text)
	}
	if status, header, _ := s.post("/webhooks/launchdarkly/bulk", `[{"kind":"custom","key":"k","creationDate":1795339273031,"context":{"kind":"user","key":"u"}}]`); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("a vendor without a log: %d", status)
	}
	resp, err := http.Get("http://" + s.admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("ready without a log: %d", resp.StatusCode)
	}
	nats = natsOn(t, dir, port)
	defer nats.Shutdown()
	s.ready()
	for i := range 40 { // the first twenty again: a sender that never got its answer
		if status, _, text := s.post("/v1/events", exposureOf(i)); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, text)
		}
	}
	r := s.readout("x", s.lastSeq())
	if r.exposed("a") != 40 || r.Variants[0].Repeat != 0 {
		t.Errorf("after the outage: %+v", r.Variants)
	}
}

// TestGatewayAndCoreApart runs the two halves as two processes over one NATS.
func TestGatewayAndCoreApart(t *testing.T) {
	nats := natsOn(t, t.TempDir(), -1)
	defer nats.Shutdown()
	half := func(role string) *server {
		s := newServer(t)
		s.out = &syncBuffer{}
		s.cmd = exec.Command(binary, role, "--nats-url", nats.ClientURL(), "--listen", s.addr, "--admin-listen", s.admin, "--data-dir", s.dir)
		s.cmd.Stdout, s.cmd.Stderr, s.cmd.Env = s.out, s.out, os.Environ()
		if err := s.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s.ready()
		return s
	}
	gateway, core, twin := half("gateway"), half("core"), half("core")
	for i := range 30 {
		if status, _, text := gateway.post("/v1/events", exposureOf(i)); status != http.StatusAccepted {
			t.Fatalf("%d %s", status, text)
		}
	}
	if status, _, text := core.post("/v1/experiments", `{"id":"x","variants":[{"key":"a"},{"key":"b"}],"metrics":[]}`); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	_, one := core.get("/v1/experiments/x/readout?min_seq=31&wait=10s")
	_, two := twin.get("/v1/experiments/x/readout?min_seq=31&wait=10s")
	if one != two || !strings.Contains(one, `"exposed_users":30`) {
		t.Errorf("two cores over one log:\n%s\n%s", one, two)
	}
	if status, _ := gateway.get("/v1/experiments/x/readout"); status != http.StatusNotFound {
		t.Errorf("the gateway alone answers readouts: %d", status)
	}
	if status, _, _ := core.post("/v1/events", exposureOf(99)); status != http.StatusNotFound {
		t.Errorf("the core alone takes events: %d", status)
	}
	gateway.stop()
	core.stop()
	twin.stop()
}
