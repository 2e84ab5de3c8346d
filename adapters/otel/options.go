package otel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// options are a source's settings, for what the records do not say themselves.
type options struct {
	// reasons are the feature_flag.result.reason that make an evaluation an exposure; nil: split and targeting_match.
	reasons map[string]bool

	// flags are the flags that have an experiment; nil: all.
	flags map[string]bool

	// sets are the flag sets that are read, since two of them may have flags of one key; nil: all.
	sets map[string]bool

	// anonymous: context ids are of devices, not of users.
	anonymous bool

	// userAttribute is the record's attribute that holds the user's id, beside a context id that is a device's.
	userAttribute string
}

func (o *options) counts(reason string) bool {
	if o.reasons == nil {
		return reason == "split" || reason == "targeting_match"
	}
	return o.reasons[reason]
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
		if err := o.read(name, raw[name]); err != nil {
			faults = append(faults, err)
		}
	}
	return o, errors.Join(faults...)
}

func (o *options) read(name string, raw any) (err error) {
	s, _ := raw.(string)
	switch name {
	case "reasons":
		o.reasons, err = readNames(name, raw, strings.ToLower)
	case "flags":
		o.flags, err = readNames(name, raw, strings.Clone)
	case "flag_sets":
		o.sets, err = readNames(name, raw, strings.Clone)
	case "contexts":
		if s != "user" && s != "anonymous" {
			return errors.New("contexts: must be user or anonymous: what your targeting keys are keys of")
		}
		o.anonymous = s == "anonymous"
	case "user_attribute":
		if s == "" {
			return errors.New("user_attribute: must be the key of a record's attribute such as user.id")
		}
		o.userAttribute = s
	default:
		return fmt.Errorf("%.60s: no such option; there are reasons, flags, flag_sets, contexts and user_attribute", name)
	}
	return err
}

func readNames(option string, raw any, as func(string) string) (map[string]bool, error) {
	given, ok := raw.([]any)
	if !ok || len(given) == 0 {
		return nil, fmt.Errorf("%s: must be a list of texts with at least one", option)
	}
	names := make(map[string]bool, len(given))
	var faults []error
	for i, v := range given {
		if name, ok := v.(string); ok && name != "" {
			names[as(name)] = true
		} else {
			faults = append(faults, fmt.Errorf("%s[%d]: must be a text", option, i))
		}
	}
	return names, errors.Join(faults...)
}
