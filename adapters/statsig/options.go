package statsig

import (
	"cmp"
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

	// holdouts are gates that hold users out of experiments, if there is no catalog that says so.
	holdouts map[string]bool

	// valueFrom is the member of metadata that holds a conversion's money, by the event's name; "" is for all others. The
	// member value is the event's own value.
	valueFrom map[string]string

	// autoCapture counts the events that @statsig/web-analytics logs by itself as conversions.
	autoCapture bool

	// attributes of users that are kept: the name of the event's attribute by the user's.
	attributes map[string]string
}

// keptNames are the attributes that are kept by default, at the top of a user or among custom.
var keptNames = map[string]string{
	"country": "country", "region": "region", "language": "language", "locale": "language", "platform": "platform", "deviceType": "device_type",
	"device_type": "device_type", "os": "os", "browser": "browser", "browserName": "browser", "appVersion": "app_version", "app_version": "app_version",
	"plan": "plan", "utm_source": "utm_source", "utm_medium": "utm_medium", "utm_campaign": "utm_campaign", "utm_term": "utm_term", "utm_content": "utm_content",
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
		case "experiments":
			o.experiments, err = readNames(name, raw[name])
		case "gates":
			o.gates, err = readNames(name, raw[name])
		case "unit_kinds":
			o.unitKinds, err = readUnitKinds(raw[name])
		case "holdouts":
			o.holdouts, err = readNames(name, raw[name])
		case "value_from":
			o.valueFrom, err = readValueFrom(raw[name])
		case "auto_capture":
			var ok bool
			if o.autoCapture, ok = raw[name].(bool); !ok {
				err = errors.New("auto_capture: must be true or false")
			}
		case "attributes":
			var more map[string]bool
			more, err = readNames(name, raw[name])
			o.attributes = maps.Clone(keptNames)
			for key := range more {
				o.attributes[key] = cmp.Or(keptNames[key], key)
			}
		default:
			err = fmt.Errorf("%.60s: no such option; there are experiments, gates, unit_kinds, holdouts, value_from, auto_capture and attributes", name)
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

// readValueFrom reads a member's name, or one by event.
func readValueFrom(raw any) (map[string]string, error) {
	if member, ok := raw.(string); ok && member != "" {
		return map[string]string{"": member}, nil
	}
	given, ok := raw.(map[string]any)
	if !ok || len(given) == 0 {
		return nil, errors.New("value_from: must be a member of metadata such as price, or map events to one, such as {purchase: total}; value is the event's own value")
	}
	members := make(map[string]string, len(given))
	for _, event := range slices.Sorted(maps.Keys(given)) {
		member, ok := given[event].(string)
		if !ok || member == "" || event == "" {
			return nil, fmt.Errorf("value_from.%.60s: must be the name of a member of metadata", event)
		}
		members[event] = member
	}
	return members, nil
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
