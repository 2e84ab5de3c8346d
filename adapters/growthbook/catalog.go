package growthbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
)

// payload is what GET /api/features/{client key} answers and SDK webhooks bring (back-end services/features.ts), or the
// REST API's list of experiments, which alone knows the experiments' own ids and where they stand. Both may stand in one
// file.
type payload struct {
	Features    map[string]struct{ Rules []rule } `json:"features"`
	Encrypted   string                            `json:"encryptedFeatures"`
	Experiments []json.RawMessage                 `json:"experiments"` // rules of pages without a feature, or the REST API's
	Updated     string                            `json:"dateUpdated"`
}

// rule is an experiment of a payload. A forced value may carry the experiments that a remote evaluation decided.
type rule struct {
	Key           string            `json:"key"`
	Name          string            `json:"name"`
	HashAttribute string            `json:"hashAttribute"`
	Variations    []json.RawMessage `json:"variations"`
	Contextual    []json.RawMessage `json:"contextualVariations"`
	Meta          []struct {
		Key string `json:"key"`
	} `json:"meta"`
	Tracks []struct {
		Experiment rule `json:"experiment"`
	} `json:"tracks"`
}

var errCatalog = errors.New("must be what /api/features/{client key} answers, or the REST API's list of experiments")

func parseCatalog(data []byte) (*adapters.Catalog, error) {
	var p payload
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("%w: %w", errCatalog, err)
	}
	if p.Features == nil && p.Experiments == nil {
		if p.Encrypted != "" {
			return nil, errors.New("its features are encrypted: take an SDK connection without encryption for the catalog")
		}
		return nil, errCatalog
	}
	c := &adapters.Catalog{Revision: p.Updated, Experiments: map[string]adapters.CatalogExperiment{}, Names: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(p.Features)) {
		for _, r := range p.Features[name].Rules {
			addRule(c, name, r)
		}
	}
	for i, raw := range p.Experiments {
		var x experiment
		if err := json.Unmarshal(raw, &x); err == nil && x.TrackingKey != "" {
			addExperiment(c, x)
			continue
		}
		var r rule
		if err := json.Unmarshal(raw, &r); err != nil {
			return nil, fmt.Errorf("%w: experiments[%d]: %w", errCatalog, i, err)
		}
		addRule(c, "", r)
	}
	return c, nil
}

// addRule adds a rule that is an experiment: it has variations. One without a key is called by its feature
// (evaluator.go; sdk-js core.ts).
func addRule(c *adapters.Catalog, feature string, r rule) {
	for _, t := range r.Tracks {
		addRule(c, feature, t.Experiment)
	}
	n := max(len(r.Variations), len(r.Contextual))
	if r.Key == "" {
		r.Key = feature
	}
	if n == 0 || r.Key == "" {
		return
	}
	x := adapters.CatalogExperiment{
		Key: r.Key, Name: r.Name, Exposes: true, Kind: "experiment", Status: "running", Running: true,
		Unit: r.HashAttribute, Variants: make(map[string]string, 2*n),
	}
	if strings.HasPrefix(feature, "$holdout:") {
		x.Kind = "holdout"
	}
	if x.Unit == "" {
		x.Unit = "id"
	}
	for i := range n {
		key := strconv.Itoa(i)
		if i < len(r.Meta) && r.Meta[i].Key != "" {
			key = r.Meta[i].Key
		}
		x.Variants[key] = key
	}
	for i := range n { // events of PHP name the index, where that is not some variation's key
		if index := strconv.Itoa(i); x.Variants[index] == "" && i < len(r.Meta) && r.Meta[i].Key != "" {
			x.Variants[index] = r.Meta[i].Key
		}
	}
	if known, again := c.Experiments[r.Key]; again {
		maps.Copy(x.Variants, known.Variants) // one key in several rules
		if known.Name != "" {
			x.Name = known.Name
		}
	}
	c.Experiments[r.Key] = x
}

// addExperiment adds an experiment of the REST API.
func addExperiment(c *adapters.Catalog, given experiment) {
	x := adapters.CatalogExperiment{
		Key: given.TrackingKey, Name: given.Name, Exposes: true, Kind: given.Type, Status: given.Status,
		Running: given.Status == "running" && (given.Archived == nil || !*given.Archived),
		Unit:    given.Hash, Variants: make(map[string]string, 2*len(given.Variations)),
	}
	for _, v := range given.Variations {
		if v.Key != "" {
			x.Variants[v.Key] = v.Key
		}
	}
	for i, v := range given.Variations {
		if index := strconv.Itoa(i); v.Key != "" && x.Variants[index] == "" {
			x.Variants[index] = v.Key
		}
	}
	if given.ID != "" {
		c.Names[given.ID] = given.TrackingKey
	}
	c.Experiments[given.TrackingKey] = x
}
