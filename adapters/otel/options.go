package otel

import (
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
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

var table = []adapters.Option{
	{
		Name: "flags", Kind: adapters.List, Filled: true, Example: []string{"checkout-headline"}, Must: "a list of flag keys with at least one", Each: "a flag key",
		Doc: "only some of your flags have experiments; without it every flag whose evaluations count is one",
	},
	{
		Name: "reasons", Kind: adapters.List, Filled: true, Example: []string{"split"}, Must: "a list of reasons with at least one", Each: "a reason",
		Doc: "the evaluations that count are not those of [the table](#reasons-by-provider); upper and lower case are the same, and `unknown` also means none",
	},
	{
		Name: "flag_sets", Kind: adapters.List, Filled: true, Example: []string{"shop/production"}, Must: "a list of flag sets with at least one", Each: "the id of a flag set",
		Doc: "two flag sets have flags of one key, and this source is for one of them",
	},
	{
		Name: "contexts", Kind: adapters.Text, Example: "anonymous", Words: []string{"user", "anonymous"},
		Must: "user or anonymous: whose ids your targeting keys are; leave it out if they are both",
		Doc:  "`user`: your targeting keys are users' ids; `anonymous`: they are ids of cookies or devices. Without it a key counts for both, [see below](#whose-id-a-targeting-key-is)",
	},
	{
		Name: "user_attribute", Kind: adapters.Text, Example: "user.id", Must: "the key of a record's attribute",
		Doc: "an attribute of the record holds the user's id, besides a targeting key that is a device's; the two are linked",
	},
	{
		Name: "attributes", Kind: adapters.List, Filled: true, Example: []string{"shop.plan"}, Must: "a list of records' attributes with at least one", Each: "the key of an attribute",
		Doc: "attributes of the records to keep besides those of the default, by their keys",
	},
}

func open(s adapters.Settings) (adapters.Decoder, error) {
	o := &options{
		flags: s.Set("flags"), sets: s.Set("flag_sets"), contexts: s.Text("contexts"), userAttribute: s.Text("user_attribute"), attributes: s.Set("attributes"),
	}
	if reasons := s.List("reasons"); reasons != nil {
		o.reasons = map[string]bool{}
		for _, reason := range reasons {
			o.reasons[strings.ToLower(reason)] = true
		}
	}
	return adapters.Decoder{Verify: verify, Decode: o.decode, Reply: reply}, nil
}
