package vwo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
)

// settings is the settings file of either generation (NODE SettingsFileSchema.js, FME SettingsSchemaValidation.js).
type settings struct {
	Campaigns *list[campaign] `json:"campaigns"`
	Features  list[feature]   `json:"features"`
}

type campaign struct {
	ID         id              `json:"id"`
	Key        string          `json:"key"`
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	Status     string          `json:"status"`
	Variations list[variation] `json:"variations"`
	Goals      list[goal]      `json:"goals"`
}

type variation struct {
	ID   id     `json:"id"`
	Name string `json:"name"`
}

// goal is a classic goal, or a metric of an FME feature.
type goal struct {
	ID          id     `json:"id"`
	Identifier  string `json:"identifier"`
	RevenueProp string `json:"revenueProp"`
}

type feature struct {
	Metrics list[goal] `json:"metrics"`
	Impact  struct {
		CampaignID id `json:"campaignId"`
	} `json:"impactCampaign"`
}

// list is an array. VWO writes an empty one as {}.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(data []byte) error {
	if bytes.Equal(bytes.Map(dropSpace, data), []byte("{}")) {
		return nil
	}
	return json.Unmarshal(data, (*[]T)(l))
}

func dropSpace(r rune) rune {
	if strings.ContainsRune(" \t\r\n", r) {
		return -1
	}
	return r
}

// id is a number in the settings files that were seen, and text in the parts of them that were written by hand.
type id string

func (i *id) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*i = id(text)
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(data, &number); err != nil {
		return errors.New("an id must be a number")
	}
	*i = id(number)
	return nil
}

// impact is the Kind of an FME feature's impact campaign, which VWO calls FLAG_TESTING like a test: its variations mean
// that the flag was on or off (FME GetFlag.js).
const impact = "IMPACT"

// tests are the types of campaigns whose decisions are exposures; FEATURE_ROLLOUT, FLAG_ROLLOUT and FLAG_PERSONALIZE
// are not, nor is what is unknown.
var tests = map[string]bool{"VISUAL_AB": true, "VISUAL": true, "SPLIT_URL": true, "FEATURE_TEST": true, "FLAG_TESTING": true}

func parseCatalog(data []byte) (*adapters.Catalog, error) {
	var s settings
	const be = "must be VWO's settings file, as it serves it at /server-side/settings or /server-side/v2-settings"
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf(be+": %w", err)
	}
	if s.Campaigns == nil {
		return nil, errors.New(be + ": it has no campaigns")
	}
	c := &adapters.Catalog{
		Experiments: make(map[string]adapters.CatalogExperiment, len(*s.Campaigns)), Events: map[string]string{}, Values: map[string]string{},
	}
	for _, one := range *s.Campaigns {
		c.Experiments[string(one.ID)] = one.experiment()
		addGoals(c, one.Goals)
	}
	for _, f := range s.Features {
		addGoals(c, f.Metrics)
		if x, ok := c.Experiments[string(f.Impact.CampaignID)]; ok {
			x.Exposes, x.Kind = false, impact
			c.Experiments[string(f.Impact.CampaignID)] = x
		}
	}
	return c, nil
}

func addGoals(c *adapters.Catalog, goals []goal) {
	for _, g := range goals {
		if g.Identifier == "" {
			continue
		}
		c.Events[string(g.ID)] = g.Identifier
		if _, known := c.Values[g.Identifier]; !known && g.RevenueProp != "" {
			c.Values[g.Identifier] = g.RevenueProp
		}
	}
}

func (s campaign) experiment() adapters.CatalogExperiment {
	x := adapters.CatalogExperiment{
		Name: s.Key, Kind: s.Type, Exposes: tests[s.Type], Status: s.Status, Running: s.Status == "RUNNING",
		Variants: make(map[string]string, len(s.Variations)),
	}
	taken := map[string]bool{}
	for _, v := range s.Variations {
		name := v.Name
		if !field.IsLabel(name) || taken[name] {
			name = string(v.ID)
		}
		taken[name] = true
		x.Variants[string(v.ID)] = name
		if v.ID == "1" { // the control by convention, named Control or Default
			x.Control = name
		}
	}
	return x
}
