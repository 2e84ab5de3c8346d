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
	// reasons are the feature_flag.result.reason that make an evaluation an exposure; nil: those of countedReasons.
	reasons map[string]bool

	// flags are the flags that have an experiment; nil: all.
	flags map[string]bool

	// sets are the flag sets that are read, since two of them may have flags of one key; nil: all.
	sets map[string]bool

	// contexts is what context ids are ids of: user, anonymous, or "" if it is not known.
	contexts string

	// userAttribute is the record's attribute that holds the user's id, beside a context id that is a device's.
	userAttribute string

	// attributes are the record's attributes that are kept besides those of keptAttributes.
	attributes map[string]bool
}

// countedReasons are the reasons of evaluations that decide about a unit: those of OpenFeature (split, targeting_match), of
// go-feature-flag (targeting_match_split), GrowthBook (experiment) and LaunchDarkly (fallthrough, rule_match).
var countedReasons = map[string]bool{
	"split": true, "targeting_match": true, "targeting_match_split": true, "experiment": true, "fallthrough": true, "rule_match": true,
}

// counts reports whether evaluations with a reason are exposures, of a provider by its name. LaunchDarkly's providers say
// targeting_match of units that were picked by hand, which no experiment draws.
func (o *options) counts(reason, provider string) bool {
	if o.reasons != nil {
		return o.reasons[reason]
	}
	if reason == "targeting_match" && strings.Contains(strings.ToLower(provider), "launchdarkly") {
		return false
	}
	return countedReasons[reason]
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
			return errors.New("contexts: must be user or anonymous: whose ids your targeting keys are; leave it out if they are both")
		}
		o.contexts = s
	case "user_attribute":
		if s == "" {
			return errors.New("user_attribute: must be the key of a record's attribute such as user.id")
		}
		o.userAttribute = s
	case "attributes":
		o.attributes, err = readNames(name, raw, strings.Clone)
	default:
		return fmt.Errorf("%.60s: no such option; there are reasons, flags, flag_sets, contexts, user_attribute and attributes", name)
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
