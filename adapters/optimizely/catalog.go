package optimizely

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
)

// datafile is the part of a datafile that tells what events do not (javascript-sdk project_config; go-sdk
// pkg/config/datafileprojectconfig/entities).
type datafile struct {
	ProjectID      string `json:"projectId"`
	Revision       string `json:"revision"`
	EnvironmentKey string `json:"environmentKey"`
	Experiments    []rule `json:"experiments"`
	Groups         []struct {
		Experiments []rule `json:"experiments"`
	} `json:"groups"`
	Rollouts []struct {
		Experiments []rule `json:"experiments"`
	} `json:"rollouts"`
	Holdouts     []rule `json:"holdouts"`
	FeatureFlags []struct {
		Key           string   `json:"key"`
		ExperimentIDs []string `json:"experimentIds"`
	} `json:"featureFlags"`
	Events []struct {
		ID  string `json:"id"`
		Key string `json:"key"`
	} `json:"events"`
}

type rule struct {
	ID         string `json:"id"`
	Key        string `json:"key"`
	Status     string `json:"status"`
	Type       string `json:"type"` // newer datafiles: ab, mab, cmab, fr (javascript-sdk EXPERIMENT_TYPES)
	Variations []struct {
		ID  string `json:"id"`
		Key string `json:"key"`
	} `json:"variations"`
}

// Names in adapters.Catalog.Names: the datafile's environment, and the experiments of a flag, their ids apart by spaces.
const (
	environmentName = "environment"
	flagName        = "flag:"
)

// parseCatalog reads a datafile. An experiment's id stays its name among events, because rule keys repeat across flags;
// the key is what people read.
func parseCatalog(data []byte) (*adapters.Catalog, error) {
	var f datafile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("must be an Optimizely datafile, as cdn.optimizely.com/datafiles/SDK_KEY.json has it: %w", err)
	}
	if f.ProjectID == "" || f.Experiments == nil && f.FeatureFlags == nil {
		return nil, errors.New("must be an Optimizely datafile, with projectId and experiments")
	}
	c := &adapters.Catalog{
		Revision: f.Revision, Experiments: map[string]adapters.CatalogExperiment{}, Events: map[string]string{}, Names: map[string]string{},
	}
	for _, r := range f.Rollouts {
		add(c, r.Experiments, false, rollout)
	}
	add(c, f.Holdouts, false, holdout)
	for _, g := range f.Groups {
		add(c, g.Experiments, true, abTest)
	}
	add(c, f.Experiments, true, abTest)
	for _, e := range f.Events {
		c.Events[e.ID] = e.Key
	}
	if f.EnvironmentKey != "" {
		c.Names[environmentName] = f.EnvironmentKey
	}
	for _, flag := range f.FeatureFlags {
		if len(flag.ExperimentIDs) > 0 {
			c.Names[flagName+flag.Key] = strings.Join(flag.ExperimentIDs, " ")
		}
	}
	return c, nil
}

func add(c *adapters.Catalog, rules []rule, exposes bool, kind string) {
	for _, r := range rules {
		if r.ID == "" {
			continue
		}
		x := adapters.CatalogExperiment{
			Name: r.Key, Exposes: exposes, Kind: kind, Status: r.Status, Running: r.Status == "Running", Variants: make(map[string]string, len(r.Variations)),
		}
		if r.Type != "" {
			x.Kind = r.Type
		}
		for _, v := range r.Variations {
			x.Variants[v.ID] = v.Key
		}
		c.Experiments[r.ID] = x
	}
}
