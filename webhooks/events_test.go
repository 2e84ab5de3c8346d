package webhooks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
	"github.com/tracklayer/tracklayer/webhooks"
)

func TestForms(t *testing.T) {
	bad := `{"event_name":"experiment_exposed","experiment_id":"checkout","user_id":"u-12","exposed_at":"2026-11-20T10:00:00Z"}`
	cases := []struct {
		name, body, contentType string
		status, accepted        int
		pointer                 string // of the rejected item, if there is one
	}{
		{"one", exposure, "", 202, 1, ""},
		{"one with spaces", " \r\n\t" + exposure + "\n ", "application/json", 202, 1, ""},
		{"one bad", bad, "application/json; charset=utf-8", 422, 0, "/variant"},
		{"array", "[" + exposure + " , " + conversion(`"event_id":"c-1",`) + "]", "text/plain;charset=UTF-8", 202, 2, ""},
		{"array, part", "[" + bad + "," + exposure + "]", "", 202, 1, ""},
		{"array, bad", "[" + bad + "]", "", 422, 0, "/0/variant"},
		{"array of no objects", "[7]", "", 422, 0, "/0"},
		{"empty array", " [ ] ", "", 202, 0, ""},
		{"batch", `{"batch":[` + exposure + `]}`, "", 202, 1, ""},
		{"batch, bad", `{"api_key":{"a":["]"]},"batch" : [ ` + bad + `,null ] , "sent_at":null}`, "", 422, 0, "/batch/0/variant"},
		{"escaped name", `{"b\u0061tch":[` + exposure + `]}`, "", 202, 1, ""},
		{"empty batch", `{"batch":[]}`, "", 202, 0, ""},
		{"lines", exposure + "\r\n\n" + exposure, "application/x-ndjson", 202, 2, ""},
		{"lines, bad", bad + "\n", "application/ndjson", 422, 0, "/0/variant"},
		{"no lines", "\n\n", "application/x-ndjson", 202, 0, ""},
		{"foreign fields", strings.Replace(exposure, "{", `{"batches":[1],"source":"evil","received_at":1,"id_origin":"x",`, 1), "", 202, 1, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			w := r.post(c.body, "Content-Type", c.contentType)
			a := read(t, w)
			if w.Code != c.status || a.Accepted != c.accepted || len(r.events) != c.accepted || a.StreamSeq != uint64(c.accepted) {
				t.Fatalf("%d %s, stored %d", w.Code, w.Body, len(r.events))
			}
			if w.Header().Get("Tracklayer-Stream-Seq") != fmt.Sprint(c.accepted) {
				t.Errorf("Tracklayer-Stream-Seq: %s", w.Header().Get("Tracklayer-Stream-Seq"))
			}
			if c.status == 422 {
				if w.Header().Get("Content-Type") != "application/problem+json" || a.Errors[0].Pointer != c.pointer || a.Status != 422 || len(a.Errors) != a.Rejected {
					t.Errorf("not a problem: %s", w.Body)
				}
			} else if w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type: %s", w.Header().Get("Content-Type"))
			}
			for _, e := range r.events {
				if e.Source != "api" || e.ReceivedAt != canonical.TimeOf(noon) || e.IDOrigin != "" || e.ClockOffset != 0 {
					t.Errorf("%+v", e)
				}
			}
			if int64(a.Rejected) != r.rejected {
				t.Errorf("%d rejected, the log says %d", a.Rejected, r.rejected)
			}
			if (a.Rejected > 0) != (len(r.letters) == 1) {
				t.Errorf("%d dead letters", len(r.letters))
			}
		})
	}
}

func TestAnswerToTheLetter(t *testing.T) {
	r := newRig(t)
	id := `q"\é`
	quoted, _ := json.Marshal(id)
	w := r.post(`[` + exposure + `,{},` + conversion(`"event_id":`+string(quoted)+`,`) + `]`)
	want := `{"accepted":2,"rejected":1,"stream_seq":2,"results":[{"index":0,"event_id":"e-1","status":"accepted"},` +
		`{"index":1,"status":"rejected","error":{"field":"event_name","detail":"is required"}},{"index":2,"event_id":` + string(quoted) + `,"status":"accepted"}]}` + "\n"
	if w.Body.String() != want || w.Code != 202 {
		t.Errorf("%d %s\nwant %s", w.Code, w.Body, want)
	}
	letter := r.letters[0]
	if letter.Source != "api" || letter.Reason != "event_name: is required" || letter.Rejected != 1 || len(letter.Items) != 1 || letter.Items[0] != 1 ||
		letter.ReceivedAt != canonical.TimeOf(noon) {
		t.Errorf("%+v", letter)
	}
}

// Each wrong type of each field, through HTTP: the item is rejected alone, and the field is named.
func TestWrongFields(t *testing.T) {
	good := map[string]any{
		"event_name": "experiment_converted", "event_id": "c-1", "conversion_event": "purchase", "user_id": "u-12", "anonymous_id": "a-1",
		"value": 49.9, "currency": "EUR", "metric_value": 3, "dedup_key": "order-1", "channel": "server", "converted_at": "2026-11-20T10:00:00Z",
		"experiment_id": "e", "variant": "v", "source_experiment": "x", "source_variant": "y", "attributes": map[string]any{},
	}
	long := strings.Repeat("x", 201)
	wrong := map[string][]any{
		"event_name": {nil, "", "purchase", 7, true, []any{}, map[string]any{}}, "event_id": {"", 7, true, []any{}, map[string]any{}, long, "a\nb"},
		"conversion_event": {nil, "", 7, false, long}, "user_id": {"", 7, true, []any{}, long},
		"anonymous_id": {"", 7, true, long}, "value": {"abc", "NaN", true, 1e13, []any{}, map[string]any{}}, "currency": {"EURO", "", 7, "€"},
		"metric_value": {"", true, []any{}, 1e15}, "dedup_key": {"", 7, []any{}, long}, "channel": {"phone", 7, ""},
		"converted_at":  {nil, "", "yesterday", true, 0, -1, "1999-12-31T23:59:59Z", "2026-11-21T12:00:01Z", 1e18, []any{}},
		"experiment_id": {nil, "", 7, long}, "variant": {nil, "", 7, true, long}, "source_experiment": {7, "", long}, "source_variant": {7, "", long},
		"attributes": {7, "x", true, []any{}},
	}
	r := newRig(t)
	for field, values := range wrong {
		for _, value := range values {
			e := map[string]any{}
			for k, v := range good {
				e[k] = v
			}
			e[field] = value
			text, err := json.Marshal([]any{e, good})
			if err != nil {
				t.Fatal(err)
			}
			stored := len(r.events)
			a := read(t, r.post(string(text)))
			if a.Accepted != 1 || a.Rejected != 1 || len(r.events) != stored+1 || a.Results[0].Error == nil || a.Results[1].EventID != "c-1" {
				t.Errorf("%s=%v: %+v", field, value, a)
				continue
			}
			if a.Results[0].Error.Field != field || a.Results[0].Error.Detail == "" {
				t.Errorf("%s=%v: blames %+v", field, value, a.Results[0].Error)
			}
		}
	}
}

func TestUnreadable(t *testing.T) {
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	bodies := []string{
		"", " ", "x", "7", `"x"`, "null", "true", "[" + exposure, exposure + "x", exposure + exposure, "[" + exposure + ",]", "[,]", "{", `{"a"}`, `{"a":}`, `{"a":1,}`, `{1:2}`,
		"[" + exposure + `,{"event_name":7,]`, "[" + exposure + " " + exposure + "]", "[" + deep + "]", "[" + exposure + `,{"event_name":"x]`, "[" + exposure + ",," + exposure + "]",
		`{"batch":{}}`, `{"batch":null}`, `{"batch":7}`, `{"batch":[],"batch":[]}`, `{"batch":[` + exposure + `],"a":}`, `{"batch":[` + exposure + `],a:1}`,
		`{"batch":[` + exposure + `],"sent_at":"yesterday"}`, `{"batch":[` + exposure + `],"sent_at":{}}`, `{"batch":[` + exposure + `],"sent_at":1e300}`, `{"batch":[` + exposure + `],"sent_at":true}`,
		"\x00" + exposure, exposure + "\x00", "\xef\xbb\xbf", "\xef\xbb\xbf\xef\xbb\xbf" + exposure, utf16Of(exposure, false), utf16Of(exposure, true),
	}
	for _, body := range bodies {
		r := newRig(t)
		w := r.post(body)
		a := read(t, w)
		if w.Code != 400 || a.Status != 400 || a.Detail == "" || r.calls != 0 {
			t.Errorf("%.80q: %d %s", body, w.Code, w.Body)
		}
		if strings.TrimSpace(body) == "" {
			if len(r.letters) > 0 {
				t.Errorf("%q is kept", body)
			}
		} else if len(r.letters) != 1 || r.letters[0].Items != nil || r.letters[0].Rejected != 0 || !strings.HasSuffix(string(r.letters[0].Request), body) {
			t.Errorf("%.80q: dead letters %+v", body, r.letters)
		}
		if n := r.metric(t, "events_total"); n != 0 {
			t.Errorf("%.80q: %v counted", body, n)
		}
	}
	r := newRig(t)
	if a := read(t, r.post(`{"sent_at":"x","batch":[]}`)); a.Errors[0].Pointer != "/sent_at" {
		t.Errorf("%+v", a)
	}
	for _, body := range []string{utf16Of(exposure, false), utf16Of(exposure, true)} {
		if a := read(t, r.post(body)); !strings.Contains(a.Detail, "UTF-16; send it in UTF-8") {
			t.Errorf("UTF-16: %+v", a)
		}
	}
}

// utf16Of is ASCII text in UTF-16.
func utf16Of(text string, bom bool) string {
	var out strings.Builder
	if bom {
		out.WriteString("\xff\xfe")
	}
	for i := range len(text) {
		out.WriteString(text[i:i+1] + "\x00")
	}
	return out.String()
}

// TestBrokenItemsAreRejectedAlone: what is not JSON costs the item that it is in, and the answer says what it is.
func TestBrokenItemsAreRejectedAlone(t *testing.T) {
	with := func(attributes string) string {
		return strings.Replace(exposure, "{", `{"attributes":{"x":`+attributes+`},`, 1)
	}
	broken := map[string]string{
		with("NaN"): "holds NaN, which is not JSON", with("[1,Infinity]"): "holds Infinity, which is not JSON", with("-Infinity"): "holds -Infinity,",
		strings.Replace(exposure, `"u-12"`, "undefined", 1): "holds undefined,", "NaN": "holds NaN,", with("None"): "holds None,",
		with("01"): "a word or a number that is not JSON", with("secret@example.com"): "a word or a number that is not JSON", with("'secret'"): "a word or a number",
		with(`"\x"`): "holds a string", with("\"\xff\""): "holds a string", with("\"\x01\""): "holds a string", strings.Replace(exposure, "u-12", "u\xff", 1): "holds a string",
		with("1,"): "a member's name is missing", with(`{a:1}`): "a member's name is missing", with(`"a" "b"`): "a comma is missing", with(`[1,]`): "a value is missing",
		strings.Replace(exposure, ":", "=", 1): "a colon is missing", with(`{"\x":1}`): "a member's name is not valid text", with(`"say "hi" now"`): "a comma is missing",
	}
	for item, why := range broken {
		for name, c := range map[string]struct{ body, contentType string }{
			"array":   {"[" + exposure + "," + item + "," + conversion(`"event_id":"c-1",`) + "]", "application/json"},
			"wrapped": {`{"note":NaN,"batch":[` + exposure + "," + item + "," + conversion(`"event_id":"c-1",`) + "]}", "application/json"},
			"lines":   {exposure + "\n" + item + "\r\n" + conversion(`"event_id":"c-1",`), "application/x-ndjson"},
		} {
			r := newRig(t)
			w := r.post(c.body, "Content-Type", c.contentType)
			a := read(t, w)
			if w.Code != 202 || a.Accepted != 2 || a.Rejected != 1 || len(r.events) != 2 || a.Results[1].Error == nil || !strings.Contains(a.Results[1].Error.Detail, why) {
				t.Errorf("%s, %s: %d %s, want %q", name, item, w.Code, w.Body, why)
				continue
			}
			if len(r.letters) != 1 || !slices.Equal(r.letters[0].Items, []int{1}) || !strings.HasSuffix(string(r.letters[0].Request), c.body) {
				t.Errorf("%s, %s: dead letters %+v", name, item, r.letters)
			}
			if strings.Contains(r.letters[0].Reason, "secret") {
				t.Errorf("%s: %s", name, r.letters[0].Reason)
			}
		}
	}
	r := newRig(t)
	if w := r.post(exposure+"\n{", "Content-Type", "application/x-ndjson"); w.Code != 202 || len(r.events) != 1 {
		t.Errorf("a torn line: %d %s", w.Code, w.Body)
	}
	if w := r.post(with("NaN")); w.Code != 422 || len(r.events) != 1 {
		t.Errorf("a single event: %d %s", w.Code, w.Body)
	}
}

// TestByteOrderMark: one before the JSON is passed over, in every line that has one.
func TestByteOrderMark(t *testing.T) {
	const bom = "\xef\xbb\xbf"
	for body, contentType := range map[string]string{
		bom + exposure: "application/json", bom + " [" + exposure + "]": "", bom + `{"batch":[` + exposure + `]}`: "text/plain", bom + exposure + "\n" + bom + "\n": "application/x-ndjson",
	} {
		r := newRig(t)
		if w := r.post(body, "Content-Type", contentType); w.Code != 202 || len(r.events) != 1 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	}
	r := newRig(t)
	if w := r.post(bom+exposure+"\n"+bom+conversion("")+"\n", "Content-Type", "application/x-ndjson"); w.Code != 202 || len(r.events) != 2 {
		t.Errorf("joined files: %d %s", w.Code, w.Body)
	}
}

// Wherever a batch is cut, nothing of it counts: it comes again, and would count twice.
func TestTruncationsCountNothing(t *testing.T) {
	for _, body := range []string{
		`{"sent_at":"2026-11-20T11:59:59Z","batch":[` + exposure + `,{"event_name":7},` + conversion("") + `],"k\"":[{"a":"]"}]}`,
		`[` + exposure + `, ` + conversion(`"event_id":"\u00e9\\",`) + `]`,
		exposure,
	} {
		r := newRig(t)
		if w := r.post(body); w.Code != 202 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		calls := r.calls
		for n := range len(body) {
			if w := r.post(body[:n]); w.Code != 400 {
				t.Fatalf("%d for %s", w.Code, body[:n])
			}
		}
		if r.calls != calls {
			t.Errorf("something was published of %s", body)
		}
	}
}

func TestClockCorrection(t *testing.T) {
	at := noon.Add(-time.Hour)
	cases := []struct {
		sent   string
		offset time.Duration
	}{
		{`"2026-11-20T12:00:00Z"`, 0},
		{`"2026-11-20T11:59:00Z"`, 0},
		{`"2026-11-20T12:00:05Z"`, 0},
		{`"2026-11-20T12:01:00Z"`, -time.Minute},
		{`"2026-11-20T11:00:00Z"`, 0},
		{`"2026-11-20T10:59:59.999Z"`, time.Hour + time.Millisecond},
		{`"2026-11-20T14:00:00+01:00"`, -time.Hour},
		{fmt.Sprint(noon.Add(-48 * time.Hour).UnixMilli()), 48 * time.Hour},
		{"null", 0},
	}
	for _, c := range cases {
		r := newRig(t)
		event := func(id string) string {
			return fmt.Sprintf(`{"event_name":"experiment_exposed",%s"experiment_id":"x","variant":"v","user_id":"u","exposed_at":%d}`, id, at.Add(-c.offset).UnixMilli())
		}
		if w := r.post(`{"batch":[` + event(`"event_id":"1",`) + "," + event("") + `],"sent_at":` + c.sent + `}`); w.Code != 202 || read(t, w).Rejected != 0 {
			t.Fatalf("%s: %s", c.sent, w.Body)
		}
		for _, e := range r.events {
			if e.At != canonical.TimeOf(at) || e.ClockOffset != c.offset.Milliseconds() {
				t.Errorf("%s: %s, %d ms", c.sent, e.At, e.ClockOffset)
			}
		}
	}
	r := newRig(t)
	// The corrected event has to be valid, and a missing time stays missing.
	for _, event := range []string{exposure, strings.Replace(exposure, `,"exposed_at":"2026-11-20T10:00:00Z"`, "", 1)} {
		a := read(t, r.post(`{"batch":[`+event+`],"sent_at":"2026-11-18T00:00:00Z"}`))
		if a.Rejected != 1 || a.Results[0].Error.Field != "exposed_at" {
			t.Errorf("%+v", a)
		}
	}
	if a := read(t, r.post(strings.Replace(exposure, "{", `{"sent_at":"2020-01-01T00:00:00Z",`, 1))); a.Accepted != 1 || r.events[0].ClockOffset != 0 {
		t.Errorf("sent_at of a single event moved it: %+v", a)
	}
}

func TestIDsAreCompleted(t *testing.T) {
	r := newRig(t)
	bare := strings.Replace(exposure, `"event_id":"e-1",`, "", 1)
	a := read(t, r.post("["+strings.Join([]string{bare, bare, conversion(""), conversion(""), exposure, exposure}, ",")+"]"))
	id := func(i int) string { return a.Results[i].EventID }
	if a.Accepted != 6 || id(0) != id(1) || id(0)[14] != '5' || id(2) == id(3) || id(2)[14] != '7' || id(4) != "e-1" || id(5) != "e-1" {
		t.Errorf("%+v", a)
	}
	if r.events[0].IDOrigin != canonical.FromContent || r.events[2].IDOrigin != canonical.FromServer {
		t.Errorf("%+v", r.events)
	}
	w := newRig(t, func(o *webhooks.Options) { o.Random = strings.NewReader("") }).post(conversion(""))
	if w.Code != 503 {
		t.Errorf("without randomness: %d", w.Code)
	}
}

func TestLimits(t *testing.T) {
	r := newRig(t, func(o *webhooks.Options) { o.Limits = webhooks.Limits{Body: 2000, Event: 300, BatchEvents: 3} })
	big := strings.Replace(exposure, "{", `{"attributes":{"x":"`+strings.Repeat("y", 300)+`"},`, 1)
	cases := []struct {
		name, body string
		status     int
		accepted   int
	}{
		{"full", "[" + strings.Repeat(exposure+",", 2) + exposure + "]", 202, 3},
		{"too many", "[" + strings.Repeat(exposure+",", 3) + exposure + "]", 413, 0},
		{"too many nulls", `{"batch":[0,0,0,0,0,0,`, 413, 0},
		{"one too large", "[" + exposure + "," + big + "]", 202, 1},
		{"all too large", big, 422, 0},
		{"too large and torn", "[" + exposure + "," + strings.Replace(big, "u-12", `\x`, 1) + "]", 202, 1},
		{"body too large", exposure + strings.Repeat(" ", 2001-len(exposure)), 413, 0},
		{"body just fits", exposure + strings.Repeat(" ", 2000-len(exposure)), 202, 1},
	}
	for _, c := range cases {
		stored, letters := len(r.events), len(r.letters)
		w := r.post(c.body)
		if w.Code != c.status || len(r.events)-stored != c.accepted {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if c.status == 413 && len(r.letters) != letters {
			t.Errorf("%s was kept", c.name)
		}
	}
	w := r.post(strings.Repeat(exposure+"\n", 4), "Content-Type", "application/x-ndjson")
	if w.Code != 413 {
		t.Errorf("too many lines: %d", w.Code)
	}
}

func TestNotTaken(t *testing.T) {
	r := newRig(t)
	for _, ct := range []string{"application/xml", "multipart/form-data; boundary=x", "application/json; charset=latin1", ";;", "application/x-www-form-urlencoded"} {
		if w := r.post(exposure, "Content-Type", ct); w.Code != 415 {
			t.Errorf("%s: %d", ct, w.Code)
		}
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "OPTIONS", "HEAD"} {
		if w := r.send(method, "/v1/events", exposure); w.Code != 405 || w.Header().Get("Allow") != "POST, OPTIONS" {
			t.Errorf("%s: %d, Allow: %s", method, w.Code, w.Header().Get("Allow"))
		}
	}
	if r.calls != 0 || len(r.letters) != 0 {
		t.Errorf("%d, %d", r.calls, len(r.letters))
	}
}

// No 2xx before everything is on disk.
func TestNothingIsClaimedThatIsNotStored(t *testing.T) {
	full := errors.New("the disk at /secret is full")
	for _, c := range []struct {
		name, body         string
		events, letters    error
		wantCalls, counted int
	}{
		{"events fail", exposure, full, nil, 1, 0},
		{"events fail beside a dead letter", "[" + exposure + ",{}]", full, nil, 1, 0},
		{"dead letters fail", "[" + exposure + ",{}]", nil, full, 0, 0},
		{"rejected only", "{}", nil, full, 0, 0},
		{"unreadable", "[", nil, full, 0, 0},
	} {
		r := newRig(t)
		r.failEvent, r.failLetter = c.events, c.letters
		w := r.post(c.body)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %v %s", c.name, w.Code, w.Header(), w.Body)
		}
		if r.calls != c.wantCalls || r.metric(t, "events_total") != 0 || !strings.Contains(r.log.String(), "full") {
			t.Errorf("%s: published %d times, counted %v, logged %s", c.name, r.calls, r.metric(t, "events_total"), r.log)
		}
	}
}

// Every item has exactly one outcome.
func TestEveryItemIsAnswered(t *testing.T) {
	r := newRig(t)
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.SampledFrom([]string{
			exposure, conversion(""), conversion(`"event_id":"c",`), "{}", "null", "7", `"x"`, "[]", `{"event_name":"x"}`,
			strings.Replace(exposure, "u-12", "null", 1), strings.Replace(exposure, `"b"`, `["]}"]`, 1),
		}), 1, 40).Draw(t, "items")
		body := strings.Join(items, rapid.SampledFrom([]string{",", " ,\n"}).Draw(t, "comma"))
		switch body = "[" + body + "]"; rapid.IntRange(0, 1).Draw(t, "form") {
		case 1:
			body = `{"sent_at":1795176000000,"batch":` + body + `}`
		}
		events, accepted, rejected := len(r.events), r.metric(r.t, "events_total", "outcome", "accepted"), r.metric(r.t, "events_total", "outcome", "rejected")
		a := read(r.t, r.post(body))
		if a.Accepted+a.Rejected != len(items) || len(a.Results) != len(items) || len(r.events)-events != a.Accepted {
			t.Fatalf("%d items: %+v", len(items), a)
		}
		good := 0
		for i, res := range a.Results {
			if res.Index != i || (res.Status == "accepted") != (res.EventID != "") || (res.Status == "rejected") != (res.Error != nil) {
				t.Fatalf("%+v", res)
			}
			if res.Status == "accepted" {
				if r.events[events+good].ID != res.EventID {
					t.Fatalf("item %d was told another id than %s", i, r.events[events+good].ID)
				}
				good++
			}
		}
		if letter := r.letters; a.Rejected > 0 && len(letter[len(letter)-1].Items) != a.Rejected {
			t.Fatalf("%+v", letter[len(letter)-1])
		}
		if r.metric(r.t, "events_total", "outcome", "accepted")-accepted != float64(a.Accepted) || r.metric(r.t, "events_total", "outcome", "rejected")-rejected != float64(a.Rejected) {
			t.Fatal("counted otherwise")
		}
	})
}

func FuzzPostEvents(f *testing.F) {
	for _, seed := range []string{
		exposure, "[" + exposure + "," + conversion("") + "]", `{"batch":[` + exposure + `,{}],"sent_at":"2026-11-20T11:00:00Z"}`, "[]", "{}", `{"batch":[[]]}`,
		`{"b\u0061tch":[],"sent_at":1}`, `[{"a":NaN},{"b":[1,}]},{"c" "d"}]`, "\xef\xbb\xbf[" + exposure + ",{'a':1}]", `{"batch":[{"event_name":7}]}`, "[\"\\\"]\"]", "\"", `[{"a":"\\"}]`, "[1,2", "nul", `{"batch":[],"batch":[]}`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, asLines bool) {
		r := newRig(t, func(o *webhooks.Options) { o.Limits = webhooks.Limits{Body: 1 << 16, Event: 2000, BatchEvents: 50} })
		contentType := "application/json"
		if asLines {
			contentType = "application/x-ndjson"
		}
		w := r.post(string(body), "Content-Type", contentType)
		a := read(t, w)
		switch w.Code {
		case 202, 422:
			if a.Accepted != len(r.events) || a.Accepted+a.Rejected != len(a.Results) {
				t.Fatalf("%s, stored %d", w.Body, len(r.events))
			}
		case 400, 413:
			if len(r.events) > 0 {
				t.Fatalf("%d, but stored %d", w.Code, len(r.events))
			}
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if asLines || w.Code == 413 {
			return
		}
		body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
		if jsonscan.Check(body) != nil {
			return
		}
		if w.Code == 400 && strings.Contains(a.Detail, "not valid JSON") {
			t.Fatalf("refuses JSON: %s", a.Detail)
		}
		for _, one := range a.Results {
			if one.Error != nil && (strings.HasPrefix(one.Error.Detail, "holds ") || strings.HasPrefix(one.Error.Detail, "is not valid JSON")) {
				t.Fatalf("rejects JSON: %s", w.Body)
			}
		}
	})
}

// TestEventsOfASource: what a program tells of a vendor's decisions counts with the vendor's own requests.
func TestEventsOfASource(t *testing.T) {
	r := newRig(t)
	if w := r.send("POST", "/v1/events?source=toy", exposure); w.Code != 202 || len(r.events) != 1 || r.events[0].Source != "toy" {
		t.Fatalf("%d %s, stored %+v", w.Code, w.Body, r.events)
	}
	w := r.send("POST", "/v1/events?source=nobody", exposure)
	if a := read(t, w); w.Code != 400 || len(a.Errors) != 1 || a.Errors[0].Pointer != "/source" || len(r.events) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}
