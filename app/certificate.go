package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tracklayer/tracklayer/config"
)

// certificateEvery is how often the files of the certificate are looked at.
const certificateEvery = 10 * time.Second

// certificate is the pair that both listeners show. It is replaced while connections stay: each new one shows the newest.
type certificate struct {
	log *slog.Logger

	pair   atomic.Pointer[tls.Certificate]
	mu     sync.Mutex
	files  config.TLS
	loaded [2][]byte // contents of the files
	failed string    // the last error, which is logged once
}

// load reads the files and takes them if they are another pair.
func (c *certificate) load(files config.TLS) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	cert, err := os.ReadFile(files.Cert)
	if err != nil {
		return fmt.Errorf("tls.cert: %w", err)
	}
	key, err := os.ReadFile(files.Key)
	if err != nil {
		return fmt.Errorf("tls.key: %w", err)
	}
	if bytes.Equal(cert, c.loaded[0]) && bytes.Equal(key, c.loaded[1]) {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("tls.cert and tls.key: %w; write the certificate, those of its issuers after it, and its own private key as PEM", err)
	}
	c.files, c.loaded = files, [2][]byte{cert, key}
	c.pair.Store(&pair)
	c.log.Info("certificate read", "file", files.Cert, "valid_until", pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	return nil
}

// config is what a listener speaks.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.pair.Load(), nil }}
}

// watch reads the files again when they change, until ctx ends. What cannot be read, as half a replacement, leaves the
// pair before in use.
func (c *certificate) watch(ctx context.Context) {
	tick := time.NewTicker(certificateEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c.mu.Lock()
		files := c.files
		c.mu.Unlock()
		said := ""
		if err := c.load(files); err != nil {
			if said = err.Error(); said != c.failed {
				c.log.Warn("the certificate cannot be read; the one before stays in use", "error", err)
			}
		}
		c.failed = said
	}
}
