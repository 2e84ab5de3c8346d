package vwo

import (
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// entry is one item of a body: of the classic batch, or {d: …} of Data360 and FME.
type entry struct {
	// classic: what it is, campaign, variation, goal, revenue, visitor, seconds (NODE batch events, GO schema/batch.go)
	eT, e, c, g, r, u, sID field.Scalar

	// Data360 and FME
	isEvent      bool
	msgID, visID field.Scalar
	name, time   field.Scalar
	props        []byte // as it lies in the body
	visitorUA    field.Scalar
	wrongD       bool
}

// reader walks a body and holds one entry at a time. Of members with one name the last one wins.
type reader struct {
	c jsonscan.Cursor
	w entry
}

func (r *reader) scalar(dst *field.Scalar) error { return field.ReadScalar(&r.c, dst) }

func (r *reader) entry() error {
	r.w = entry{}
	return r.c.Object(r.member)
}

func (r *reader) member(name []byte) error {
	w := &r.w
	switch string(name) {
	case "d":
		w.isEvent = true
		if w.wrongD = r.c.Peek() != '{'; w.wrongD {
			return r.c.Skip()
		}
		return r.c.Object(r.dMember)
	case "eT":
		return r.scalar(&w.eT)
	case "e":
		return r.scalar(&w.e)
	case "c":
		return r.scalar(&w.c)
	case "g":
		return r.scalar(&w.g)
	case "r":
		return r.scalar(&w.r)
	case "u":
		return r.scalar(&w.u)
	case "sId":
		return r.scalar(&w.sID)
	case "visitor_ua":
		return r.scalar(&w.visitorUA)
	}
	return r.c.Skip()
}

func (r *reader) dMember(name []byte) error {
	w := &r.w
	switch string(name) {
	case "msgId":
		return r.scalar(&w.msgID)
	case "visId":
		return r.scalar(&w.visID)
	case "visitor_ua":
		return r.scalar(&w.visitorUA)
	case "event":
		if r.c.Peek() != '{' {
			return r.c.Skip()
		}
		return r.c.Object(r.eventMember)
	}
	return r.c.Skip()
}

func (r *reader) eventMember(name []byte) (err error) {
	switch string(name) {
	case "name":
		return r.scalar(&r.w.name)
	case "time":
		return r.scalar(&r.w.time)
	case "props":
		r.w.props, err = r.c.Raw()
		return err
	}
	return r.c.Skip()
}

// shown are the campaign and the variation of an exposure. They are read of nothing else: on an FME conversion they are
// placeholders, always 1, or properties of the customer's that happen to have these names (FME
// NetworkUtil.getTrackGoalPayloadData).
func shown(props []byte) (campaign, variation field.Scalar) {
	eachProp(props, func(c *jsonscan.Cursor, name []byte) error {
		switch string(name) {
		case "id":
			return field.ReadScalar(c, &campaign)
		case "variation":
			return field.ReadScalar(c, &variation)
		}
		return c.Skip()
	})
	return campaign, variation
}

// eachProp reads the properties of an event, which were read over once already and so are JSON.
func eachProp(props []byte, fn func(c *jsonscan.Cursor, name []byte) error) {
	c := jsonscan.New(props)
	if c.Peek() != '{' {
		return
	}
	if err := c.Object(func(name []byte) error { return fn(&c, name) }); err != nil {
		return // it cannot be, see above
	}
}

// tracked is what a conversion's properties tell: its revenue under the name that the settings give it, and its
// currency. Classic Data360 copies the revenue into vwoMeta under that name, beside metric (NODE api/track.js), so that
// the only number there is it.
type tracked struct {
	revenue, currency, meta field.Scalar
}

func readTracked(props []byte, revenueProp string) (t tracked) {
	eachProp(props, func(c *jsonscan.Cursor, name []byte) error {
		switch {
		case string(name) == "vwoMeta" && c.Peek() == '{':
			return c.Object(func(name []byte) error {
				if string(name) == "metric" || c.Peek() != '0' {
					return c.Skip()
				}
				return field.ReadScalar(c, &t.meta)
			})
		case revenueProp != "" && string(name) == revenueProp:
			return field.ReadScalar(c, &t.revenue)
		case string(name) == "currency":
			return field.ReadScalar(c, &t.currency)
		}
		return c.Skip()
	})
	return t
}
