package vwo

import "github.com/tracklayer/tracklayer/adapters"

// options are a source's settings, for what the events do not say themselves.
type options struct {
	// revenueProps is the property that holds an event's revenue. The settings file says it too; this says it without.
	revenueProps map[string]string

	// visitors is what the ids that the program gives the SDK are ids of: user, anonymous, or "" if it is not known.
	visitors string
}

var table = []adapters.Option{
	{
		Name: "revenue_props", Kind: adapters.Map, Example: map[string]string{"purchase": "amount"},
		Must: "a mapping of events to properties", Each: "the name of a property",
		Doc: "the property that holds an event's revenue, if the settings (`revenueProp`) do not name it",
	},
	{
		Name: "visitors", Kind: adapters.Text, Example: "user", Words: []string{"user", "anonymous"},
		Must: "user or anonymous: whose ids you give the SDK; leave it out if they are both",
		Doc:  "all ids that you give the SDK are of one kind. Without it an id counts for both",
	},
}

func open(s adapters.Settings) (adapters.Decoder, error) {
	o := &options{revenueProps: s.Map("revenue_props"), visitors: s.Text("visitors")}
	return adapters.Decoder{Verify: verify, Decode: o.decode, Reply: reply}, nil
}
