package adaptertest_test

import (
	"fmt"
	"net/http"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// Adapter decodes the orders of a small shop.
var Adapter = adapters.Adapter{
	Vendor: "toy",
	About: adapters.About{
		Title: "Toy Shop", Reads: "orders", Page: "adapters/toy/README.md",
		Routes:   []adapters.Route{{Method: "POST", Path: "/orders", Takes: "an array of orders"}},
		Snippets: []adapters.Snippet{{For: "a shell", Code: `curl {URL}/orders -d '[{"id":"o-1","user":"u-1","total":5,"at":1795172400}]'`}},
	},
	Options: []adapters.Option{{
		Name: "event", Kind: adapters.Text, Default: "purchase", Example: "order", Must: "the name of an event",
		Doc: "orders are to count as another event than `purchase`",
	}},
	Open: open,
}

// shop is one source of the vendor.
type shop struct{ event string }

func open(s adapters.Settings) (adapters.Decoder, error) {
	o := shop{event: s.Text("event")}
	return adapters.Decoder{Verify: verify, Decode: o.decode, Reply: reply}, nil
}

func verify(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	if !adapters.SameSecret(secret, e.Header.Get("X-Toy-Key")) {
		return fmt.Errorf("%w: X-Toy-Key is not the source's secret", adapters.ErrUnauthorized)
	}
	return nil
}

func (o shop) decode(s adapters.Source, e adapters.Envelope) (b adapters.Batch, err error) {
	c := jsonscan.New(e.Body)
	if c.Peek() != '[' {
		return b, adapters.Unreadable("must be an array of orders, is %s", jsonscan.Name(c.Peek()))
	}
	if err = c.Array(func(i int) error {
		b.Items++
		return o.order(&c, s, e, i, &b)
	}); err == nil {
		err = c.End()
	}
	if err != nil {
		return adapters.Batch{}, adapters.Unreadable("%v", err)
	}
	return b, nil
}

// order gives one order its outcome. It fails on a syntax error alone.
func (o shop) order(c *jsonscan.Cursor, s adapters.Source, e adapters.Envelope, i int, b *adapters.Batch) error {
	var id, user field.Text
	var total, at field.Number
	var test bool
	given, err := field.ReadObject(c, func(name []byte) error {
		switch string(name) {
		case "id":
			return field.ReadID(c, &id)
		case "user":
			return field.ReadID(c, &user)
		case "total":
			return field.ReadNumber(c, &total)
		case "at":
			return field.ReadNumber(c, &at)
		case "test":
			return field.ReadFlag(c, &test)
		}
		return c.Skip()
	})
	when, badTime := adapters.ParseUnix(string(at.Digits))
	value, badValue := canonical.ParseNumber(string(total.Digits))
	switch {
	case err != nil:
		return err
	case given != field.Right:
		b.Reject(i, field.Fault("", "an order must be an object"))
	case test:
		b.Ignore("test_order")
	case badTime != nil:
		b.Reject(i, field.Fault("at", "must be Unix time"))
	case badValue != nil:
		b.Reject(i, field.Fault("total", "must be a number"))
	default:
		b.Accept(s, e, i, canonical.Event{Kind: canonical.Converted, ID: id.S, ConversionEvent: o.event, UserID: user.S, Value: value, At: when})
		if path := b.RejectedField(i); path != nil && *path == "user_id" {
			*path = "user" // as the shop calls it
		}
	}
	return nil
}

func reply(_ adapters.Envelope, o adapters.Outcome) adapters.Response {
	return adapters.Response{Status: o.Status(http.StatusAccepted)}
}
