package launchdarkly

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// options are a source's settings, for what the events do not say themselves.
type options struct {
	// unitKinds is the context kind that an experiment on a flag randomises by, where it is not user. The kind is part
	// of the rollout (RolloutKind experiment, contextKind) and never sent.
	unitKinds map[string]string

	// experimentFlags are flags with an experiment of the old model, which sets trackEvents and not inExperiment.
	experimentFlags map[string]bool

	// goalEvents counts click and pageview events of goals set up in the vendor's dashboard as conversions.
	goalEvents bool

	// environments are those whose audit log entries are read; nil: all. A webhook has no environment of its own.
	environments map[string]bool

	// offEndsEarly takes a flag that is turned off as an experiment that is broken off.
	offEndsEarly bool

	// attributes of contexts that are kept: the name of the event's attribute by the context's.
	attributes map[string]string
}

// keptNames are the attributes that are kept by default, by the names that customers and old SDKs give them.
var keptNames = map[string]string{
	"country": "country", "region": "region", "language": "language", "locale": "language", "platform": "platform", "deviceType": "device_type",
	"device_type": "device_type", "os": "os", "browser": "browser", "appVersion": "app_version", "app_version": "app_version", "plan": "plan",
	"utm_source": "utm_source", "utm_medium": "utm_medium", "utm_campaign": "utm_campaign", "utm_term": "utm_term", "utm_content": "utm_content",
}

func checkOptions(raw map[string]any) error {
	_, err := readOptions(raw)
	return err
}

// readOptions reads settings as a YAML or JSON decoder leaves them, and reports all faults at once.
func readOptions(raw map[string]any) (options, error) {
	o := options{attributes: keptNames}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		var err error
		switch name {
		case "unit_kinds":
			o.unitKinds, err = readUnitKinds(raw[name])
		case "experiment_flags":
			o.experimentFlags, err = readKeys(name, "a flag key", raw[name])
		case "environments":
			o.environments, err = readKeys(name, "an environment key", raw[name])
		case "goal_events":
			o.goalEvents, err = readSwitch(name, raw[name])
		case "off_ends_early":
			o.offEndsEarly, err = readSwitch(name, raw[name])
		case "attributes":
			var more map[string]bool
			more, err = readKeys(name, "the name of a context's attribute", raw[name])
			o.attributes = maps.Clone(keptNames)
			for key := range more {
				o.attributes[key] = cmp.Or(keptNames[key], key)
			}
		default:
			err = fmt.Errorf("%.60s: no such option; there are unit_kinds, experiment_flags, goal_events, environments, off_ends_early and attributes", name)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return o, errors.Join(faults...)
}

func readUnitKinds(raw any) (map[string]string, error) {
	given, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("unit_kinds: must map flag keys to context kinds, such as {billing-test: organization}")
	}
	kinds := make(map[string]string, len(given))
	var faults []error
	for _, flag := range slices.Sorted(maps.Keys(given)) {
		kind, ok := given[flag].(string)
		switch {
		case flag == "":
			faults = append(faults, errors.New("unit_kinds: a flag key must not be empty"))
		case !ok || !isKind(kind) || kind == "kind" || kind == multi:
			faults = append(faults, fmt.Errorf("unit_kinds.%.60s: must be a context kind such as user or organization", flag))
		default:
			kinds[flag] = kind
		}
	}
	return kinds, errors.Join(faults...)
}

func readSwitch(option string, raw any) (bool, error) {
	on, ok := raw.(bool)
	if !ok {
		return false, fmt.Errorf("%s: must be true or false", option)
	}
	return on, nil
}

func readKeys(option, what string, raw any) (map[string]bool, error) {
	given, ok := raw.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: must be a list", option)
	}
	keys := make(map[string]bool, len(given))
	var faults []error
	for i, v := range given {
		if key, ok := v.(string); ok && key != "" {
			keys[key] = true
		} else {
			faults = append(faults, fmt.Errorf("%s[%d]: must be %s", option, i, what))
		}
	}
	return keys, errors.Join(faults...)
}
