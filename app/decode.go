package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/catalog"
	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/webhooks"
)

// Sources returns the names of the sources that a configuration makes, in order, or every fault of them.
func Sources(cfg config.Config) ([]string, error) {
	sources, err := sourcesOf(cfg)
	return names(sources), err
}

// Decode returns what would become of a request to a source, as JSON on one line. The request is HTTP/1.1 text. Nothing is
// stored.
func Decode(ctx context.Context, cfg config.Config, name string, request io.Reader, log *slog.Logger) ([]byte, error) {
	sources, err := sourcesOf(cfg)
	if err != nil {
		return nil, err
	}
	source, ok := sources[name]
	if !ok {
		return nil, fmt.Errorf("there is no source %q; the sources are %s", name, strings.Join(names(sources), ", "))
	}
	if source.ParseCatalog != nil {
		c := catalog.New(catalog.Options{Source: name, Place: cfg.Sources[name].Catalog, Parse: source.ParseCatalog})
		if err := c.Load(ctx); err != nil {
			return nil, err
		}
		source.Catalogs = c
	}
	e, err := adapters.ReadRequest(request, canonical.TimeOf(time.Now()))
	if err != nil {
		return nil, err
	}
	e.Path = strings.TrimPrefix(e.Path, "/webhooks/"+name)
	if e.Body, err = webhooks.Decompress(e.Header.Get("Content-Encoding"), e.Body, int64(cfg.Limits.Body)); err != nil {
		return nil, err
	}
	source.Name, source.Rules = name, canonical.DefaultRules(cfg.Identity.NonIDs...)
	batch, err := webhooks.Decode(source, e, log)
	if err != nil {
		return nil, err
	}
	return batch.AppendJSON(nil), nil
}
