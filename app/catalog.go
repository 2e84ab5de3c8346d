package app

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

// How often a catalog is looked at where it lies, and the largest one that is read.
const (
	fileEvery  = 5 * time.Second
	urlEvery   = time.Minute
	maxCatalog = 64 << 20
)

// catalog keeps one source's catalog: it reads the file or the address that the configuration names, reads it again when
// it changes, takes what a webhook pushes, and reports what a new catalog says happened to the experiments. The newest
// one is kept in the data folder, so that what happened while the program was down is seen as well.
type catalog struct {
	source string
	place  string // a path or an address; "": only pushed
	kept   string // a copy of the newest one; "": none
	parse  func([]byte) (*adapters.Catalog, error)
	report webhooks.Reports
	log    *slog.Logger
	now    func() time.Time

	newest  atomic.Pointer[adapters.Catalog]
	refresh chan struct{}
	mu      sync.Mutex // guards what follows, and makes changes one after another
	text    []byte
	etag    string
}

func newCatalog(source, place string, parse func([]byte) (*adapters.Catalog, error)) *catalog {
	return &catalog{source: source, place: place, parse: parse, refresh: make(chan struct{}, 1), log: slog.New(slog.DiscardHandler), now: time.Now}
}

var _ webhooks.Catalogs = (*catalog)(nil)

// Catalog implements webhooks.Catalogs.
func (c *catalog) Catalog() *adapters.Catalog { return c.newest.Load() }

// Refresh implements webhooks.Catalogs.
func (c *catalog) Refresh() {
	select {
	case c.refresh <- struct{}{}:
	default: // it is about to be read anyway
	}
}

// Push implements webhooks.Catalogs.
func (c *catalog) Push(ctx context.Context, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.take(ctx, data)
}

// take makes data the newest catalog, unless it is that already.
func (c *catalog) take(ctx context.Context, data []byte) error {
	if bytes.Equal(data, c.text) {
		return nil
	}
	next, err := c.parse(data)
	if err != nil {
		return fmt.Errorf("the catalog of source %s: %w", c.source, err)
	}
	if c.report != nil {
		if lives := adapters.Compare(c.source, c.newest.Load(), next, canonical.TimeOf(c.now())); len(lives) > 0 {
			if _, err := c.report.Tell(ctx, lives); err != nil {
				return err // and the comparison is made again
			}
		}
	}
	c.newest.Store(next)
	c.text = bytes.Clone(data)
	c.log.Info("catalog read", "source", c.source, "experiments", len(next.Experiments))
	if c.kept == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(c.kept), 0o700); err != nil {
		return err
	}
	half := c.kept + ".new"
	return errors.Join(os.WriteFile(half, data, 0o600), os.Rename(half, c.kept))
}

// load reads the copy of the newest catalog, and then the catalog where it lies. A file must be there; an address that
// does not answer is asked again later.
func (c *catalog) load(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept != "" {
		if data, err := os.ReadFile(c.kept); err == nil {
			if old, err := c.parse(data); err == nil {
				c.newest.Store(old)
				c.text = data
			}
		}
	}
	if c.place == "" {
		return nil
	}
	data, err := c.read(ctx)
	switch {
	case err != nil && isAddress(c.place):
		c.log.Warn("a catalog cannot be fetched; its events count under the vendor's own ids until it can", "source", c.source, "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("sources.%s.catalog: %w", c.source, err)
	case data == nil:
		return nil
	}
	if err := c.take(ctx, data); err != nil {
		return fmt.Errorf("sources.%s.catalog: %w", c.source, err)
	}
	return nil
}

func isAddress(place string) bool {
	u, err := url.Parse(place)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// read is the catalog where it lies, nil where it has not changed.
func (c *catalog) read(ctx context.Context) ([]byte, error) {
	if !isAddress(c.place) {
		return c.readFile()
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.place, nil)
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

func (c *catalog) readFile() (data []byte, err error) {
	f, err := os.Open(strings.TrimPrefix(c.place, "file://"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return whole(f)
}

// withoutAddress drops the address from an error: vendors write keys into it.
func withoutAddress(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
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

// watch reads the catalog again whenever it changes, until ctx ends.
func (c *catalog) watch(ctx context.Context) {
	every := fileEvery
	if isAddress(c.place) {
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
		case err.Error() != failed: // said once, not at every look
			failed = err.Error()
			c.log.Warn("a catalog cannot be read; the one before stays in use", "source", c.source, "error", err)
		}
	}
}

func (c *catalog) again(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, err := c.read(ctx)
	if err != nil || data == nil {
		return err
	}
	return c.take(ctx, data)
}
