package launchdarkly

import (
	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
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

var table = []adapters.Option{
	{
		Name: "unit_kinds", Kind: adapters.Map, Example: map[string]string{"billing-test": "organization"},
		Must: "a mapping of flag keys to context kinds", Each: "a context kind such as user or organization",
		Allowed: func(_, kind string) bool { return isKind(kind) && kind != "kind" && kind != multi },
		Doc:     "an experiment randomises by another context kind than `user`, and its contexts have a user as well",
	},
	{
		Name: "experiment_flags", Kind: adapters.List, Example: []string{"legacy-metric-test"}, Must: "a list of flag keys", Each: "a flag key",
		Doc: `an experiment of the old model ("track events" on a rule)`,
	},
	{
		Name: "goal_events", Kind: adapters.Switch, Example: true,
		Doc: "click and page view metrics set up in LaunchDarkly's dashboard should count; their conversion event is the goal's internal id",
	},
	{
		Name: "environments", Kind: adapters.List, Example: []string{"production"}, Must: "a list of environment keys", Each: "an environment key",
		Doc: "its webhook reports entries of several environments; those of others are ignored",
	},
	{
		Name: "off_ends_early", Kind: adapters.Switch, Example: true,
		Doc: "a flag with an experiment is turned off only because something is wrong",
	},
	{
		Name: "attributes", Kind: adapters.List, Example: []string{"betaTester"}, Must: "a list of contexts' attributes", Each: "the name of a context's attribute",
		Doc: "attributes of contexts to keep besides those of [the default](#attributes)",
	},
}

func open(s adapters.Settings) (adapters.Decoder, error) {
	o := &options{
		unitKinds: s.Map("unit_kinds"), experimentFlags: s.Set("experiment_flags"), goalEvents: s.Switch("goal_events"),
		environments: s.Set("environments"), offEndsEarly: s.Switch("off_ends_early"), attributes: field.Kept(nil, s.List("attributes")),
	}
	return adapters.Decoder{Verify: verify, Decode: o.decode, Reply: reply}, nil
}
