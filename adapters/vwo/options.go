package vwo

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// options are a source's settings, for what the events do not say themselves.
type options struct {
	// revenueProps is the property that holds an event's revenue. The settings file says it too; this says it without.
	revenueProps map[string]string

	// visitors is what the ids that the program gives the SDK are ids of: user, anonymous, or "" if it is not known.
	visitors string
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
		case "revenue_props":
			o.revenueProps, err = readProps(raw[name])
		case "visitors":
			if o.visitors, _ = raw[name].(string); o.visitors != "user" && o.visitors != "anonymous" {
				err = errors.New("visitors: must be user or anonymous: whose ids you give the SDK; leave it out if they are both")
			}
		default:
			err = fmt.Errorf("%.60s: no such option; there are revenue_props and visitors", name)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return o, errors.Join(faults...)
}

func readProps(raw any) (map[string]string, error) {
	given, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("revenue_props: must map events to properties, such as {purchase: amount}")
	}
	props := make(map[string]string, len(given))
	var faults []error
	for _, event := range slices.Sorted(maps.Keys(given)) {
		prop, ok := given[event].(string)
		if !ok || prop == "" || event == "" {
			faults = append(faults, fmt.Errorf("revenue_props.%.60s: must be the name of a property", event))
			continue
		}
		props[event] = prop
	}
	return props, errors.Join(faults...)
}
