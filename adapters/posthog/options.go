package posthog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// options are a source's settings, for what the events do not say themselves.
type options struct {
	// marked counts a flag's call as an exposure only where the SDK says that the flag has an experiment. Older SDKs and
	// calls by hand say nothing, and count unless this is set.
	marked bool

	// exposures are custom exposure events, by the flag whose variant is read from the event's $feature/ stamp.
	exposures map[string]string

	// counted are events of PostHog's own, such as $pageview, that count as conversions.
	counted map[string]bool

	// value is the property that holds a conversion's value; "": revenue, else value.
	value string
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
		case "marked_only":
			var ok bool
			if o.marked, ok = raw[name].(bool); !ok {
				err = errors.New("marked_only: must be true or false")
			}
		case "exposure_events":
			o.exposures, err = readExposures(raw[name])
		case "conversion_events":
			o.counted, err = readCounted(raw[name])
		case "value_property":
			var ok bool
			if o.value, ok = raw[name].(string); !ok || o.value == "" {
				err = errors.New("value_property: must be the name of a property")
			}
		default:
			err = fmt.Errorf("%.60s: no such option; there are marked_only, exposure_events, conversion_events and value_property", name)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return o, errors.Join(faults...)
}

func readExposures(raw any) (map[string]string, error) {
	given, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("exposure_events: must map events to flag keys, such as {checkout viewed: checkout-cta}")
	}
	flags := make(map[string]string, len(given))
	for event, flag := range given {
		key, ok := flag.(string)
		if !ok || key == "" || event == "" {
			return nil, fmt.Errorf("exposure_events.%.60s: must be the key of a flag", event)
		}
		flags[event] = key
	}
	return flags, nil
}

func readCounted(raw any) (map[string]bool, error) {
	const want = "conversion_events: must be a list of events of PostHog's own, such as [$pageview]"
	given, ok := raw.([]any)
	if !ok {
		return nil, errors.New(want)
	}
	counted := make(map[string]bool, len(given))
	for _, one := range given {
		event, ok := one.(string)
		if !ok || len(event) < 2 || event[0] != '$' {
			return nil, errors.New(want)
		}
		counted[event] = true
	}
	return counted, nil
}
