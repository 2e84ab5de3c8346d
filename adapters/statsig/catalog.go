package statsig

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
)

// spec is a config of the rules download: experiments, dynamic configs and autotunes are in one list, distinguished by
// entity; the groups of an experiment are rules with isExperimentGroup (GO store.go).
type spec struct {
	Name     string `json:"name"`
	Entity   string `json:"entity"`
	IDType   string `json:"idType"`
	IsActive *bool  `json:"isActive"`
	Rules    []struct {
		ID                string `json:"id"`
		GroupName         string `json:"groupName"`
		IsExperimentGroup bool   `json:"isExperimentGroup"`
	} `json:"rules"`
}

// parseCatalog reads the answer of /v1/download_config_specs, a list, or of /v2/download_config_specs, where the
// configs are members of an object under their names (CORE tests/data/demo_proj_dcs.json).
func parseCatalog(data []byte) (*adapters.Catalog, error) {
	var download struct {
		Configs json.RawMessage `json:"dynamic_configs"`
		Layers  json.RawMessage `json:"layer_configs"`
		Gates   json.RawMessage `json:"feature_gates"`
		Time    json.Number     `json:"time"`
	}
	if err := json.Unmarshal(data, &download); err != nil {
		return nil, fmt.Errorf("must be the rules that Statsig serves at /v1/download_config_specs or /v2/download_config_specs: %w", err)
	}
	if download.Configs == nil {
		return nil, errors.New("must be the rules that Statsig serves at /v1/download_config_specs or /v2/download_config_specs: it has no dynamic_configs")
	}
	specs, err := readSpecs(download.Configs)
	if err != nil {
		return nil, fmt.Errorf("dynamic_configs: %w", err)
	}
	layers, err := readSpecs(download.Layers)
	if err != nil {
		return nil, fmt.Errorf("layer_configs: %w", err)
	}
	gates, err := readSpecs(download.Gates)
	if err != nil {
		return nil, fmt.Errorf("feature_gates: %w", err)
	}
	c := &adapters.Catalog{Revision: download.Time.String(), Experiments: make(map[string]adapters.CatalogExperiment, len(specs)), Names: map[string]string{}}
	for _, s := range specs {
		c.Experiments[s.Name] = s.experiment()
		if s.Entity == "experiment" {
			for _, hash := range hashes(s.Name) {
				c.Names[hash] = s.Name
			}
		}
	}
	for _, s := range gates {
		if _, taken := c.Experiments[s.Name]; s.Entity == entityHoldout && !taken {
			c.Experiments[s.Name] = s.holdout()
			for _, hash := range hashes(s.Name) {
				c.Names[hash] = s.Name
			}
		}
	}
	for _, s := range layers {
		for _, hash := range hashes(s.Name) {
			c.Names["layer:"+hash] = s.Name
		}
	}
	return c, nil
}

func readSpecs(raw json.RawMessage) ([]spec, error) {
	var list []spec
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] == '[' {
		err := json.Unmarshal(raw, &list)
		return list, err
	}
	var byName map[string]spec
	if err := json.Unmarshal(raw, &byName); err != nil {
		return nil, err
	}
	for name, s := range byName {
		s.Name = name
		list = append(list, s)
	}
	return list, nil
}

// holdout is a gate that holds users out of experiments.
func (s spec) holdout() adapters.CatalogExperiment {
	x := s.experiment()
	x.Exposes, x.Variants = true, map[string]string{"true": heldOutVariant, "false": otherVariant}
	return x
}

func (s spec) experiment() adapters.CatalogExperiment {
	x := adapters.CatalogExperiment{Key: s.Name, Kind: s.Entity, Unit: s.IDType, Exposes: s.Entity == "experiment"}
	x.Running = s.IsActive == nil || *s.IsActive
	x.Status = "inactive"
	if x.Running {
		x.Status = "active"
	}
	if !x.Exposes {
		return x
	}
	x.Variants = map[string]string{}
	for _, rule := range s.Rules {
		if !rule.IsExperimentGroup || rule.ID == "" {
			continue
		}
		name := rule.GroupName
		if !field.IsLabel(name) {
			name = rule.ID
		}
		x.Variants[rule.ID] = name
	}
	return x
}

// hashes are what a name looks like where a browser's values were hashed: djb2 in decimal, over UTF-16 code units in the
// browser (WEB Hashing.js) and over bytes in Go (GO util.go), or the base64 of its SHA-256, the older form.
func hashes(name string) []string {
	var units, octets uint32
	for _, unit := range utf16.Encode([]rune(name)) {
		units = units*31 + uint32(unit)
	}
	for i := range len(name) {
		octets = octets*31 + uint32(name[i])
	}
	sum := sha256.Sum256([]byte(name))
	list := []string{strconv.FormatUint(uint64(units), 10), base64.StdEncoding.EncodeToString(sum[:])}
	if octets != units {
		list = append(list, strconv.FormatUint(uint64(octets), 10))
	}
	return list
}
