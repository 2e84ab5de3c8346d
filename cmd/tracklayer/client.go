package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/tracklayer/tracklayer/config"
)

// scheme is that of both listeners.
func scheme(cfg config.Config) string {
	if cfg.TLS.Set() {
		return "https"
	}
	return "http"
}

// client calls this machine's own listeners. It believes exactly the certificate that they are configured with, whatever
// name that is for.
func client(cfg config.Config) (*http.Client, error) {
	if !cfg.TLS.Set() {
		return http.DefaultClient, nil
	}
	text, err := os.ReadFile(cfg.TLS.Cert)
	if err != nil {
		return nil, fmt.Errorf("tls.cert: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("tls.cert: it is no PEM file")
	}
	own, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("tls.cert: %w", err)
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the default transport was replaced")
	}
	transport = transport.Clone()
	transport.TLSClientConfig = &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection is stricter
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !s.PeerCertificates[0].Equal(own) {
				return errors.New("the listener shows another certificate than tls.cert")
			}
			return nil
		},
	}
	return &http.Client{Transport: transport}, nil
}

// call asks a running TrackLayer. A problem that it answers with is the error.
func call(ctx context.Context, by *http.Client, method, target, presented string) ([]byte, error) {
	return callWith(ctx, by, method, target, presented, nil)
}

// callWith is call with a body of JSON.
func callWith(ctx context.Context, by *http.Client, method, target, presented string, content io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return nil, err
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if presented != "" {
		req.Header.Set("Authorization", "Bearer "+presented)
	}
	resp, err := by.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no TrackLayer answers at %s; start one with `tracklayer serve`, or say where it is: %w", req.URL.Host, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		var p struct{ Title, Detail string }
		if json.Unmarshal(body, &p) == nil && p.Detail+p.Title != "" {
			return nil, errors.New(strings.TrimSpace(p.Title + ". " + p.Detail))
		}
		return nil, fmt.Errorf("%s: %s", resp.Status, body)
	}
	return body, nil
}

// dialable turns an address to listen on into one to call.
func dialable(addr string) string {
	for _, wild := range []string{"0.0.0.0:", "[::]:", ":"} {
		if port, ok := strings.CutPrefix(addr, wild); ok {
			return "127.0.0.1:" + port
		}
	}
	return addr
}
