package tracklayer

import (
	"fmt"
	"strconv"

	"github.com/tracklayer/tracklayer/canonical"
)

// Identity holds the ids of one person: one of them, or both, which also links them.
type Identity struct {
	UserID      string
	AnonymousID string
	Groups      map[string]string // what the person belongs to, by kind, such as {"company": "acme"}; ten at most
}

func (w *Identity) groups() []canonical.Group {
	var groups []canonical.Group
	for kind, id := range w.Groups {
		groups = append(groups, canonical.Group{Kind: kind, ID: id})
	}
	return canonical.SortGroups(groups)
}

// Expose reports that a person was exposed to a variant now.
func (c *Client) Expose(experiment, variant string, who Identity) {
	c.Send(canonical.Event{
		Kind: canonical.Exposed, ExperimentID: experiment, Variant: variant, UserID: who.UserID, AnonymousID: who.AnonymousID, Groups: who.groups(),
	})
}

// Conversion is what a person did.
type Conversion struct {
	Event    string  // what was done, as a metric names it
	Value    float64 // money, if HasValue is set
	HasValue bool
	Currency string // ISO 4217
	DedupKey string // an order id or the like, equal wherever the same conversion is reported; "": every call counts
	Adjusts  string // the DedupKey of an earlier conversion of the same Event, to which Value is added: a refund is negative
}

// Convert reports that a person did something now, as the backend knows it.
func (c *Client) Convert(what Conversion, who Identity) {
	e := canonical.Event{
		Kind: canonical.Converted, ConversionEvent: what.Event, Currency: what.Currency, DedupKey: what.DedupKey, Channel: canonical.Server,
		Adjusts: what.Adjusts, UserID: who.UserID, AnonymousID: who.AnonymousID, Groups: who.groups(),
	}
	if what.HasValue {
		n, err := canonical.ParseNumber(strconv.FormatFloat(what.Value, 'f', -1, 64))
		if err != nil {
			c.drop(1, fmt.Errorf("the value of %q: %w", what.Event, err))
			return
		}
		e.Value = n
	}
	c.Send(e)
}

// Unlink reports that an anonymous id no longer belongs to a user: the links of the two up to now do not hold.
func (c *Client) Unlink(userID, anonymousID string) {
	c.Send(canonical.Event{Kind: canonical.Unlinked, UserID: userID, AnonymousID: anonymousID})
}

// Identify reports that an anonymous visitor is a user.
func (c *Client) Identify(userID, anonymousID string) {
	c.Send(canonical.Event{Kind: canonical.Linked, UserID: userID, AnonymousID: anonymousID})
}

// EndEarly reports that a person's participation in an experiment was ended early, and why.
func (c *Client) EndEarly(experiment, variant, reason string, who Identity) {
	c.Send(canonical.Event{
		Kind: canonical.EndedEarly, ExperimentID: experiment, Variant: variant, EndedReason: reason, UserID: who.UserID, AnonymousID: who.AnonymousID,
	})
}
