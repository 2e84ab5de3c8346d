package statsig

import (
	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
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

var table = []adapters.Option{
	{
		Name: "experiments", Kind: adapters.List, Example: []string{"checkout_button_color"}, Must: "a list of experiments' names", Each: "the name of an experiment",
		Doc: "there is no catalog: only these configs are experiments",
	},
	{
		Name: "gates", Kind: adapters.List, Example: []string{"new_nav_gate"}, Must: "a list of gates' names", Each: "the name of a gate",
		Doc: "a gate's partial rollout is to be read as a test of `pass` against `fail`",
	},
	{
		Name: "unit_kinds", Kind: adapters.Map, Example: map[string]string{"company_plan_test": "companyID"},
		Must: "a mapping of experiments to custom ids", Each: "a custom id such as companyID; userID and stableID need no entry",
		Allowed: func(_, kind string) bool { return field.IsLabel(kind) && !isUserID(kind) && !isStableID(kind) },
		Doc:     "an experiment is to be counted by a custom id: its exposures are about `companyID:ID`, and conversions of users with that id count for it as well",
	},
	{
		Name: "holdouts", Kind: adapters.List, Example: []string{"global_holdout_2026"}, Must: "a list of gates' names", Each: "the name of a gate",
		Doc: "there is no catalog: these gates hold users out of experiments",
	},
	{
		Name: "value_from", Kind: adapters.TextOrMap, Filled: true, Example: map[string]string{"purchase": "total"},
		Must: "a member of metadata, or a mapping of events to one", Each: "the name of a member of metadata",
		Doc: "the money of a conversion is not in `metadata.revenue`, `.value` or `.price`: the member that holds it, for all events or by event. `value` is the event's own value",
	},
	{
		Name: "auto_capture", Kind: adapters.Switch, Example: true,
		Doc: "events that `@statsig/web-analytics` logs by itself (`auto_capture::…`) are to count as conversions; without it they are ignored and counted",
	},
	{
		Name: "attributes", Kind: adapters.List, Example: []string{"betaTester"}, Must: "a list of users' attributes", Each: "the name of an attribute",
		Doc: "attributes of users to keep besides those of [the default](#attributes)",
	},
}

func open(s adapters.Settings) (adapters.Decoder, error) {
	o := &options{
		experiments: s.Set("experiments"), gates: s.Set("gates"), unitKinds: s.Map("unit_kinds"), holdouts: s.Set("holdouts"),
		valueFrom: s.Map("value_from"), autoCapture: s.Switch("auto_capture"), attributes: field.Kept(map[string]string{"browserName": "browser"}, s.List("attributes")),
	}
	return adapters.Decoder{Verify: verify, Decode: o.decode, Reply: reply}, nil
}
