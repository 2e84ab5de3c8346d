package statsig

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// options are a source's settings, for what the events do not say themselves.
type options struct {
	// experiments are the names of experiments. Nothing in a config exposure tells an experiment from a dynamic config;
	// where there is no catalog, this list does.
	experiments map[string]bool

	// gates are feature gates whose partial rollout is read as a test of pass against fail.
	gates map[string]bool

	// unitKinds is the custom id that an experiment randomises by and is to be counted by.
	unitKinds map[string]string
}

func checkOptions(raw map[string]any) error {
	_, err := readOptions(raw)
	return err
}

// readOptions reads settings as a YAML or JSON decoder leaves them, and reports all faults at once.
func readOptions(raw map[string]any) (options, error) {
	var o options
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		var err error
		switch name {
		case "experiments":
			o.experiments, err = readNames(name, raw[name])
		case "gates":
			o.gates, err = readNames(name, raw[name])
		case "unit_kinds":
			o.unitKinds, err = readUnitKinds(raw[name])
		default:
			err = fmt.Errorf("%.60s: no such option; there are experiments, gates and unit_kinds", name)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return o, errors.Join(faults...)
}

func readNames(option string, raw any) (map[string]bool, error) {
	given, ok := raw.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: must be a list of names", option)
	}
	names := make(map[string]bool, len(given))
	var faults []error
	for i, v := range given {
		if name, ok := v.(string); ok && name != "" {
			names[name] = true
		} else {
			faults = append(faults, fmt.Errorf("%s[%d]: must be a name", option, i))
		}
	}
	return names, errors.Join(faults...)
}

func readUnitKinds(raw any) (map[string]string, error) {
	given, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("unit_kinds: must map experiments to custom ids, such as {plan_test: companyID}")
	}
	kinds := make(map[string]string, len(given))
	var faults []error
	for _, experiment := range slices.Sorted(maps.Keys(given)) {
		kind, ok := given[experiment].(string)
		if !ok || !isLabel(kind) || isUserID(kind) || isStableID(kind) || experiment == "" {
			faults = append(faults, fmt.Errorf("unit_kinds.%.60s: must be a custom id such as companyID; userID and stableID need no entry", experiment))
			continue
		}
		kinds[experiment] = kind
	}
	return kinds, errors.Join(faults...)
}
