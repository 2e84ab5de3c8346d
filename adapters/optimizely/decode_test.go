package optimizely_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

func decode(body string) (adapters.Batch, error) {
	return plain.Decode(adapters.Source{Name: "o", Rules: canonical.DefaultRules()},
		adapters.Envelope{Method: http.MethodPost, Path: "/v1/events", Header: http.Header{}, Body: []byte(body), ReceivedAt: 1795340799999})
}

const when = `"timestamp":1795340795370`

// one is a body with one event of one visitor, and decisions before it.
func one(client, decisions, event string) string {
	return `{"project_id":"1","client_name":"` + client + `","visitors":[{"visitor_id":"u","snapshots":[{"decisions":[` + decisions + `],"events":[` + event + `]}]}]}`
}

func TestUnreadable(t *testing.T) {
	whole := one("node-sdk", "", `{"key":"signup",`+when+`}`)
	for name, body := range map[string]string{
		"empty":           "",
		"a form":          "visitors=%5B%5D",
		"encoded twice":   strconv.Quote(whole),
		"an array":        "[" + whole + "]",
		"two bodies":      whole + whole,
		"no visitors":     `{"project_id":"1"}`,
		"null visitors":   `{"visitors":null}`,
		"visitors of old": `{"visitors":{}}`,
		"too deep":        `{"visitors":[{"visitor_id":"u","snapshots":[{"events":[{"tags":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}]}]}]}`,
		"not UTF-8":       "{\"visitors\":[{\"visitor_id\":\"\xff\"}]}",
	} {
		if b, err := decode(body); !errors.Is(err, adapters.ErrUnreadable) || b.Items > 0 {
			t.Errorf("%s: %d items, %v", name, b.Items, err)
		}
	}
	for i := range len(whole) {
		if _, err := decode(whole[:i]); !errors.Is(err, adapters.ErrUnreadable) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodOptions, http.MethodHead} {
		if _, err := plain.Decode(adapters.Source{}, adapters.Envelope{Method: method, Path: "/datafiles/k.json"}); !errors.Is(err, adapters.ErrNotServed) {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestRevenue(t *testing.T) {
	for digits, want := range map[string]string{
		"4299": "42.99", "0": "0", "-0": "0", "-500": "-5", "19.5": "0.195", "1e2": "1", "15E-1": "0.015", "4.299e3": "42.99", "1e-400000000000": "0", "100000000000000": "1000000000000",
		"1e15": "", "1e400000000000": "", `"12"`: "", "true": "",
	} {
		b, err := decode(one("node-sdk", "", `{"key":"purchase",`+when+`,"revenue":`+digits+`}`))
		if err != nil || b.Items != 1 {
			t.Fatalf("%s: %v", digits, err)
		}
		got := ""
		if len(b.Events) == 1 {
			got = b.Events[0].Value.String()
		} else if b.Rejected[0].Field != "revenue" {
			t.Errorf("%s: %+v", digits, b.Rejected)
		}
		if got != want {
			t.Errorf("revenue %s is %q, want %q", digits, got, want)
		}
	}
}

// TestIDs: what is one thing has one id, what is two has two, for SDKs that keep uuids and for the one that does not.
func TestIDs(t *testing.T) {
	const a = `{"experiment_id":"1","variation_id":"2","campaign_id":"9","metadata":{"rule_type":"feature-test","flag_key":"f","variation_key":"on"}}`
	const b = `{"experiment_id":"3","variation_id":"4","campaign_id":"9","metadata":{"rule_type":"feature-test","flag_key":"g","variation_key":"on"}}`

	shown := func(uuid string) string {
		return `{"key":"campaign_activated","entity_id":"9",` + when + `,"uuid":"` + uuid + `"}`
	}
	ids := func(body string) (all []string) {
		batch, err := decode(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range batch.Events {
			all = append(all, e.ID)
		}
		return all
	}
	if got := ids(one("node-sdk", a+","+b, shown("x"))); fmt.Sprint(got) != "[x x/1]" {
		t.Errorf("two decisions of one event: %v", got)
	}
	if got := ids(one("node-sdk", a, shown("x")+","+shown("y"))); fmt.Sprint(got) != "[x y]" {
		t.Errorf("two events: %v", got)
	}
	first, again := ids(one("go-sdk", a, shown("x")+","+shown("y"))), ids(one("go-sdk", a, shown("v")+","+shown("w")))
	if fmt.Sprint(first) != fmt.Sprint(again) || len(first) != 2 || first[0] == first[1] {
		t.Errorf("built again by go-sdk: %v, then %v", first, again)
	}
	if got := ids(one("go-sdk", "", `{"key":"purchase",`+when+`,"uuid":"x"}`)); fmt.Sprint(got) != "[x]" {
		t.Errorf("a conversion of go-sdk: %v", got)
	}
	if got := ids(one("node-sdk", a+","+b, `{"key":"purchase",`+when+`,"uuid":"x"}`)); fmt.Sprint(got) != "[x x/1]" {
		t.Errorf("a conversion with two decisions: %v", got)
	}
	long := strings.Repeat("x", 190)
	if got := ids(one("node-sdk", a, shown(long))); len(got) != 1 || got[0] == long || len(got[0]) != 36 {
		t.Errorf("a uuid that cannot be an id: %v", got)
	}
}

func TestCookieVisitors(t *testing.T) {
	for id, anonymous := range map[string]bool{
		"oeu1795340795370r0.8471": true, "oeu1r0.1": true, "oeu1795340795370": false, "oeur0.1": false, "oeu1r": false, "oeu1r0.": false, "oeu1rx": false, "u-1": false, "oeu1xr0.5": false,
	} {
		b, err := decode(strings.Replace(one("js", "", `{"key":"signup",`+when+`}`), `"u"`, `"`+id+`"`, 1))
		if err != nil || len(b.Events) != 1 || (b.Events[0].AnonymousID == id) != anonymous || (b.Events[0].UserID == id) == anonymous {
			t.Errorf("%s: %+v %v", id, b, err)
		}
	}
}
