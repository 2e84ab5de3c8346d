package statsig_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/statsig"
	"github.com/tracklayer/tracklayer/canonical"
)

const receivedAt = canonical.Time(1795340900000)

func post(path, body string) adapters.Envelope {
	return adapters.Envelope{Method: http.MethodPost, Path: path, Body: []byte(body), Header: http.Header{}, ReceivedAt: receivedAt}
}

func decode(t *testing.T, options map[string]any, e adapters.Envelope) adapters.Batch {
	t.Helper()
	b, err := adaptertest.Open(t, statsig.Adapter, options).Decode(adapters.Source{Name: "statsig", Rules: canonical.DefaultRules()}, e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// brief writes a batch on one line.
func brief(b adapters.Batch) string {
	var parts []string
	for _, e := range b.Events {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%d %s %s%s=%s %s|%s", e.Index, e.Kind.Token(), e.ConversionEvent, e.ExperimentID, e.Variant+e.MetricValue.String(), e.UserID, e.AnonymousID)))
	}
	for _, r := range b.Rejected {
		parts = append(parts, fmt.Sprintf("%d !%s", r.Index, r.Field))
	}
	for _, reason := range []string{"not_an_experiment", "not_in_a_group", "not_evaluated", "not_started", "override", "without_its_unit", "gate_exposure", "layer_default", "statsig_internal", "sdk_exception", "review"} {
		if n := b.Ignored[reason]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, reason))
		}
	}
	return strings.Join(parts, "; ")
}

const at = `"time":1795340800000`

func seen(config, rule, more string) string {
	return `{"events":[{"eventName":"statsig::config_exposure","user":{"userID":"u1","customIDs":{"companyID":"co-1"}},` + at +
		`,"metadata":{"config":"` + config + `","ruleID":"` + rule + `"` + more + `}}]}`
}

// TestWithoutCatalog: what can be an experiment's group counts under the rule's id.
func TestWithoutCatalog(t *testing.T) {
	company := map[string]any{"unit_kinds": map[string]any{"a": "companyID"}}
	team := map[string]any{"unit_kinds": map[string]any{"a": "teamID"}}
	named := map[string]any{"experiments": []any{"a"}}
	for _, c := range []struct {
		options    map[string]any
		body, want string
	}{
		{nil, seen("a", "r1", ""), "0 exposed a=r1 u1|"},
		{nil, seen("a", "r1", `,"rulePassed":"false"`), "1 not_in_a_group"},
		{nil, seen("a", "r1", `,"rulePassed":false`), "1 not_in_a_group"},
		{nil, seen("a", "r1", `,"reason":"Network:LocalOverride"`), "1 not_evaluated"},
		{nil, seen("a", "r1:userID:id_override", ""), "1 override"},
		{nil, seen("a", "r1:override", ""), "1 override"},
		{nil, seen("a", "prestart", ""), "1 not_started"},
		{nil, seen("a", "inlineTargetingRules", ""), "1 not_in_a_group"},
		{nil, seen("", "r1", ""), "0 !metadata.config"},
		{named, seen("a", "r1", ""), "0 exposed a=r1 u1|"},
		{named, seen("b", "r1", ""), "1 not_an_experiment"},
		{company, seen("a", "r1", ""), "0 exposed a=r1 companyID:co-1|"},
		{team, seen("a", "r1", ""), "1 without_its_unit"},
		{
			company, `{"events":[{"eventName":"buy","value":"2.5",` + at + `,"user":{"userID":"u1","customIDs":{"COMPANYID":"co-1"}}}]}`,
			"0 converted buy=2.5 u1|; 0 converted buy=2.5 companyID:co-1|",
		},
		{company, `{"events":[{"eventName":"buy",` + at + `,"user":{"customIDs":{"companyID":"co-1"}}}]}`, "0 converted buy= companyID:co-1|"},
		{nil, `{"events":[{"eventName":"buy",` + at + `,"user":{"customIDs":{"companyID":"co-1"}}}]}`, "0 !user"},
	} {
		if got := brief(decode(t, c.options, post("/v1/log_event", c.body))); got != c.want {
			t.Errorf("%s\n  is %s\nwant %s", c.body, got, c.want)
		}
	}
}

// TestUnitOfTheCatalog: who lacks the id that an experiment randomises by is counted and marked, as the vendor logs it;
// what a page knows of its visitor says nothing about how the variant was drawn.
func TestUnitOfTheCatalog(t *testing.T) {
	c, err := statsig.Adapter.ParseCatalog([]byte(`{"dynamic_configs":[{"name":"a","entity":"experiment","idType":"companyID","rules":[{"id":"r1","groupName":"A","isExperimentGroup":true}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	body := func(user string) string {
		return `{"events":[{"eventName":"statsig::config_exposure","user":` + user + `,` + at + `,"metadata":{"config":"a","ruleID":"r1"}}]}`
	}
	for _, c2 := range []struct{ query, user, want, attributes string }{
		{"", `{"userID":"u1","customIDs":{"companyID":"co-1"}}`, "u1", ""},
		{"", `{"customIDs":{"companyID":"co-1"}}`, "companyID:co-1", ""},
		{"", `{"userID":"u1"}`, "u1", `{"lacks_unit":"companyID"}`},
		{"k=client-1&st=javascript-client", `{"userID":"u1"}`, "u1", ""},
	} {
		e := post("/v1/log_event", body(c2.user))
		e.RawQuery = c2.query
		b, err := plain.Decode(adapters.Source{Name: "statsig", Catalog: c, Rules: canonical.DefaultRules()}, e)
		if err != nil || len(b.Events) != 1 || b.Events[0].UserID != c2.want || string(b.Events[0].Attributes) != c2.attributes {
			t.Errorf("%+v: %+v, %v", c2, b, err)
		}
	}
}

func TestGatesByConfiguration(t *testing.T) {
	options := map[string]any{"gates": []any{"g"}}
	gate := func(name, value, rule string) string {
		return `{"eventName":"statsig::gate_exposure","user":{"userID":"u1"},` + at + `,"metadata":{"gate":"` + name + `","gateValue":"` + value + `","ruleID":"` + rule + `"}}`
	}
	body := `{"events":[` + gate("g", "true", "r:0.50:1") + `,` + gate("g", "false", "r:0.50:1") + `,` + gate("g", "false", "default") + `,` + gate("h", "true", "r") + `]}`
	want := "0 exposed g=pass u1|; 1 exposed g=fail u1|; 1 not_in_a_group; 1 gate_exposure"
	if got := brief(decode(t, options, post("/v1/log_event", body))); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	hand := `{"exposures":[{"gateName":"g","passes":true,"user":{"userID":"u1"},` + at + `},{"experimentName":"a","user":{"userID":"u1"},` + at + `},{"group":"B",` + at + `}]}`
	if got, want := brief(decode(t, options, post("/v1/log_custom_exposure", hand))), "0 exposed g=pass u1|; 2 !experimentName; 1 not_in_a_group"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestPersons: a number is an id, the event's own user wins, and the batch's stable id is the last resort.
func TestPersons(t *testing.T) {
	for _, c := range []struct{ event, batch, want string }{
		{`"user":{"userID":12345}`, ``, "12345|"},
		{`"user":{"userID":"","customIDs":{"stableID":"s1"}}`, ``, "|s1"},
		{`"user":{"userID":"u1","customIDs":{"stableid":"s1"}}`, `,"statsigMetadata":{"stableID":"s2"}`, "u1|s1"},
		{`"user":{}`, `,"statsigMetadata":{"stableID":"s2"}`, "|s2"},
		{`"user":null`, `,"user":{"userID":"u2"}`, "u2|"},
		{`"user":{"userID":"u1"}`, `,"user":{"userID":"u2"}`, "u1|"},
		{`"user":{"customIDs":null}`, `,"user":{"userID":"u2"}`, "user"},
		{`"user":{"userID":"undefined"}`, ``, "user.userID"},
	} {
		b := decode(t, nil, post("/v1/log_event", `{"events":[{"eventName":"buy",`+at+`,`+c.event+`}]`+c.batch+`}`))
		got := ""
		if len(b.Events) == 1 {
			got = b.Events[0].UserID + "|" + b.Events[0].AnonymousID
		} else if len(b.Rejected) == 1 {
			got = b.Rejected[0].Field
		}
		if got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestTimes: zero and nothing are no time. When it was sent stands in, or when it arrived; then no id is made of it.
func TestTimes(t *testing.T) {
	for _, c := range []struct {
		time, sent string
		want       canonical.Time
		id         bool
	}{
		{`1795340800000`, "", 1795340800000, true},
		{`"1795340800000"`, "", 1795340800000, true},
		{`1.7953408e12`, "", 1795340800000, true},
		{`"2026-11-22T09:46:40.000Z"`, "", 1795340800000, true},
		{`0`, "1795340850000", 1795340850000, true},
		{`null`, "1795340850000", 1795340850000, true},
		{`null`, "", receivedAt, false},
		{`null`, "soon", receivedAt, false},
		{`0`, "7", receivedAt, false},
		{`"soon"`, "", 0, false},
		{`true`, "", 0, false},
		{`1795340800`, "", 0, false}, // seconds
	} {
		e := post("/v1/log_event", `{"events":[{"eventName":"buy","user":{"userID":"u"},"time":`+c.time+`}]}`)
		e.Header.Set("Statsig-Client-Time", c.sent)
		b := decode(t, nil, e)
		switch {
		case c.want == 0:
			if len(b.Rejected) != 1 || b.Rejected[0].Field != "time" {
				t.Errorf("%+v: %+v", c, b)
			}
		case len(b.Events) != 1 || b.Events[0].At != c.want || (b.Events[0].ID != "") != c.id:
			t.Errorf("%+v: %+v", c, b)
		}
	}
}

// TestEqualEvents: two equal purchases are two, and a repeated request repeats their ids.
func TestEqualEvents(t *testing.T) {
	one := `{"eventName":"buy","value":5,"user":{"userID":"u"},"metadata":{"a":1},` + at + `}`
	e := post("/v1/log_event", `{"events":[`+one+`,`+one+`,`+one+`]}`)
	first, again := decode(t, nil, e), decode(t, nil, e)
	ids := map[string]bool{}
	for i := range first.Events {
		ids[first.Events[i].ID] = true
		if first.Events[i].ID != again.Events[i].ID {
			t.Errorf("event %d has another id the second time", i)
		}
	}
	if len(ids) != 3 {
		t.Errorf("%d ids for three events", len(ids))
	}
}

// TestBadRequests: what cannot be taken apart fails as a whole.
func TestBadRequests(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 20 {
		_, _ = z.Write(make([]byte, 1<<20)) // into memory
	}
	_ = z.Close()
	for _, c := range []struct {
		method, path, body string
		want               error
	}{
		{"GET", "/v1/download_config_specs/secret-1.json", "", adapters.ErrNotServed},
		{"POST", "/v1/get_id_lists", "{}", adapters.ErrNotServed},
		{"POST", "/v1/initialize", `{"user":{}}`, adapters.ErrNotServed},
		{"POST", "/v1/log_event", "", adapters.ErrUnreadable},
		{"POST", "/v1/log_event", "7", adapters.ErrUnreadable},
		{"POST", "/v1/log_event", `"{\"events\":[]}"`, adapters.ErrUnreadable},
		{"POST", "/v1/log_event", `{"user":{}}`, adapters.ErrUnreadable},
		{"POST", "/v1/log_event", `{"events":{}}`, adapters.ErrUnreadable},
		{"POST", "/v1/log_event", `{"events":[]`, adapters.ErrUnreadable},
		{"POST", "/v1/log_event", `{"events":[]}]`, adapters.ErrUnreadable},
		{"POST", "/", `{"data":{"event":"other"}}`, adapters.ErrUnreadable},
		{"POST", "/", `{"events":[` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `]}`, adapters.ErrUnreadable},
		{"POST", "/v1/log_event", "\x1f\x8b\x08", adapters.ErrUnreadable},
		{"POST", "/v1/log_event", "\x28\xb5\x2f\xfd\x00", adapters.ErrUnreadable},
		{"POST", "/v1/log_event", bomb.String(), adapters.ErrTooLarge},
	} {
		e := post(c.path, c.body)
		e.Method = c.method
		b, err := plain.Decode(adapters.Source{Name: "statsig"}, e)
		if !errors.Is(err, c.want) || b.Items != 0 {
			t.Errorf("%s %s %.40q: %v", c.method, c.path, c.body, err)
		}
	}
}

// TestOtherRequests: the incoming webhook's single event, the reversed base64, an exception report, a review.
func TestOtherRequests(t *testing.T) {
	for _, c := range []struct{ path, query, body, want string }{
		{"/v1/webhooks/event_webhook", "", `{"user":{"userID":"u"},"event":"buy","value":7,"metadata":{},"timestamp":1795340800000}`, "0 converted buy=7 u|"},
		{"/", "", `[{"event":"buy","userId":"u","stableId":"s","timestamp":1795340800000,"context":{"value":"3","user":{}}}]`, "0 converted buy=3 u|s"},
		{"/v1/rgstr", "k=1&se=1", "", ""},
		{"/v1/sdk_exception", "", `{"exception":"x"}`, "1 sdk_exception"},
		{"/", "", `{"review_id":"r1","type":"update_gate","experiment_name":"a"}`, "1 review"},
		{"/v1/log_event", "", `{"events":[{"eventName":"statsig::something_new"},{"eventName":"statsig::layer_exposure","metadata":{"config":"l"}}]}`, "1 layer_default; 1 statsig_internal"},
	} {
		e := post(c.path, c.body)
		e.RawQuery = c.query
		if c.query != "" {
			e.Body = []byte("==QfdtlOiMHduVmdlJye") // {"events":[]} in base64, reversed
		}
		if got := brief(decode(t, nil, e)); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.body, got, c.want)
		}
	}
	b := decode(t, nil, post("/", `{"review_id":"r1","type":"abandon_experiment","experiment_name":"a","submitter":"pm"}`))
	if len(b.Lives) != 1 || b.Lives[0].Kind != canonical.Remarked || b.Lives[0].At != receivedAt || b.Lives[0].By != "pm" {
		t.Errorf("a review: %+v", b)
	}
	b = decode(t, nil, post("/", `{"data":[{"eventName":"statsig::config_change","timestamp":1795340800000,"metadata":{"type":"Experiment","name":"a","action":"deleted"}}]}`))
	if len(b.Lives) != 1 || b.Lives[0].Kind != canonical.Stopped || !b.CatalogChanged {
		t.Errorf("a deletion: %+v", b)
	}
}

// TestParseCatalog: the two generations of the rules download say the same.
func TestParseCatalog(t *testing.T) {
	rules := `"idType":"userID","entity":"experiment","isActive":true,"rules":[{"id":"layerAssignment"},{"id":"r1","groupName":"Control","isExperimentGroup":true},{"id":"r2","isExperimentGroup":true}]`
	for _, text := range []string{
		`{"dynamic_configs":[{"name":"zoë",` + rules + `}],"layer_configs":[{"name":"l"}],"time":1795000000000}`,
		`{"dynamic_configs":{"zoë":{` + rules + `}},"layer_configs":{"l":{}},"time":1795000000000}`,
	} {
		c, err := statsig.Adapter.ParseCatalog([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		x, ok := c.Experiment("zoë")
		if !ok || !x.Exposes || !x.Running || x.Unit != "userID" || len(x.Variants) != 2 || x.Variants["r1"] != "Control" || x.Variants["r2"] != "r2" || c.Revision != "1795000000000" {
			t.Errorf("%+v of %+v", x, c)
		}
		for _, hash := range []string{"120918"} { // over UTF-16 code units, as the browser has it
			if name, ok := c.Name(hash); !ok || name != "zoë" {
				t.Errorf("%s is %q in %v", hash, name, c.Names)
			}
		}
	}
	for _, text := range []string{"", "[]", "{}", `{"dynamic_configs":7}`, `{"dynamic_configs":[],"layer_configs":7}`} {
		if _, err := statsig.Adapter.ParseCatalog([]byte(text)); err == nil {
			t.Errorf("%q passes for a rules download", text)
		}
	}
}
