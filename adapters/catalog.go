package adapters

import (
	"maps"
	"slices"
	"strconv"

	"github.com/tracklayer/tracklayer/canonical"
)

// Catalog is what a vendor's datafile, settings or configuration download tells beyond what its events carry: names,
// labels and which campaigns are experiments. It is vendor-neutral so that one watcher serves all. A catalog that was
// handed out is never written to again.
type Catalog struct {
	Revision    string                       // the vendor's, "" where it has none
	Experiments map[string]CatalogExperiment // by the id that events carry
	Events      map[string]string            // conversion event by the id that events carry
	Names       map[string]string            // what else events carry an id or a hash of, such as a layer, by that
	Values      map[string]string            // the property that holds a conversion's value, by the conversion event
}

// CatalogExperiment is one experiment, or what looks like one in the events and is none.
type CatalogExperiment struct {
	Key      string            // what people call it; "": the id
	Name     string            // readable
	Exposes  bool              // false: a rollout, a personalisation or the like, whose decisions are no exposures
	Kind     string            // the vendor's word for what it is, for the reason of an ignore
	Status   string            // the vendor's word for where it stands
	Running  bool              // by that word
	Unit     string            // of randomisation, where the vendor says so
	Variants map[string]string // key by the id that events carry
	Control  string            // key; "": not known
}

// Variant is what people call the variant; false: the catalog does not know it.
func (x CatalogExperiment) Variant(id string) (string, bool) {
	key, ok := x.Variants[id]
	return key, ok
}

// Experiment finds an experiment; nil catalogs know none.
func (c *Catalog) Experiment(id string) (CatalogExperiment, bool) {
	if c == nil {
		return CatalogExperiment{}, false
	}
	x, ok := c.Experiments[id]
	if ok && x.Key == "" {
		x.Key = id
	}
	return x, ok
}

// Event finds the conversion event of an id; nil catalogs know none.
func (c *Catalog) Event(id string) (string, bool) {
	if c == nil {
		return "", false
	}
	name, ok := c.Events[id]
	return name, ok
}

// Name finds what else has a name; nil catalogs know none.
func (c *Catalog) Name(id string) (string, bool) {
	if c == nil {
		return "", false
	}
	name, ok := c.Names[id]
	return name, ok
}

// Compare says what happened to the experiments between two catalogs of one source: the vendor does not report that an
// experiment was stopped, but its catalog shows it. Without an earlier catalog nothing is known to have happened.
func Compare(source string, before, after *Catalog, at canonical.Time) []canonical.Life {
	if before == nil || after == nil {
		return nil
	}
	moment := after.Revision // so that two gateways that see the same report it once
	if moment == "" {
		moment = strconv.FormatInt(int64(at), 10)
	}
	var lives []canonical.Life
	tell := func(id string, x CatalogExperiment, kind canonical.LifeKind, text string) {
		key := x.Key
		if key == "" {
			key = id
		}
		l := canonical.Life{
			Source: source, ReceivedAt: at, At: at, Kind: kind, ExperimentID: key, SourceExperiment: id, Text: text,
			ID: canonical.DeriveID("catalog", source, id, before.Revision, moment, string(kind), text),
		}
		if l.SourceExperiment == key {
			l.SourceExperiment = ""
		}
		if l.Validate() == nil {
			lives = append(lives, l)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(before.Experiments)) {
		was := before.Experiments[id]
		is, still := after.Experiments[id]
		switch {
		case !was.Exposes:
		case !still && was.Running:
			tell(id, was, canonical.Stopped, "The experiment is not in the source's catalog any more.")
		case still && was.Running && !is.Running:
			tell(id, is, canonical.Stopped, "The source's catalog says that the experiment is "+word(is.Status)+", and no longer "+word(was.Status)+".")
		case still && !was.Running && is.Running:
			tell(id, is, canonical.Started, "The source's catalog says that the experiment is "+word(is.Status)+".")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(after.Experiments)) {
		if x := after.Experiments[id]; x.Exposes && x.Running {
			if _, known := before.Experiments[id]; !known {
				tell(id, x, canonical.Started, "The experiment is new in the source's catalog.")
			}
		}
	}
	return lives
}

func word(status string) string {
	if status == "" {
		return "without a status"
	}
	return strconv.Quote(status)
}
