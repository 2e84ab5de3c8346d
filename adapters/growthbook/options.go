package growthbook

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// options are a source's settings, for what the events do not say themselves.
type options struct {
	// units says of attributes whether their values are users' ids or anonymous ones. GrowthBook has no such notion: an
	// experiment hashes any attribute. Declared attributes also link: one event with both is one person's.
	units map[string]unit

	attributes       map[string]bool // kept with the events, for cuts and filters
	valueProperties  []string        // of a custom event: the first that is a number is its value
	currencyProperty string
	dedupProperty    string // of a custom event: an order id or the like
	pageViews        bool   // auto.min.js sends Page View by itself
}

// unit is the space of ids that an attribute's values belong to.
type unit uint8

const (
	unknownUnit unit = iota
	userUnit
	anonymousUnit
)

func checkOptions(raw map[string]any) error {
	_, err := readOptions(raw)
	return err
}

const optionNames = "units, attributes, value_properties, currency_property, dedup_property and page_views"

// readOptions reads settings as a YAML or JSON decoder leaves them, and reports all faults at once.
func readOptions(raw map[string]any) (options, error) {
	o := options{valueProperties: []string{"value"}, currencyProperty: "currency"}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		var err error
		var names []string
		switch name {
		case "units":
			o.units, err = readUnits(raw[name])
		case "attributes":
			names, err = readNames(name, raw[name])
			o.attributes = make(map[string]bool, len(names))
			for _, n := range names {
				o.attributes[n] = true
			}
		case "value_properties":
			o.valueProperties, err = readNames(name, raw[name])
		case "currency_property":
			o.currencyProperty, err = readName(name, raw[name])
		case "dedup_property":
			o.dedupProperty, err = readName(name, raw[name])
		case "page_views":
			var ok bool
			if o.pageViews, ok = raw[name].(bool); !ok {
				err = errors.New("page_views: must be true or false")
			}
		default:
			err = fmt.Errorf("%.60s: no such option; there are %s", name, optionNames)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	return o, errors.Join(faults...)
}

func readUnits(raw any) (map[string]unit, error) {
	given, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("units: must map attributes to user or anonymous, such as {accountId: user, deviceId: anonymous}")
	}
	units := make(map[string]unit, len(given))
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch {
		case name == "":
			faults = append(faults, errors.New("units: an attribute's name must not be empty"))
		case given[name] == "user":
			units[name] = userUnit
		case given[name] == "anonymous":
			units[name] = anonymousUnit
		default:
			faults = append(faults, fmt.Errorf("units.%.60s: must be user or anonymous", name))
		}
	}
	return units, errors.Join(faults...)
}

func readNames(option string, raw any) ([]string, error) {
	given, ok := raw.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: must be a list of names", option)
	}
	var names []string
	var faults []error
	for i, v := range given {
		if name, ok := v.(string); ok && name != "" {
			names = append(names, name)
		} else {
			faults = append(faults, fmt.Errorf("%s[%d]: must be a name", option, i))
		}
	}
	return names, errors.Join(faults...)
}

func readName(option string, raw any) (string, error) {
	if name, ok := raw.(string); ok && name != "" {
		return name, nil
	}
	return "", fmt.Errorf("%s: must be a name", option)
}

// unitOf says what an attribute's values are. Without a word on it in the options, names that are written in one of the
// usual ways speak for themselves; id does not, and is told by its value.
func (o *options) unitOf(attribute string) unit {
	if u, ok := o.units[attribute]; ok {
		return u
	}
	switch strings.ToLower(attribute) {
	case "user_id", "userid":
		return userUnit
	case "device_id", "deviceid", "anonymous_id", "anonymousid":
		return anonymousUnit
	}
	return unknownUnit
}
