package launchdarkly_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/adaptertest"
	"github.com/tracklayer/tracklayer/adapters/launchdarkly"
	"github.com/tracklayer/tracklayer/canonical"
)

const received canonical.Time = 1795339273999

func decode(t *testing.T, options map[string]any, e adapters.Envelope) adapters.Batch {
	t.Helper()
	b, err := adaptertest.Open(t, launchdarkly.Adapter, options).Decode(adapters.Source{Name: "ld", Rules: canonical.DefaultRules()}, e)
	if err != nil {
		t.Fatalf("Decode(%s %s): %v", e.Path, e.Body, err)
	}
	return b
}

func post(path, body string) adapters.Envelope {
	return adapters.Envelope{
		Method: http.MethodPost, Path: path, Body: []byte(body), ReceivedAt: received,
		Header: http.Header{"X-Launchdarkly-Payload-Id": {"p"}},
	}
}

// brief is a batch in few words: events as kind(fields), rejections as index!field, ignores as reason=n.
func brief(b adapters.Batch) string {
	var words []string
	for _, e := range b.Events {
		s := fmt.Sprintf("%d %s", e.Index, e.Kind.Token())
		for _, f := range []struct{ name, value string }{
			{"id", e.ID},
			{"experiment", e.ExperimentID},
			{"variant", e.Variant},
			{"index", e.SourceVariant},
			{"user", e.UserID},
			{"anonymous", e.AnonymousID},
			{"previous", e.PreviousUserID},
			{"event", e.ConversionEvent},
			{"metric", e.MetricValue.String()},
			{"attributes", string(e.Attributes)},
		} {
			if f.value != "" && (f.name != "id" || f.value != fmt.Sprintf("p:%d", e.Index)) {
				s += " " + f.name + "=" + f.value
			}
		}
		if e.At != 1795339273031 {
			s += " at=" + e.At.String()
		}
		words = append(words, s)
	}
	for _, r := range b.Rejected {
		words = append(words, fmt.Sprintf("%d !%s", r.Index, r.Field))
	}
	for _, reason := range []string{
		"index", "identify", "alias", "summary", "debug", "migration_op", "click", "pageview", "click_pageview", "unknown_kind",
		"diagnostic", "audit_log", "not_in_experiment",
	} {
		if n := b.Ignored[reason]; n > 0 {
			words = append(words, fmt.Sprintf("%s=%d", reason, n))
		}
	}
	return strings.Join(words, "; ")
}

const (
	at      = `"creationDate":1795339273031`
	ada     = `"context":{"kind":"user","key":"u1"}`
	inside  = `"reason":{"kind":"FALLTHROUGH","inExperiment":true}`
	exposed = `{"kind":"feature","key":"f","variation":1,"value":"b",` + at + `,` + inside + `,`
)

func TestDecodeItems(t *testing.T) {
	orgs := map[string]any{"unit_kinds": map[string]any{"f": "organization", "g": "user"}}
	old := map[string]any{"experiment_flags": []any{"f"}}
	goals := map[string]any{"goal_events": true}
	const both = `"context":{"kind":"multi","organization":{"key":"o1"},"user":{"key":"u1"}}`
	for _, c := range []struct {
		name    string
		options map[string]any
		item    string
		want    string
	}{
		// What an exposure is.
		{"exposure", nil, exposed + ada + `}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"tracked flag", nil, `{"kind":"feature","key":"f","variation":1,"value":"b",` + at + `,` + ada + `}`, "not_in_experiment=1"},
		{"inExperiment is text", nil, `{"kind":"feature","key":"f","variation":1,` + at + `,` + ada + `,"reason":{"inExperiment":"true"}}`, "not_in_experiment=1"},
		{"reason is text", nil, `{"kind":"feature","key":"f","variation":1,` + at + `,` + ada + `,"reason":"inExperiment"}`, "not_in_experiment=1"},
		{"old experiment", old, `{"kind":"feature","key":"f","variation":1,"value":"b",` + at + `,` + ada + `}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"another flag", old, `{"kind":"feature","key":"g","variation":1,"value":"b",` + at + `,` + ada + `}`, "not_in_experiment=1"},
		{"old experiment, error", old, `{"kind":"feature","key":"f","value":"b",` + at + `,` + ada + `,"reason":{"kind":"ERROR"}}`, "not_in_experiment=1"},
		{"old experiment, bad context", old, `{"kind":"feature","key":"f","variation":1,` + at + `}`, "0 !context"},
		{"prerequisite, sampled", nil, exposed + ada + `,"prereqOf":"parent","samplingRatio":2}`, `0 exposed experiment=f variant=b index=1 user=u1 attributes={"prereq_of":"parent","sampling_ratio":2}`},
		{"not sampled, odd types", nil, exposed + ada + `,"prereqOf":7,"samplingRatio":1,"version":"x","default":[]}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"last member wins", nil, exposed + ada + `,"key":"g","value":"c","variation":2,"context":{"key":"u3","kind":"user","key":"u2"}}`, "0 exposed experiment=g variant=c index=2 user=u2"},
		{"last reason wins", nil, exposed + ada + `,"reason":null}`, "not_in_experiment=1"},
		{"last member wins, even a wrong one", nil, exposed + ada + `,"variation":"1"}`, "0 !variation"},

		// What is wrong with it.
		{"no variation", nil, `{"kind":"feature","key":"f","value":"b",` + at + `,` + ada + `,` + inside + `}`, "0 !variation"},
		{"negative variation", nil, exposed + ada + `,"variation":-1}`, "0 !variation"},
		{"half a variation", nil, exposed + ada + `,"variation":1.5}`, "0 !variation"},
		{"variation through a float", nil, exposed + ada + `,"variation":2.0}`, "0 exposed experiment=f variant=b index=2 user=u1"},
		{"no key", nil, `{"kind":"feature","variation":1,"value":"b",` + at + `,` + ada + `,` + inside + `}`, "0 !key"},
		{"key is a number", nil, exposed + ada + `,"key":7}`, "0 !key"},
		{"key is too long", nil, exposed + ada + `,"key":"` + strings.Repeat("k", 201) + `"}`, "0 !key"},
		{"no context", nil, exposed + `"x":1}`, "0 !context"},
		{"context is text", nil, exposed + `"context":"u1"}`, "0 !context"},
		{"context without key", nil, exposed + `"context":{"kind":"user"}}`, "0 !context"},
		{"context key is a number", nil, exposed + `"context":{"kind":"user","key":7}}`, "0 !context"},
		{"context key is empty", nil, exposed + `"context":{"kind":"user","key":""}}`, "0 !context"},
		{"context key is an object", nil, exposed + `"context":{"kind":"user","key":"u1","key":{"key":"x"}}}`, "0 !context"},
		{"context kind is a number", nil, exposed + `"context":{"kind":7,"key":"u1"}}`, "0 !context"},
		{"context kind is odd", nil, exposed + `"context":{"kind":"a:b","key":"u1"}}`, "0 !context"},
		{"context key is nobody", nil, exposed + `"context":{"kind":"user","key":"undefined"}}`, "0 !context"},
		{"no date", nil, `{"kind":"feature","key":"f","variation":1,"value":"b",` + ada + `,` + inside + `}`, "0 !creationDate"},
		{"date is text", nil, exposed + ada + `,"creationDate":"2026-11-22"}`, "0 !creationDate"},
		{"date in seconds", nil, exposed + ada + `,"creationDate":1795339273}`, "0 !creationDate"},
		{"date of next year", nil, exposed + ada + `,"creationDate":1826875273031}`, "0 !creationDate"},
		{"date beyond all", nil, exposed + ada + `,"creationDate":1e300}`, "0 !creationDate"},
		{"date through a float", nil, exposed + ada + `,"creationDate":1.795339273031e12}`, "0 exposed experiment=f variant=b index=1 user=u1"},

		// Whom it is about.
		{"anonymous", nil, exposed + `"context":{"kind":"user","key":"a1","anonymous":true}}`, "0 exposed experiment=f variant=b index=1 anonymous=a1"},
		{"anonymous is false", nil, exposed + `"context":{"kind":"user","key":"u1","anonymous":false}}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"anonymous is text", nil, exposed + `"context":{"kind":"user","key":"u1","anonymous":"true"}}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"context of old", nil, exposed + `"context":{"key":"u1"}}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"organization", nil, exposed + `"context":{"kind":"organization","key":"42"}}`, "0 exposed experiment=f variant=b index=1 user=organization:42"},
		{"anonymous device", nil, exposed + `"context":{"kind":"device","key":"d","anonymous":true}}`, "0 exposed experiment=f variant=b index=1 anonymous=device:d"},
		{"multi, kind said last", nil, exposed + `"context":{"organization":{"key":"o1"},"user":{"key":"u1"},"kind":"multi"}}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"multi, user anonymous", nil, exposed + `"context":{"kind":"multi","device":{"key":"d"},"user":{"key":"a1","anonymous":true}}}`, "0 exposed experiment=f variant=b index=1 anonymous=a1"},
		{"multi without user", nil, exposed + `"context":{"kind":"multi","organization":{"key":"o1"},"device":{"key":"d","anonymous":true}}}`, "0 exposed experiment=f variant=b index=1 anonymous=device:d"},
		{"multi, kinds named like members", nil, exposed + `"context":{"kind":"multi","key":{"key":"k1"},"zone":{"key":"z"}}}`, "0 exposed experiment=f variant=b index=1 user=key:k1"},
		{"multi, user is text", nil, exposed + `"context":{"kind":"multi","device":{"key":"d"},"user":"u1"}}`, "0 !context"},
		{"multi, user twice", nil, exposed + `"context":{"kind":"multi","user":{"key":"u0"},"user":{"key":"u1"}}}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"multi, user again but wrong", nil, exposed + `"context":{"kind":"multi","user":{"key":"u0"},"user":7}}`, "0 !context"},
		{"multi without user, first again but wrong", nil, exposed + `"context":{"kind":"multi","a":{"key":"1x"},"b":{"key":"2x"},"a":7}}`, "0 exposed experiment=f variant=b index=1 user=b:2x"},
		{"multi of nobody", nil, exposed + `"context":{"kind":"multi"}}`, "0 !context"},
		{"attributes are no kinds", nil, exposed + `"context":{"kind":"user","key":"u1","user":{"key":"x"},"address":{"key":"y"}}}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"randomised by organization", orgs, exposed + both + `}`, "0 exposed experiment=f variant=b index=1 user=organization:o1"},
		{"organization alone", orgs, exposed + `"context":{"kind":"organization","key":"o1"}}`, "0 exposed experiment=f variant=b index=1 user=organization:o1"},
		{"organization is lacking", orgs, exposed + ada + `}`, "0 !context"},
		{"organization is lacking in multi", orgs, exposed + `"context":{"kind":"multi","device":{"key":"d"},"user":{"key":"u1"}}}`, "0 !context"},
		{"organization is lacking in keys", orgs, exposed + `"contextKeys":{"user":"u1"}}`, "0 !contextKeys"},
		{"organization is lacking in schema 3", orgs, exposed + `"userKey":"u1"}`, "0 !userKey"},
		{"organization is lacking in inline user", orgs, exposed + `"user":{"key":"u1"}}`, "0 !user"},
		{"organization among keys", orgs, exposed + `"contextKeys":{"user":"u1","organization":"o1"}}`, "0 exposed experiment=f variant=b index=1 user=organization:o1"},
		{"another flag is by user", orgs, exposed + both + `,"key":"g"}`, "0 exposed experiment=g variant=b index=1 user=u1"},
		{"user is lacking", orgs, exposed + `"key":"g","context":{"kind":"organization","key":"o1"}}`, "0 !context"},
		{"keys", nil, exposed + `"contextKeys":{"device":"d","user":"u1"}}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"keys without user", nil, exposed + `"contextKeys":{"organization":"o1","device":"d"}}`, "0 exposed experiment=f variant=b index=1 user=device:d"},
		{"keys of an anonymous user", nil, exposed + `"contextKeys":{"anonymousUser":"a1"}}`, "0 exposed experiment=f variant=b index=1 anonymous=a1"},
		{"keys that are wrong", nil, exposed + `"contextKeys":{"user":7}}`, "0 !contextKeys"},
		{"keys that are text", nil, exposed + `"contextKeys":"user"}`, "0 !contextKeys"},
		{"context goes before keys", nil, exposed + `"contextKeys":{"user":"u2"},` + ada + `}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"context null, keys", nil, exposed + `"context":null,"contextKeys":{"user":"u2"}}`, "0 exposed experiment=f variant=b index=1 user=u2"},
		{"schema 3", nil, exposed + `"userKey":"u1"}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"schema 3, anonymous", nil, exposed + `"userKey":"a1","contextKind":"anonymousUser"}`, "0 exposed experiment=f variant=b index=1 anonymous=a1"},
		{"schema 3, inline", nil, exposed + `"user":{"key":"u1","custom":{"key":"x"}}}`, "0 exposed experiment=f variant=b index=1 user=u1"},
		{"schema 3, inline, anonymous", nil, exposed + `"user":{"key":"a1","anonymous":true}}`, "0 exposed experiment=f variant=b index=1 anonymous=a1"},

		// What it is called.
		{"true", nil, exposed + ada + `,"value":true}`, "0 exposed experiment=f variant=true index=1 user=u1"},
		{"false", nil, exposed + ada + `,"value":false}`, "0 exposed experiment=f variant=false index=1 user=u1"},
		{"null", nil, exposed + ada + `,"value":null}`, "0 exposed experiment=f variant=variation-1 index=1 user=u1"},
		{"object", nil, exposed + ada + `,"value":{"a":1}}`, "0 exposed experiment=f variant=variation-1 index=1 user=u1"},
		{"array", nil, exposed + ada + `,"value":[1]}`, "0 exposed experiment=f variant=variation-1 index=1 user=u1"},
		{"empty text", nil, exposed + ada + `,"value":""}`, "0 exposed experiment=f variant=variation-1 index=1 user=u1"},
		{"text of 200", nil, exposed + ada + `,"value":"` + strings.Repeat("v", 200) + `"}`, "0 exposed experiment=f variant=" + strings.Repeat("v", 200) + " index=1 user=u1"},
		{"text of 201", nil, exposed + ada + `,"value":"` + strings.Repeat("v", 201) + `"}`, "0 exposed experiment=f variant=variation-1 index=1 user=u1"},
		{"text of two lines", nil, exposed + ada + `,"value":"a\nb"}`, "0 exposed experiment=f variant=variation-1 index=1 user=u1"},
		{"zero", nil, exposed + ada + `,"value":0}`, "0 exposed experiment=f variant=0 index=1 user=u1"},
		{"minus zero", nil, exposed + ada + `,"value":-0.0}`, "0 exposed experiment=f variant=0 index=1 user=u1"},
		{"2.50", nil, exposed + ada + `,"value":2.50}`, "0 exposed experiment=f variant=2.5 index=1 user=u1"},
		{"25e-1", nil, exposed + ada + `,"value":25e-1}`, "0 exposed experiment=f variant=2.5 index=1 user=u1"},
		{"1e2", nil, exposed + ada + `,"value":1e2}`, "0 exposed experiment=f variant=100 index=1 user=u1"},
		{"beyond 2^53", nil, exposed + ada + `,"value":9007199254740993}`, "0 exposed experiment=f variant=9007199254740992 index=1 user=u1"},
		{"1E+21", nil, exposed + ada + `,"value":1E+21}`, "0 exposed experiment=f variant=1e+21 index=1 user=u1"},
		{"1e999", nil, exposed + ada + `,"value":1e999}`, "0 exposed experiment=f variant=variation-1 index=1 user=u1"},

		// Conversions.
		{"conversion", nil, `{"kind":"custom","key":"buy",` + at + `,` + both + `,"data":"x","url":null,"metricValue":-12.5}`, "0 converted user=u1 event=buy metric=-12.5"},
		{"conversion worth nothing", nil, `{"kind":"custom","key":"buy",` + at + `,` + ada + `,"metricValue":0}`, "0 converted user=u1 event=buy metric=0"},
		{"conversion without value", nil, `{"kind":"custom","key":"buy",` + at + `,` + ada + `,"metricValue":null}`, "0 converted user=u1 event=buy"},
		{"conversion worth too much", nil, `{"kind":"custom","key":"buy",` + at + `,` + ada + `,"metricValue":1.5e300}`, "0 !metricValue"},
		{"conversion worth text", nil, `{"kind":"custom","key":"buy",` + at + `,` + ada + `,"metricValue":"1"}`, "0 !metricValue"},
		{"conversion without name", nil, `{"kind":"custom","key":"",` + at + `,` + ada + `}`, "0 !key"},
		{"conversion of nobody", nil, `{"kind":"custom","key":"buy",` + at + `}`, "0 !context"},
		{"conversion of no keys", nil, `{"kind":"custom","key":"buy",` + at + `,"contextKeys":{}}`, "0 !contextKeys"},
		{"conversion without date", nil, `{"kind":"custom","key":"buy",` + ada + `}`, "0 !creationDate"},
		{"click", nil, `{"kind":"click","key":"g1",` + at + `,"contextKeys":{"user":"u1"}}`, "click=1"},
		{"click that counts", goals, `{"kind":"click","key":"g1",` + at + `,"contextKeys":{"user":"u1"}}`, "0 converted user=u1 event=g1"},
		{"page view that counts", goals, `{"kind":"pageview","key":"g1",` + at + `,"contextKeys":{"user":"u1"}}`, "0 converted user=u1 event=g1"},
		{"page view before a click that counts", goals, `{"kind":"click_pageview","key":"g1",` + at + `,"contextKeys":{"user":"u1"}}`, "0 converted user=u1 event=g1"},
		{"click of nobody", goals, `{"kind":"click","key":"g1",` + at + `}`, "0 !context"},

		// Links.
		{"index", nil, `{"kind":"index",` + ada + `}`, "index=1"},
		{"identify", nil, `{"kind":"identify","context":7}`, "identify=1"},
		{"user and device", nil, `{"kind":"identify",` + at + `,"context":{"kind":"multi","device":{"key":"d","anonymous":true},"user":{"key":"u1"},"organization":{"key":"o1"}}}`, "0 linked user=u1 anonymous=device:d"},
		{"user, device and session", nil, `{"kind":"index",` + at + `,"context":{"kind":"multi","session":{"key":"s","anonymous":true},"device":{"key":"d","anonymous":true},"user":{"key":"u1"}}}`, "0 linked user=u1 anonymous=device:d; 0 linked id=p:0.1 user=u1 anonymous=session:s"},
		{"anonymous user and device", nil, `{"kind":"index",` + at + `,"context":{"kind":"multi","device":{"key":"d","anonymous":true},"user":{"key":"a1","anonymous":true}}}`, "index=1"},
		{"device again, known", nil, `{"kind":"index",` + at + `,"context":{"kind":"multi","device":{"key":"d","anonymous":true},"device":{"key":"d"},"user":{"key":"u1"}}}`, "index=1"},
		{"link without date", nil, `{"kind":"index","context":{"kind":"multi","device":{"key":"d","anonymous":true},"user":{"key":"u1"}}}`, "0 !creationDate"},
		{"link to nobody", nil, `{"kind":"index",` + at + `,"context":{"kind":"multi","device":{"key":"d","anonymous":true},"user":{"key":"null"}}}`, "0 !context"},
		{"alias of an anonymous user", nil, `{"kind":"alias",` + at + `,"key":"u1","contextKind":"user","previousKey":"a1","previousContextKind":"anonymousUser"}`, "0 linked user=u1 anonymous=a1"},
		{"alias of a user", nil, `{"kind":"alias",` + at + `,"key":"u1","contextKind":"user","previousKey":"u0","previousContextKind":"user"}`, "0 linked user=u1 previous=u0"},
		{"alias of oneself", nil, `{"kind":"alias",` + at + `,"key":"u1","contextKind":"user","previousKey":"u1","previousContextKind":"user"}`, "alias=1"},
		{"alias of two anonymous users", nil, `{"kind":"alias",` + at + `,"key":"a2","contextKind":"anonymousUser","previousKey":"a1","previousContextKind":"anonymousUser"}`, "alias=1"},
		{"alias of nobody", nil, `{"kind":"alias",` + at + `,"key":"u1","contextKind":"user","previousContextKind":"anonymousUser"}`, "0 !previousKey"},
		{"alias of a non-id", nil, `{"kind":"alias",` + at + `,"key":"u1","contextKind":"user","previousKey":"null","previousContextKind":"user"}`, "0 !previousKey"},
		{"alias without date", nil, `{"kind":"alias","key":"u1","contextKind":"user","previousKey":"u0","previousContextKind":"user"}`, "0 !creationDate"},

		// Everything else.
		{"summary", nil, `{"kind":"summary","features":7}`, "summary=1"},
		{"debug", nil, strings.Replace(exposed, "feature", "debug", 1) + ada + `}`, "debug=1"},
		{"migration", nil, `{"kind":"migration_op"}`, "migration_op=1"},
		{"diagnostic", nil, `{"kind":"diagnostic"}`, "diagnostic=1"},
		{"new kind", nil, `{"kind":"<script>"}`, "unknown_kind=1"},
		{"no kind", nil, `{}`, "0 !kind"},
		{"kind is a number", nil, `{"kind":7}`, "0 !kind"},
		{"kind was right", nil, `{"kind":"summary","kind":null}`, "0 !kind"},
		{"no object", nil, `7`, "0 !"},
		{"audit log", nil, `{"kind":"flag","accesses":[]}`, "audit_log=1"},
		{"audit log without kind", nil, `{"_accountId":"x"}`, "audit_log=1"},

		// Data Export.
		{"record", nil, `{"project":"p","environment":"e","version":1,"event":` + exposed + ada + `,"id":"e1","default":false}}`, "0 exposed id=e1 experiment=f variant=b index=1 user=u1"},
		{"record, kind last", nil, `{"event":{"context":{"key":"u1","kind":"user"},` + at + `,"key":"buy","id":7,"kind":"custom"},"project":"p"}`, "0 converted user=u1 event=buy"},
		{"record of nothing", nil, `{"project":"p","event":7}`, "0 !event"},
		{"record in a record", nil, `{"event":{"event":` + exposed + ada + `}}}`, "0 !kind"},
		{"last event wins", nil, `{"event":` + exposed + ada + `},"event":{"kind":"summary"}}`, "summary=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := adapters.Open(launchdarkly.Adapter, c.options); err != nil {
				t.Fatal(err)
			}
			b := decode(t, c.options, post("/bulk", "["+c.item+"]"))
			if got := brief(b); got != c.want {
				t.Errorf("%s\n gives %s\n want  %s\n %+v", c.item, got, c.want, b.Rejected)
			}
			if b.Items != 1 {
				t.Errorf("%d items", b.Items)
			}
		})
	}
}

// TestAnonymousKeys: contextKeys and userKey do not say who is anonymous, other items of the batch may.
func TestAnonymousKeys(t *testing.T) {
	const want = "0 exposed experiment=f variant=b index=1 anonymous=a1; "
	for _, c := range []struct{ name, body, want string }{
		{"before", `[{"kind":"index","context":{"kind":"user","key":"a1","anonymous":true}},` + exposed + `"contextKeys":{"user":"a1"}}]`, "1 exposed experiment=f variant=b index=1 anonymous=a1; index=1"},
		{"after", `[` + exposed + `"contextKeys":{"user":"a1"}},{"kind":"identify","context":{"kind":"user","key":"a1","anonymous":true}}]`, want + "identify=1"},
		{"multi", `[` + exposed + `"contextKeys":{"user":"a1"}},{"kind":"index","context":{"kind":"multi","user":{"key":"a1","anonymous":true}}}]`, want + "index=1"},
		{"without kind", `[` + exposed + `"contextKeys":{"user":"a1"}},{"kind":"index","context":{"key":"a1","anonymous":true}}]`, want + "index=1"},
		{"schema 3", `[` + exposed + `"userKey":"a1"},{"kind":"index","user":{"key":"a1","anonymous":true}}]`, want + "index=1"},
		{"another kind", `[` + exposed + `"contextKeys":{"user":"a1"}},{"kind":"index","context":{"kind":"device","key":"a1","anonymous":true}}]`, "0 exposed experiment=f variant=b index=1 user=a1; index=1"},
		{"device", `[` + exposed + `"contextKeys":{"device":"d"}},{"kind":"index","context":{"kind":"device","key":"d","anonymous":true}}]`, "0 exposed experiment=f variant=b index=1 anonymous=device:d; index=1"},
		{"another key", `[` + exposed + `"contextKeys":{"user":"a1"}},{"kind":"index","context":{"kind":"user","key":"a2","anonymous":true}}]`, "0 exposed experiment=f variant=b index=1 user=a1; index=1"},
		{"not anonymous", `[` + exposed + `"contextKeys":{"user":"a1"}},{"kind":"index","context":{"kind":"user","key":"a1","anonymous":false}}]`, "0 exposed experiment=f variant=b index=1 user=a1; index=1"},
	} {
		if got := brief(decode(t, nil, post("/bulk", c.body))); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestDoors(t *testing.T) {
	one := exposed + ada + `,"url":"https://shop.example/?a=b>c?d~e"}`
	const got1 = "0 exposed experiment=f variant=b index=1 user=u1"
	for _, path := range []string{"", "/", "/bulk", "/events/bulk/65f0", "/mobile", "/mobile/events", "/mobile/events/bulk", "/v2/event-data-import/shop/production"} {
		if got := brief(decode(t, nil, post(path, "["+one+"]"))); got != got1 {
			t.Errorf("array at %q: %s", path, got)
		}
		if got := brief(decode(t, nil, post(path, one))); got != got1 {
			t.Errorf("single event at %q: %s", path, got)
		}
		if b := decode(t, nil, post(path, " [] ")); b.Items != 0 || brief(b) != "" {
			t.Errorf("nothing at %q: %+v", path, b)
		}
	}
	for _, path := range []string{"/diagnostic", "/mobile/events/diagnostic", "/events/diagnostic/65f0"} {
		if got := brief(decode(t, nil, post(path, `{"kind":"new","id":{}}`))); got != "diagnostic=1" {
			t.Errorf("at %q: %s", path, got)
		}
	}
	for name, encoding := range map[string]*base64.Encoding{
		"standard": base64.StdEncoding, "standard raw": base64.RawStdEncoding, "url": base64.URLEncoding, "url raw": base64.RawURLEncoding,
	} {
		d := encoding.EncodeToString([]byte("[" + one + "]"))
		for _, query := range []string{"d=" + url.QueryEscape(d), "v=3&d=" + d} {
			e := adapters.Envelope{Method: http.MethodGet, Path: "/a/65f0.gif", RawQuery: query, ReceivedAt: received}
			if got := brief(decode(t, nil, e)); got != got1 {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
}

func TestUnreadable(t *testing.T) {
	for _, e := range []adapters.Envelope{
		post("/bulk", ""), post("/bulk", "{"), post("/bulk", `[{"kind":"summary"}`), post("/bulk", `[{"kind":"summary"}] x`), post("/bulk", "7"),
		post("/bulk", `"x"`), post("/bulk", "null"), post("/bulk", "kind=feature"), post("/diagnostic", "{"), post("/bulk", "[[[1,]]]"),
		{Method: http.MethodGet, Path: "/bulk"},
		{Method: http.MethodGet, Path: "/sdk/evalx/65f0/contexts/eyJ9"},
		{Method: "REPORT", Path: "/sdk/evalx/65f0/context", Body: []byte(`{"kind":"user","key":"u"}`)},
		{Method: http.MethodGet, Path: "/a/65f0.gif"},
		{Method: http.MethodGet, Path: "/a/65f0.gif", RawQuery: "d=%21"},
		{Method: http.MethodGet, Path: "/a/65f0.gif", RawQuery: "d=eHg"},
	} {
		b, err := plain.Decode(adapters.Source{Name: "ld"}, e)
		if !errors.Is(err, adapters.ErrUnreadable) || b.Items != 0 || b.Events != nil {
			t.Errorf("%s %s?%s %q: %+v, %v; want ErrUnreadable", e.Method, e.Path, e.RawQuery, e.Body, b, err)
		}
		if served := e.Method == http.MethodPost || strings.HasSuffix(e.Path, ".gif"); errors.Is(err, adapters.ErrNotServed) == served {
			t.Errorf("%s %s: %v", e.Method, e.Path, err)
		}
	}
}

// TestEventIDs: without a usable payload id the ingest handler makes one, and an event's own id goes first.
func TestEventIDs(t *testing.T) {
	body := `[` + exposed + ada + `},{"kind":"custom","key":"buy",` + at + `,` + ada + `}]`
	for header, want := range map[string]string{
		"abc": "abc:0 abc:1", "": " ", "a\x01": " ", "\xff": " ", strings.Repeat("x", 300): " ",
	} {
		e := post("/bulk", body)
		e.Header.Set("X-LaunchDarkly-Payload-ID", header)
		b := decode(t, nil, e)
		if got := b.Events[0].ID + " " + b.Events[1].ID; got != want {
			t.Errorf("payload %q: ids %q, want %q", header, got, want)
		}
	}
	links := `{"event":{"kind":"index","id":"e1",` + at + `,"context":{"kind":"multi","b":{"key":"1x","anonymous":true},"a":{"key":"1x","anonymous":true},"user":{"key":"u1"}}}}`
	if got, want := brief(decode(t, nil, post("", links))), "0 linked id=e1 user=u1 anonymous=a:1x; 0 linked id=e1.1 user=u1 anonymous=b:1x"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestManyKinds: one item cannot become thousands of events, nor cost the square of its size.
func TestManyKinds(t *testing.T) {
	var kinds strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&kinds, `"k%d":{"key":"x%d","anonymous":true},`, i, i)
	}
	body := `[{"kind":"index",` + at + `,"context":{"kind":"multi",` + kinds.String() + `"user":{"key":"u1"}}},` +
		exposed + `"context":{"kind":"multi",` + kinds.String() + `"z":{"key":"z"}}}]`
	if got, want := brief(decode(t, nil, post("/bulk", body))), "1 exposed experiment=f variant=b index=1 anonymous=k0:x0; 0 !context"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
