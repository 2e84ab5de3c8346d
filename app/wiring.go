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
			if a.CheckOptions != nil && a.CheckOptions(nil) != nil {
				continue // it says nothing without a configuration
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
			faults = append(faults, fmt.Errorf("sources.%s.catalog: %s tells everything in its events and takes no catalog; remove it", name, c.Vendor))
		case len(c.Options) > 0 && a.CheckOptions == nil:
			faults = append(faults, fmt.Errorf("sources.%s.options: %s has no options; remove them", name, c.Vendor))
		case a.CheckOptions != nil:
			if err := a.CheckOptions(c.Options); err != nil {
				faults = append(faults, fmt.Errorf("sources.%s.options: %w", name, err))
			}
		}
		if c.Options["verify"] != nil && len(c.Secrets) == 0 {
			faults = append(faults, fmt.Errorf("sources.%s.secrets: is required beside options.verify: without a secret no signature can be checked", name))
		}
		s := webhooks.Source{Adapter: a, Source: adapters.Source{Name: name, Options: c.Options}}
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
