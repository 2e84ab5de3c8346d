package app

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/all"
	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/stream"
	"github.com/tracklayer/tracklayer/webhooks"
)

// sourcesOf joins the configured sources with the vendors' adapters: one source a vendor where none is configured.
func sourcesOf(cfg config.Config) (map[string]webhooks.Source, error) {
	configured := cfg.Sources
	if len(configured) == 0 {
		configured = map[string]config.Source{}
		for _, a := range all.All() {
			if _, err := adapters.Open(a, nil); err != nil {
				continue // it means nothing without a configuration
			}
			token, err := config.ParseToken(a.Vendor)
			if err != nil {
				return nil, err
			}
			configured[a.Vendor] = config.Source{Vendor: token}
		}
	}
	sources := map[string]webhooks.Source{}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		c := configured[name]
		a, ok := all.ByVendor(c.Vendor.String())
		switch {
		case !ok:
			faults = append(faults, fmt.Errorf("sources.%s.vendor: %q is not known; known are %v", name, c.Vendor, all.Vendors()))
			continue
		case c.Catalog != "" && a.ParseCatalog == nil:
			faults = append(faults, fmt.Errorf("sources.%s.catalog: %s has all that is needed in its events and takes no catalog; remove it", name, c.Vendor))
		}
		d, err := adapters.Open(a, c.Options)
		if err != nil {
			faults = append(faults, fmt.Errorf("sources.%s.options: %w", name, err))
		}
		for _, o := range a.Options {
			if o.Secret && c.Options[o.Name] != nil && len(c.Secrets) == 0 {
				faults = append(faults, fmt.Errorf("sources.%s.secrets: is required beside options.%s: without a secret no signature can be checked", name, o.Name))
			}
		}
		s := webhooks.Source{Adapter: a, Decoder: d, Source: adapters.Source{Name: name}}
		s.DeclaredOnly = c.DeclaredOnly
		for _, secret := range c.Secrets {
			public := secret.Kind() == config.Client || secret.Kind() == config.Inferred && a.PublicKey != nil && a.PublicKey(secret.Reveal())
			list := &s.Secrets
			if public {
				list = &s.Public
			}
			*list = append(*list, secret.Reveal())
		}
		sources[name] = s
	}
	return sources, errors.Join(faults...)
}

func names(sources map[string]webhooks.Source) []string { return slices.Sorted(maps.Keys(sources)) }

func streamOptions(cfg config.Config, log *slog.Logger) stream.Options {
	return stream.Options{
		URL: cfg.NATS.URL.Reveal(), CredsFile: cfg.NATS.CredsFile, Prefix: cfg.NATS.Prefix.String(), Replicas: cfg.NATS.Replicas,
		Dir: logPath(cfg), Reserve: int64(cfg.Limits.DiskReserve), Logger: log,
	}
}

// logOptions are streamOptions for a process that takes requests and erases persons.
func (p *Program) logOptions() stream.Options {
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "tracklayer", Name: "dead_letters_dropped_total", Help: "Dead letters removed because their source has more than its share.",
	}, []string{"source"})
	p.metrics.MustRegister(dropped)
	o := streamOptions(p.cfg, p.log)
	o.LetterSources = len(p.sources) + 1 // and /v1/events
	o.LettersDropped = func(source string, letters int) { dropped.WithLabelValues(source).Add(float64(letters)) }
	o.Unpack = p.unpack
	return o
}
