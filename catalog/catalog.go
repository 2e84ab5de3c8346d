// Package catalog keeps the catalogs of sources: what a vendor's experiments are called and whether they run. It reads a
// catalog from a file or an address, reads it again when it changes, takes what a webhook pushes, keeps the newest one in
// the data folder, and reports what became of the experiments.
//
// Package webhooks declares what it needs of a catalog; package app makes one for each source whose adapter reads
// catalogs. No other package imports it.
package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/webhooks"
)

// How often a catalog is read again, and the largest one that is read.
const (
	fileEvery  = 5 * time.Second
	urlEvery   = time.Minute
	maxCatalog = 64 << 20
)

// Options are what a Catalog is made of. Source and Parse must be set.
type Options struct {
	Source  string                                  // the name of the source
	Place   string                                  // a path or an address; "": the catalog is only pushed
	Kept    string                                  // the file in which the newest one is kept; "": none
	Parse   func([]byte) (*adapters.Catalog, error) // of the source's vendor
	Reports webhooks.Reports                        // receives what happened to experiments; nil: nothing is reported
	Log     *slog.Logger                            // nil: nothing is logged
	Now     func() time.Time                        // of the reports; nil: time.Now
}

// Catalog keeps one source's catalog: it reads the file or the address that the configuration names, reads it again when
// it changes, takes what a webhook pushes, and reports what a new catalog says happened to the experiments. The newest
// one is kept in the data folder, so that what happened while the program was down is seen as well. It is safe for
// concurrent use.
type Catalog struct {
	o Options

	newest  atomic.Pointer[adapters.Catalog]
	refresh chan struct{}
	mu      sync.Mutex // guards what follows, and makes changes one after another
	text    []byte
	etag    string
}

// New makes a Catalog that is empty until Load or Push.
func New(o Options) *Catalog {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Catalog{o: o, refresh: make(chan struct{}, 1)}
}

var _ webhooks.Catalogs = (*Catalog)(nil)

// Catalog implements webhooks.Catalogs.
func (c *Catalog) Catalog() *adapters.Catalog { return c.newest.Load() }

// Refresh implements webhooks.Catalogs.
func (c *Catalog) Refresh() {
	select {
	case c.refresh <- struct{}{}:
	default: // it is about to be read anyway
	}
}

// Push implements webhooks.Catalogs.
func (c *Catalog) Push(ctx context.Context, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.take(ctx, data)
}

// take makes data the newest catalog, unless it is that already.
func (c *Catalog) take(ctx context.Context, data []byte) error {
	if bytes.Equal(data, c.text) {
		return nil
	}
	next, err := c.o.Parse(data)
	if err != nil {
		return fmt.Errorf("the catalog of source %s: %w", c.o.Source, err)
	}
	if c.o.Reports != nil {
		if lives := adapters.Compare(c.o.Source, c.newest.Load(), next, canonical.TimeOf(c.o.Now())); len(lives) > 0 {
			if _, err := c.o.Reports.Tell(ctx, lives); err != nil {
				return err // and the comparison is made again
			}
		}
	}
	c.newest.Store(next)
	c.text = bytes.Clone(data)
	c.o.Log.Info("catalog read", "source", c.o.Source, "experiments", len(next.Experiments))
	if c.o.Kept == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(c.o.Kept), 0o700); err != nil {
		return err
	}
	half := c.o.Kept + ".new"
	return errors.Join(os.WriteFile(half, data, 0o600), os.Rename(half, c.o.Kept))
}

// Load reads the kept copy of the newest catalog, and then the catalog from its file or address. A file must be there; an
// address that does not answer is asked again by Watch.
func (c *Catalog) Load(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.o.Kept != "" {
		if data, err := os.ReadFile(c.o.Kept); err == nil {
			if old, err := c.o.Parse(data); err == nil {
				c.newest.Store(old)
				c.text = data
			}
		}
	}
	if c.o.Place == "" {
		return nil
	}
	data, err := c.read(ctx)
	switch {
	case err != nil && isAddress(c.o.Place):
		c.o.Log.Warn("a catalog cannot be fetched; its events count under the vendor's own ids until it can", "source", c.o.Source, "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("sources.%s.catalog: %w", c.o.Source, err)
	case data == nil:
		return nil
	}
	if err := c.take(ctx, data); err != nil {
		return fmt.Errorf("sources.%s.catalog: %w", c.o.Source, err)
	}
	return nil
}

func isAddress(place string) bool {
	u, err := url.Parse(place)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// read returns the catalog from its file or address, nil if it has not changed.
func (c *Catalog) read(ctx context.Context) ([]byte, error) {
	if !isAddress(c.o.Place) {
		return c.readFile()
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.o.Place, nil)
	if err != nil {
		return nil, err
	}
	if c.etag != "" {
		r.Header.Set("If-None-Match", c.etag)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, withoutAddress(err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusNotModified:
		return nil, nil
	case http.StatusOK:
		data, err := whole(answer.Body)
		if err == nil {
			c.etag = answer.Header.Get("ETag")
		}
		return data, err
	}
	return nil, fmt.Errorf("it is answered with %s", answer.Status)
}

func (c *Catalog) readFile() (data []byte, err error) {
	f, err := os.Open(strings.TrimPrefix(c.o.Place, "file://"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return whole(f)
}

// withoutAddress drops the address from an error: vendors write keys into it.
func withoutAddress(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func whole(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxCatalog+1))
	if err == nil && len(data) > maxCatalog {
		err = fmt.Errorf("it is larger than %d MiB", maxCatalog>>20)
	}
	return data, err
}

// Watch reads the catalog again if it changes, until ctx ends. A catalog that is only pushed has nothing to watch.
func (c *Catalog) Watch(ctx context.Context) {
	if c.o.Place == "" {
		return
	}
	every := fileEvery
	if isAddress(c.o.Place) {
		every = urlEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	failed := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.refresh:
		}
		err := c.again(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failed = ""
		case err.Error() != failed: // logged once, not at every attempt
			failed = err.Error()
			c.o.Log.Warn("a catalog cannot be read; the one before stays in use", "source", c.o.Source, "error", err)
		}
	}
}

func (c *Catalog) again(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, err := c.read(ctx)
	if err != nil || data == nil {
		return err
	}
	return c.take(ctx, data)
}
