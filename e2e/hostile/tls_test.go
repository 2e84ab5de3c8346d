package hostile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certify writes a certificate with that serial number, and its key, into the folder.
func certify(tb testing.TB, dir string, serial int64) *x509.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "tracklayer.test"}, DNSNames: []string{"tracklayer.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	put := func(name, kind string, content []byte) error {
		return os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600)
	}
	if err := errors.Join(put("cert.pem", "CERTIFICATE", der), put("key.pem", "PRIVATE KEY", private)); err != nil {
		tb.Fatal(err)
	}
	own, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return own
}

// caller trusts one certificate, and keeps its connections.
func caller(own *x509.Certificate) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(own)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "tracklayer.test", MinVersion: tls.VersionTLS12}}}
}

// TestTLS: both listeners speak TLS 1.2 and later and nothing else, the program's own commands find their way, and
// another certificate comes in without a connection being dropped.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	first := certify(t, dir, 1)
	config := filepath.Join(dir, "tracklayer.yaml")
	if err := os.WriteFile(config, []byte("tls: {cert: "+filepath.Join(dir, "cert.pem")+", key: "+filepath.Join(dir, "key.pem")+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{tb: t, addr: freePort(t), admin: freePort(t), dir: dir, out: &output{}}
	s.cmd = exec.Command(binary, "serve", "--config", config, "--listen", s.addr, "--admin-listen", s.admin, "--data-dir", filepath.Join(dir, "data"))
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		if t.Failed() {
			t.Logf("the server said:\n%s", s.out)
		}
	})
	healthy := func() error {
		return exec.Command(binary, "healthcheck", "--config", config, "--admin-listen", s.admin).Run()
	}
	for deadline := time.Now().Add(20 * time.Second); healthy() != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never healthy")
		}
	}
	old := caller(first)
	for _, at := range []string{s.addr, s.admin} {
		if status, _, _ := ask(t, nil, question{"plain", "GET", "http://" + at + "/", "", nil, 0}); status != http.StatusBadRequest {
			t.Errorf("plain HTTP on %s: %d", at, status)
		}
		if c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil { //nolint:gosec // what is refused
			_ = c.Close()
			t.Errorf("TLS 1.1 on %s", at)
		}
	}
	status, _, text := ask(t, old, question{"write", "POST", "https://" + s.addr + "/v1/events", exposure, nil, 202})
	if status != 202 {
		t.Errorf("%d %s", status, text)
	}
	_, header, _ := ask(t, old, question{"cookie", "GET", "https://" + s.addr + "/experiments", "", nil, 200})
	if cookie := header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-") || !strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "Path=/") {
		t.Errorf("Set-Cookie: %s", cookie)
	}
	// A request that is under way when the certificate is replaced gets its answer.
	from, to := io.Pipe()
	slow, err := http.NewRequest(http.MethodPost, "https://"+s.addr+"/v1/events", from)
	if err != nil {
		t.Fatal(err)
	}
	slow.Header.Set("Content-Type", "application/json")
	answered := make(chan int, 1)
	go func() {
		resp, err := old.Do(slow)
		if err != nil {
			answered <- 0
			return
		}
		_ = resp.Body.Close()
		answered <- resp.StatusCode
	}()
	if _, err := io.WriteString(to, exposure[:20]); err != nil {
		t.Fatal(err)
	}
	second := certify(t, dir, 2)
	s.hangUp()
	for deadline := time.Now().Add(10 * time.Second); strings.Count(s.out.String(), "certificate read") < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never read again")
		}
	}
	if status, _, _ := ask(t, caller(second), question{"new", "GET", "https://" + s.addr + "/v1/experiments", "", nil, 200}); status != 200 {
		t.Errorf("the new certificate: %d", status)
	}
	if _, err := io.WriteString(to, exposure[20:]); err != nil {
		t.Fatal(err)
	}
	_ = to.Close()
	if status := <-answered; status != 202 {
		t.Errorf("the request under way: %d", status)
	}
	if err := healthy(); err != nil {
		t.Errorf("healthcheck: %v", err)
	}
	// Half a replacement leaves the pair before in use.
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.hangUp()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(s.out.String(), "stay as they were"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never refused")
		}
	}
	if status, _, _ := ask(t, caller(second), question{"still", "GET", "https://" + s.addr + "/v1/experiments", "", nil, 200}); status != 200 {
		t.Errorf("after half a replacement: %d", status)
	}
}

// TestKeysInTheClearAreWarnedOf: listening beyond loopback without TLS is said at the start.
func TestKeysInTheClearAreWarnedOf(t *testing.T) {
	key := drawKey(t)
	port := freePort(t)[len("127.0.0.1:"):]
	s := start(t, "keys: {write: ["+key+"], read: ["+key+"], admin: ["+key+"]}")
	if strings.Contains(s.out.String(), "travel readable") {
		t.Error("warned on loopback")
	}
	wide := exec.Command(binary, "serve", "--config", filepath.Join(s.dir, "tracklayer.yaml"), "--listen", "0.0.0.0:"+port, "--admin-listen", freePort(t), "--data-dir", filepath.Join(t.TempDir(), "data"))
	out := &output{}
	wide.Stdout, wide.Stderr = out, out
	if err := wide.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = wide.Process.Kill(); _ = wide.Wait() }()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(out.String(), "travel readable for everyone"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no warning: %s", out)
		}
	}
}
