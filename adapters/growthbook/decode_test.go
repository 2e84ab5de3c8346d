package growthbook_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/growthbook"
	"github.com/tracklayer/tracklayer/canonical"
)

const received canonical.Time = 1795342080000 // 2026-11-22T10:08:00Z

func decode(t *testing.T, options map[string]any, e adapters.Envelope) adapters.Batch {
	t.Helper()
	b, err := adaptertest.Open(t, growthbook.Adapter, options).Decode(adapters.Source{Name: "gb", Rules: canonical.DefaultRules()}, e)
	if err != nil {
		t.Fatalf("Decode(%s %s): %v", e.Path, e.Body, err)
	}
	return b
}

func post(body string) adapters.Envelope {
	return adapters.Envelope{
		Method: http.MethodPost, Path: "/track", RawQuery: "client_key=sdk-1", Body: []byte(body), ReceivedAt: received, Header: http.Header{},
	}
}

// brief is a batch in few words: events as kind(fields), rejections as index!field, ignores as reason=n.
func brief(b adapters.Batch) string {
	var words []string
	for _, e := range b.Events {
		s := fmt.Sprintf("%d %s", e.Index, e.Kind.Token())
		for _, f := range []struct{ name, value string }{
			{"experiment", e.ExperimentID},
			{"variant", e.Variant},
			{"kind", e.ExperimentKind},
			{"user", e.UserID},
			{"anonymous", e.AnonymousID},
			{"event", e.ConversionEvent},
			{"value", e.Value.String()},
			{"currency", e.Currency},
			{"dedup", e.DedupKey},
			{"adjusts", e.Adjusts},
			{"channel", string(e.Channel)},
			{"attributes", string(e.Attributes)},
		} {
			if f.value != "" {
				s += " " + f.name + "=" + f.value
			}
		}
		if e.AmbiguousID {
			s += " ambiguous"
		}
		for _, g := range e.Groups {
			s += " " + g.Kind + ":" + g.ID
		}
		if e.At != received {
			s += " at=" + e.At.String()
		}
		words = append(words, s)
	}
	for _, r := range b.Rejected {
		words = append(words, fmt.Sprintf("%d !%s", r.Index, r.Field))
	}
	reasons := make([]string, 0, len(b.Ignored))
	for reason := range b.Ignored {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	for _, reason := range reasons {
		words = append(words, fmt.Sprintf("%s=%d", reason, b.Ignored[reason]))
	}
	return strings.Join(words, "; ")
}

const who = `"user_id":null,"device_id":null,"context_json":{}`

func TestDecodeItems(t *testing.T) {
	viewed := func(properties, ids string) string {
		return `[{"event_name":"Experiment Viewed","properties_json":{` + properties + `},` + ids + `}]`
	}
	const x = `"experimentId":"x","variationId":"b",`
	users, visitors := map[string]any{"units": map[string]any{"id": "user"}}, map[string]any{"units": map[string]any{"id": "anonymous"}}
	units := map[string]any{"units": map[string]any{"accountId": "user", "deviceId": "anonymous"}}
	money := map[string]any{"value_properties": []any{"revenue", "value"}, "dedup_property": "order", "currency_property": "cur", "attributes": []any{"country", "user_agent"}, "page_views": true}
	for _, c := range []struct {
		name    string
		options map[string]any
		body    string
		want    string
	}{
		// Whom an exposure is about.
		{"id is the user", nil, viewed(x+`"hashAttribute":"id","hashValue":"u1"`, `"user_id":"u1","device_id":"u1"`), "0 exposed experiment=x variant=b user=u1"},
		{"id is a number and no id is known", nil, viewed(x+`"hashAttribute":"id","hashValue":1234567`, who), "0 exposed experiment=x variant=b user=1234567 ambiguous"},
		{"a number beyond 2^53 stays as it is", nil, viewed(x+`"hashAttribute":"id","hashValue":9007199254740993`, who), "0 exposed experiment=x variant=b user=9007199254740993 ambiguous"},
		{"a number with an exponent", nil, viewed(x+`"hashAttribute":"id","hashValue":1e3`, who), "0 exposed experiment=x variant=b user=1000 ambiguous"},
		{"a number that nothing holds", nil, viewed(x+`"hashAttribute":"id","hashValue":1e999`, who), "0 !hashValue"},
		{"id alone is anybody's", nil, viewed(x+`"hashAttribute":"id","hashValue":"a1"`, `"user_id":null,"device_id":"a1"`), "0 exposed experiment=x variant=b user=a1 ambiguous"},
		{"id beside a device", nil, viewed(x+`"hashAttribute":"id","hashValue":"a1"`, `"user_id":null,"device_id":"d1"`), "0 exposed experiment=x variant=b user=a1 ambiguous"},
		{"id is a user's by option", users, viewed(x+`"hashAttribute":"id","hashValue":"a1"`, `"user_id":null,"device_id":"a1"`), "0 exposed experiment=x variant=b user=a1"},
		{"id is a user's beside a device", users, viewed(x+`"hashAttribute":"id","hashValue":"a1"`, `"user_id":null,"device_id":"d1"`), "0 linked user=a1 anonymous=d1; 0 exposed experiment=x variant=b user=a1"},
		{"id is a visitor's by option", visitors, viewed(x+`"hashAttribute":"id","hashValue":"a1"`, `"user_id":null,"device_id":"a1"`), "0 exposed experiment=x variant=b anonymous=a1"},
		{"id, user and device are three", nil, viewed(x+`"hashAttribute":"id","hashValue":"a1"`, `"user_id":"u1","device_id":"d1"`), "0 linked user=u1 anonymous=d1; 0 linked user=u1 anonymous=a1; 0 exposed experiment=x variant=b anonymous=a1"},
		{"the user is a placeholder", nil, viewed(x+`"hashAttribute":"id","hashValue":"a1"`, `"user_id":"undefined","device_id":"a1"`), "0 exposed experiment=x variant=b user=a1 ambiguous"},
		{"login keeps id", nil, viewed(x+`"hashAttribute":"id","hashValue":"a1"`, `"user_id":"u1","device_id":"a1"`), "0 linked user=u1 anonymous=a1; 0 exposed experiment=x variant=b anonymous=a1"},
		{"user_id", nil, viewed(x+`"hashAttribute":"user_id","hashValue":"u1"`, who), "0 exposed experiment=x variant=b user=u1"},
		{"deviceId", nil, viewed(x+`"hashAttribute":"deviceId","hashValue":"d1"`, `"user_id":"u1","device_id":"u1","context_json":{"deviceId":"d1"}`), "0 exposed experiment=x variant=b anonymous=d1"},
		{"deviceId, declared", units, viewed(x+`"hashAttribute":"deviceId","hashValue":"d1"`, `"user_id":"u1","device_id":"u1","context_json":{"deviceId":"d1"}`), "0 linked user=u1 anonymous=d1; 0 exposed experiment=x variant=b anonymous=d1"},
		{"company", nil, viewed(x+`"hashAttribute":"company","hashValue":"acme"`, who), "0 exposed experiment=x variant=b user=company:acme company:acme"},
		{"accountId, declared", units, viewed(x+`"hashAttribute":"accountId","hashValue":"u7"`, who), "0 exposed experiment=x variant=b user=u7"},
		{"only a placeholder is hashed", nil, viewed(x+`"hashAttribute":"id","hashValue":"undefined"`, who), "0 !hashValue"},
		{"no hash", nil, viewed(x+`"a":1`, who), "0 !hashValue"},
		{"hash is an object", nil, viewed(x+`"hashValue":{}`, who), "0 !hashValue"},
		{"a placeholder as device", nil, viewed(x+`"hashAttribute":"id","hashValue":"u1"`, `"user_id":"u1","device_id":"anonymous"`), "0 exposed experiment=x variant=b user=u1"},

		// What it is about.
		{"no variation", nil, viewed(`"experimentId":"x","hashValue":"u1"`, who), "0 !variationId"},
		{"an empty variation", nil, viewed(`"experimentId":"x","variationId":"","hashValue":"u1"`, who), "0 !variationId"},
		{"no experiment", nil, viewed(`"variationId":"b","hashValue":"u1"`, who), "0 !experimentId"},
		{"properties are text", nil, `[{"event_name":"Experiment Viewed","properties_json":"{\"experimentId\":\"x\"}"}]`, "0 !properties"},
		{"an index, from PHP", nil, `[{"event_name":"Experiment Viewed","properties":{"experimentId":"x","variationId":1},"attributes":{"id":"a1"}}]`, "0 exposed experiment=x variant=1 user=a1 ambiguous"},
		{
			"another tracker", nil, `{"type":"track","event":"Experiment Viewed","userId":"u1","anonymousId":"a1","messageId":"m","timestamp":"2026-11-22T10:00:00Z","properties":{"experiment_id":"x","variation_id":"b"}}`,
			"0 linked user=u1 anonymous=a1 at=2026-11-22T10:00:00Z; 0 exposed experiment=x variant=b user=u1 anonymous=a1 at=2026-11-22T10:00:00Z",
		},
		{"a data layer", nil, `{"event":"experiment_viewed","experiment_id":"x","variation_id":"b","user_id":"u1"}`, "0 exposed experiment=x variant=b user=u1"},
		{"gtag", nil, `["event","experiment_viewed",{"experiment_id":"x","variation_id":"b","user_id":"u1"}]`, "0 exposed experiment=x variant=b user=u1"},
		{"not gtag", nil, `["event",7]`, "0 !; 1 !"},

		// Go before v0.5.
		{
			"old", nil, `{"client_key":"k","events":[{"event_type":"experiment_viewed","experiment_id":"x","variation_id":1,"variation_key":"b","hash_used":true,"in_experiment":true,"hash_attribute":"id","hash_value":"u1","timestamp":1795342033752}]}`,
			"0 exposed experiment=x variant=b user=u1 ambiguous at=2026-11-22T10:07:13.752Z",
		},
		{"old, forced", nil, `{"events":[{"event_type":"experiment_viewed","experiment_id":"x","variation_key":"b","hash_used":false,"hash_value":"u1","timestamp":1795342033752}]}`, "not_in_experiment=1"},
		{"old, no word on the hash", nil, `{"events":[{"event_type":"experiment_viewed","experiment_id":"x","variation_key":"b","hash_value":"u1","timestamp":1795342033752}]}`, "not_in_experiment=1"},
		{"old, in seconds", nil, `{"events":[{"event_type":"experiment_viewed","experiment_id":"x","variation_key":"b","hash_used":true,"hash_value":"u1","timestamp":1795342033}]}`, "0 exposed experiment=x variant=b user=u1 ambiguous at=2026-11-22T10:07:13Z"},
		{"old, usage", nil, `{"events":[{"event_type":"feature_evaluated","source":"experiment","variation_id":1}]}`, "feature_evaluated=1"},

		// The ingestion API.
		{
			"time is what arrival and both clocks say", nil, `{"sentAt":"2026-11-22T11:00:00Z","events":[{"event_name":"buy","attributes":{"id":"u1","user_id":"u1"},"timestamp":"2026-11-22T10:59:00Z"}]}`,
			"0 converted user=u1 event=buy at=2026-11-22T10:07:00Z",
		},
		{"time without sentAt is not taken", nil, `[{"event_name":"buy","attributes":{"user_id":"u1"},"timestamp":"2026-11-22T10:59:00Z"}]`, "0 converted user=u1 event=buy"},
		{
			"times that vendors write", nil, `{"sentAt":"2026-11-22 10:08:00","events":[{"event_name":"buy","user_id":"u1","timestamp":"2026-11-20 12:00:00"},{"event_name":"buy","user_id":"u1","timestamp":1795176000},{"event_name":"buy","user_id":"u1","timestamp":"2026-11-20T12:00:00+0000"}]}`,
			"0 converted user=u1 event=buy at=2026-11-20T12:00:00Z; 1 converted user=u1 event=buy at=2026-11-20T12:00:00Z; 2 converted user=u1 event=buy at=2026-11-20T12:00:00Z",
		},
		{"a slow upload is not a slow clock", nil, `{"sentAt":"2026-11-22T09:58:00Z","events":[{"event_name":"buy","user_id":"u1","timestamp":"2026-11-22T09:57:00Z"}]}`, "0 converted user=u1 event=buy at=2026-11-22T09:57:00Z"},
		{"time that is none", nil, `{"sentAt":1795342080000,"events":[{"event_name":"buy","user_id":"u1","timestamp":"noon"}]}`, "0 !timestamp"},

		// Callbacks.
		{"forced", nil, `{"experiment":{"key":"x"},"result":{"inExperiment":true,"hashUsed":false,"key":"b","hashAttribute":"id","hashValue":"u1"}}`, "not_in_experiment=1"},
		{"not included", nil, `[{"experiment":{"key":"x"},"result":{"inExperiment":false,"hashUsed":false,"key":"b","hashValue":"u1"}}]`, "not_in_experiment=1"},
		{"no label", nil, `{"experiment":{"key":"x"},"result":{"inExperiment":true,"hashUsed":true,"variationId":2,"hashAttribute":"id","hashValue":"u1"}}`, "0 exposed experiment=x variant=2 user=u1 ambiguous"},
		{"passthrough", nil, `{"experiment":{"key":"x"},"result":{"inExperiment":true,"hashUsed":true,"key":"eligible","passthrough":true,"hashAttribute":"id","hashValue":"u1"}}`, `0 exposed experiment=x variant=eligible kind=holdout user=u1 attributes={"passthrough":true} ambiguous`},

		{"callback, id alone", nil, `{"experiment":{"key":"f2"},"result":{"inExperiment":true,"hashUsed":true,"hashAttribute":"id","hashValue":"shopper-1","variationId":1,"key":"1"},"user":{"attributes":{"id":"shopper-1","country":"DE"}}}`, `0 exposed experiment=f2 variant=1 user=shopper-1 attributes={"country":"DE"} ambiguous`},
		{"callback, id is a user's by option", users, `{"experiment":{"key":"f2"},"result":{"inExperiment":true,"hashUsed":true,"hashAttribute":"id","hashValue":"s-1","key":"1"},"user":{"attributes":{"id":"s-1"}}}`, `0 exposed experiment=f2 variant=1 user=s-1`},
		{"callback, id beside user_id", nil, `{"experiment":{"key":"f2"},"result":{"inExperiment":true,"hashUsed":true,"hashAttribute":"id","hashValue":"s-1","key":"1"},"user":{"attributes":{"id":"s-1","user_id":"u1"}}}`, `0 linked user=u1 anonymous=s-1; 0 exposed experiment=f2 variant=1 anonymous=s-1`},
		{"callback, id is user_id", nil, `{"experiment":{"key":"f2"},"result":{"inExperiment":true,"hashUsed":true,"hashAttribute":"id","hashValue":"u1","key":"1"},"user":{"attributes":{"id":"u1","user_id":"u1"}}}`, `0 exposed experiment=f2 variant=1 user=u1`},
		{"callback, a number", nil, `{"experiment":{"key":"f2"},"result":{"inExperiment":true,"hashUsed":true,"hashAttribute":"id","hashValue":4711,"key":"1"},"user":{"attributes":{"id":4711}}}`, `0 exposed experiment=f2 variant=1 user=4711 ambiguous`},
		{"holdout by its meta", nil, `{"experiment":{"key":"winter","meta":[{"key":"0"},{"key":"1","passthrough":true}]},"result":{"inExperiment":true,"hashUsed":true,"hashAttribute":"user_id","hashValue":"u1","key":"0"}}`, `0 exposed experiment=winter variant=0 kind=holdout user=u1`},
		{"holdout by its feature", nil, `{"experiment":{"key":"winter"},"result":{"inExperiment":true,"hashUsed":true,"featureId":"$holdout:h","hashAttribute":"user_id","hashValue":"u1","key":"0"}}`, `0 exposed experiment=winter variant=0 kind=holdout user=u1`},
		{"holdout by its key", nil, viewed(`"experimentId":"holdout-2026q4","variationId":"0","hashAttribute":"user_id","hashValue":"u1"`, who), `0 exposed experiment=holdout-2026q4 variant=0 kind=holdout user=u1`},
		{"holdout by option", map[string]any{"holdouts": []any{"winter"}}, viewed(`"experimentId":"winter","variationId":"0","hashAttribute":"user_id","hashValue":"u1"`, who), `0 exposed experiment=winter variant=0 kind=holdout user=u1`},
		{"no holdout", nil, viewed(`"experimentId":"holdouts","variationId":"0","hashAttribute":"user_id","hashValue":"u1"`, who), `0 exposed experiment=holdouts variant=0 user=u1`},

		// Conversions.
		{"conversion", nil, `[{"event_name":"buy","properties_json":{"value":49.9,"currency":"eur"},"user_id":"u1","device_id":"u1","sdk_language":"go"}]`, "0 converted user=u1 event=buy value=49.9 currency=EUR channel=server"},
		{"refund as text", nil, `[{"event_name":"refund","properties_json":{"value":"-12.50"},"user_id":"u1"}]`, "0 converted user=u1 event=refund value=-12.5"},
		{"value is a word", nil, `[{"event_name":"pick","properties_json":{"value":"red","currency":"red"},"user_id":"u1"}]`, "0 converted user=u1 event=pick"},
		{"value is NaN", nil, `[{"event_name":"pick","properties_json":{"value":"NaN"},"user_id":"u1"}]`, "0 converted user=u1 event=pick"},
		{"value beyond all", nil, `[{"event_name":"buy","properties_json":{"value":1e300},"user_id":"u1"}]`, "0 !value"},
		{
			"options", money, `[{"event_name":"buy","properties_json":{"value":1,"revenue":2,"cur":"USD","order":77},"user_id":"u1","context_json":{"country":"DE","plan":"pro","user_agent":"bot"}}]`,
			`0 converted user=u1 event=buy value=2 currency=USD dedup=77 attributes={"country":"DE","plan":"pro","user_agent":"bot"}`,
		},
		{"numeric ids that JavaScript leaves out", nil, `[{"event_name":"buy","properties_json":{},` + who + `}]`, "0 !user_id"},
		{"the only id is deviceId", nil, `[{"event_name":"buy","properties_json":{},"user_id":null,"device_id":null,"context_json":{"deviceId":"d1"}}]`, "0 converted anonymous=d1 event=buy"},
		{"deviceId beside the user", nil, `[{"event_name":"buy","user_id":"u1","device_id":"u1","context_json":{"deviceId":"d1"}}]`, "0 converted user=u1 anonymous=d1 event=buy"},
		{"properties are a list", nil, `[{"event_name":"buy","properties_json":[],"user_id":"u1"}]`, "0 !properties"},
		{"page view", nil, `[{"event_name":"Page View","properties_json":{},"user_id":"u1"}]`, "page_view=1"},
		{"page view that counts", money, `[{"event_name":"Page View","properties_json":{},"user_id":"u1"}]`, "0 converted user=u1 event=Page View"},
		{"no name", nil, `[{"properties_json":{}},{"event_name":""},{"event_name":7},7]`, "0 !event_name; 1 !event_name; 2 !event_name; 3 !"},
		{"a link is reported once", nil, `[{"event_name":"Page View","user_id":"u1","device_id":"d1"},{"event_name":"Page View","user_id":"u1","device_id":"d1"}]`, "0 linked user=u1 anonymous=d1; page_view=1"},
		{"a custom event of id alone", nil, `[{"event_name":"buy","user_id":null,"device_id":"u-1","sdk_language":"js","context_json":{}}]`, "0 converted user=u-1 event=buy ambiguous"},
		{"the same by option", users, `[{"event_name":"buy","user_id":null,"device_id":"u-1","sdk_language":"js","context_json":{}}]`, "0 converted user=u-1 event=buy"},
		{"the same of a visitor", visitors, `[{"event_name":"buy","user_id":null,"device_id":"u-1","sdk_language":"js","context_json":{}}]`, "0 converted anonymous=u-1 event=buy"},
		{"a page's own device_id", users, `{"event_name":"buy","attributes":{"device_id":"d1"}}`, "0 converted anonymous=d1 event=buy"},
		{"a tracker's anonymous id", nil, `{"event":"buy","anonymousId":"d1"}`, "0 converted anonymous=d1 event=buy"},
		{"a placeholder beside a user", nil, `[{"event_name":"buy","user_id":"u1","device_id":"undefined"}]`, "0 converted user=u1 event=buy"},
		{"a placeholder beside a device", nil, `[{"event_name":"buy","user_id":"null","attributes":{"device_id":"d1"}}]`, "0 converted anonymous=d1 event=buy"},
		{"only a placeholder", nil, `[{"event_name":"buy","user_id":"undefined"}]`, "0 !user_id"},
		{"groups", map[string]any{"units": map[string]any{"team": "group"}}, `[{"event_name":"buy","user_id":"u1","attributes":{"company":"acme","team":7}}]`, "0 converted user=u1 event=buy company:acme team:7"},
		{
			"default attributes", nil, `[{"event_name":"buy","user_id":"u1","utm_source":"news","utm_term":null,"context_json":{"country":"DE","region":"BE","locale":"de","deviceType":"mobile","browser":"chrome","os":"iOS","appVersion":"2.1","platform":"ios","utmMedium":"mail","email":"a@b.c","name":"Ada","ip":"192.0.2.1"}}]`,
			`0 converted user=u1 event=buy attributes={"app_version":"2.1","browser":"chrome","country":"DE","device_type":"mobile","language":"de","os":"iOS","platform":"ios","region":"BE","utm_medium":"mail","utm_source":"news"}`,
		},
		{
			"a sign is no currency", nil, `[{"event_name":"buy","user_id":"u1","properties_json":{"value":1,"currency":"€"}},{"event_name":"buy","user_id":"u1","properties_json":{"value":1,"currency":" usd "}}]`,
			"0 converted user=u1 event=buy value=1; 1 converted user=u1 event=buy value=1 currency=USD",
		},
		{
			"an order and its refund", nil, `[{"event_name":"Order Completed","user_id":"u1","properties_json":{"value":100,"order_id":"o-1"}},{"event_name":"Order Refunded","user_id":"u1","properties_json":{"total":"30.5","order_id":"o-1"}},{"event_name":"refund","user_id":"u1","properties_json":{"value":-5,"transaction_id":77}},{"event_name":"refund","user_id":"u1","properties_json":{"value":5}},{"event_name":"shipped","user_id":"u1","properties_json":{"order_id":"o-1"}}]`,
			"0 converted user=u1 event=Order Completed value=100 dedup=o-1; 1 converted user=u1 event=Order Refunded value=30.5; 1 converted user=u1 event=Order Completed value=-30.5 adjusts=o-1; 2 converted user=u1 event=refund value=-5; 2 converted user=u1 event=purchase value=-5 adjusts=77; 3 converted user=u1 event=refund value=5; 4 converted user=u1 event=shipped",
		},
		{
			"refunds by option",
			map[string]any{"refunds": map[string]any{"back": "paid"}, "dedup_property": "invoice"},
			`[{"event_name":"back","user_id":"u1","properties_json":{"value":4,"invoice":"i"}},{"event_name":"refund","user_id":"u1","properties_json":{"value":5,"invoice":"i"}}]`,
			"0 converted user=u1 event=back value=4; 0 converted user=u1 event=paid value=-4 adjusts=i; 1 converted user=u1 event=refund value=5 dedup=i",
		},
		{"one bad, one good", nil, `[{"event_name":"buy"},{"event_name":"buy","user_id":"u1"}]`, "1 converted user=u1 event=buy; 0 !user_id"},
		{"nothing", nil, `[]`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := brief(decode(t, c.options, post(c.body))); got != c.want {
				t.Errorf("%s\nis   %s\nwant %s", c.body, got, c.want)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	for name, body := range map[string]string{
		"empty": "", "cut": `[{"event_name":"buy"`, "text": `"[{}]"`, "number": "7", "two values": `[] []`, "deep": deep,
		"form": "a=b", "compressed": "\x1f\x8b\x08", "not UTF-8": "{\"event_name\":\"\xff\"}",
	} {
		_, err := plain.Decode(adapters.Source{}, post(body))
		if !errors.Is(err, adapters.ErrUnreadable) || errors.Is(err, adapters.ErrNotServed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestIDs: a request that comes twice, on whichever way, has the same ids; what differs has others; a later day sees the
// person again, so that a run that is started again does.
func TestIDs(t *testing.T) {
	const body = `[{"event_name":"Experiment Viewed","properties_json":{"experimentId":"x","variationId":"b","hashAttribute":"id","hashValue":"u1"}}]`
	id := func(after time.Duration, query, body string) string {
		e := post(body)
		e.ReceivedAt = e.ReceivedAt.Add(after)
		e.RawQuery = query
		return decode(t, nil, e).Events[0].ID
	}
	first := id(0, "client_key=a", body)
	if again := id(10*time.Minute, "client_key=a", body); again != first {
		t.Errorf("%s, then %s", first, again)
	}
	for name, other := range map[string]string{
		"day": id(24*time.Hour, "client_key=a", body), "client": id(0, "client_key=b", body),
		"user":      id(0, "client_key=a", strings.Replace(body, "u1", "u2", 1)),
		"variant":   id(0, "client_key=a", strings.Replace(body, `"b"`, `"c"`, 1)),
		"attribute": id(0, "client_key=a", strings.Replace(body, `"id"`, `"user_id"`, 1)),
	} {
		if other == first {
			t.Errorf("another %s has the same id", name)
		}
	}
}

func TestCatalog(t *testing.T) {
	const payload = `{"features":{"f":{"rules":[{"key":"x","variations":[1,2],"meta":[{"key":"control"},{"key":"treatment"}]},{"force":true}]},"keyless":{"rules":[{"variations":[0,1]}]},
		"$holdout:h":{"rules":[{"key":"h","variations":[0,1],"meta":[{"key":"holdoutcontrol"},{"key":"holdouttreatment"}]}]}},
		"experiments":[{"key":"page","variations":[{},{}]},{"id":"exp_1","trackingKey":"y","name":"Why","status":"stopped","variations":[{"variationId":"v","key":"0"}]}],"dateUpdated":"d"}`
	c, err := growthbook.Adapter.ParseCatalog([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if x, _ := c.Experiment("x"); !x.Running || x.Variants["1"] != "treatment" || x.Variants["control"] != "control" || x.Unit != "id" {
		t.Errorf("%+v", x)
	}
	if h, _ := c.Experiment("h"); h.Kind != "holdout" {
		t.Errorf("%+v", h)
	}
	if y, _ := c.Experiment("y"); y.Running || y.Name != "Why" || len(c.Experiments) != 5 || c.Names["exp_1"] != "y" {
		t.Errorf("%+v in %+v", y, c)
	}
	s := adapters.Source{Name: "gb", Catalog: c, Rules: canonical.DefaultRules()}
	b, err := plain.Decode(s, post(`[{"event_name":"Experiment Viewed","properties":{"experimentId":"x","variationId":1},"attributes":{"id":"u1"}}]`))
	if err != nil || b.Events[0].Variant != "treatment" || b.Events[0].SourceVariant != "1" {
		t.Errorf("%s %v", brief(b), err)
	}
	for _, bad := range []string{"", "7", `{}`, `{"encryptedFeatures":"…"}`, `{"features":[]}`, `{"experiments":[7]}`} {
		if _, err := growthbook.Adapter.ParseCatalog([]byte(bad)); err == nil {
			t.Errorf("%s passes", bad)
		}
	}
}

// TestSDKWebhooks: the definitions in every wrapping, and webhooks that only say that they changed.
func TestSDKWebhooks(t *testing.T) {
	const payload = `{"features":{"f":{"rules":[]}},"dateUpdated":"d"}`
	const text = `"{\"features\":{\"f\":{\"rules\":[]}},\"dateUpdated\":\"d\"}"`
	for name, c := range map[string]struct {
		method, body string
		brought      bool
	}{
		"standard":                    {"POST", `{"type":"payload.changed","timestamp":"2026-11-21T16:00:00.500Z","data":{"payload":` + text + `}}`, true},
		"sdkPayload":                  {"PUT", payload, true},
		"edgeConfig":                  {"PATCH", `{"items":[{"operation":"upsert","key":"gb_payload","value":` + text + `}]}`, true},
		"edgeConfigUnescaped":         {"PATCH", `{"items":[{"operation":"upsert","key":"gb_payload","value":` + payload + `}]}`, true},
		"standard-no-payload":         {"POST", `{"type":"payload.changed","timestamp":"2026-11-21T16:00:00.500Z"}`, false},
		"none":                        {"POST", ``, false},
		"none, by another method":     {"PURGE", ``, false},
		"encrypted":                   {"POST", `{"encryptedFeatures":"…","dateUpdated":"d"}`, false},
		"a payload that is no object": {"POST", `{"type":"payload.changed","data":{"payload":"7"}}`, false},
	} {
		e := post(c.body)
		e.Method, e.Path = c.method, "/sdk"
		e.Header.Set("Webhook-Id", "msg_1")
		b := decode(t, nil, e)
		if b.Items != 1 || b.Ignored["definitions"] != 1 || (b.Catalog != nil) != c.brought || b.CatalogChanged == c.brought {
			t.Errorf("%s: %+v", name, b)
		}
		if c.brought && string(b.Catalog) != payload {
			t.Errorf("%s: %s", name, b.Catalog)
		}
	}
	legacy := decode(t, nil, post(`{"timestamp":1795276800,"features":{},"dateUpdated":"d"}`)) // no header but a signature
	if legacy.Catalog == nil || legacy.Ignored["definitions"] != 1 {
		t.Errorf("legacy: %+v", legacy)
	}
}

func TestOptions(t *testing.T) {
	_, err := adapters.Open(growthbook.Adapter, map[string]any{
		"holdouts": "x", "refunds": map[string]any{"a": "a"},
		"unit": 1, "units": map[string]any{"a": "device", "": "user"}, "attributes": []any{7}, "value_properties": "v", "dedup_property": "", "page_views": 1,
	})
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, want := range []string{"unit: ", "units.a: ", "units: a key", "attributes[0]: ", "holdouts: ", "refunds.a: ", "value_properties: ", "dedup_property: ", "page_views: "} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q is not reported once in\n%v", want, err)
		}
	}
	if _, err := adapters.Open(growthbook.Adapter, map[string]any{"units": []any{}}); err == nil {
		t.Error("units may be a list")
	}
}

// BenchmarkDecode takes a server's batch and a page's.
func BenchmarkDecode(b *testing.B) {
	for _, g := range adaptertest.Goldens(b, "testdata") {
		if g.Name != "gbgo-plugin-01-events" && g.Name != "gbweb-auto-02-events" && g.Name != "gbjs-callbacks-09-callback-deferredTrackingCalls" {
			continue
		}
		b.Run(g.Name, func(b *testing.B) {
			s := g.Source(growthbook.Adapter)
			d := adaptertest.Open(b, growthbook.Adapter, g.Options)
			items := 0
			b.ReportAllocs()
			b.SetBytes(int64(len(g.Envelope.Body)))
			for b.Loop() {
				batch, err := d.Decode(s, g.Envelope)
				if err != nil {
					b.Fatal(err)
				}
				items += batch.Items
			}
			b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
