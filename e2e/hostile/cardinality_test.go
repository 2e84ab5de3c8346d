package hostile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// flood sends one event a text, and returns the sequence of the last one.
func (s *server) flood(n int, event func(i int) string) string {
	s.tb.Helper()
	seq := ""
	for from := 0; from < n; from += 5000 {
		var b strings.Builder
		for i := from; i < min(n, from+5000); i++ {
			b.WriteString(event(i))
			b.WriteByte('\n')
		}
		status, header, text := ask(s.tb, nil, question{"flood", "POST", s.url("/v1/events"), b.String(), []string{"Content-Type", "application/x-ndjson"}, 202})
		if status != http.StatusAccepted {
			s.tb.Fatalf("%d %.300s", status, text)
		}
		seq = header.Get("Tracklayer-Stream-Seq")
	}
	return seq
}

// counted waits until the core has counted the sequence.
func (s *server) counted(experiment, seq string) string {
	s.tb.Helper()
	status, _, text := ask(s.tb, nil, question{"wait", "GET", s.url("/v1/experiments/" + experiment + "/readout?wait=60s&min_seq=" + seq), "", nil, 200})
	if status != http.StatusOK {
		s.tb.Fatalf("%d %.300s", status, text)
	}
	return text
}

func exposureOf(i int, experiment, variant string) string {
	return fmt.Sprintf(`{"event_name":"experiment_exposed","event_id":"e-%d","experiment_id":%q,"variant":%q,"anonymous_id":"a-%d","exposed_at":"2026-11-20T10:00:00Z"}`, i, experiment, variant, i)
}

type list struct {
	Experiments []struct{ ID, Status string }
	Declared    int
	Undeclared  int
	Archived    int
	Next        string
}

func (s *server) list(query string) (list, string) {
	s.tb.Helper()
	status, header, text := ask(s.tb, nil, question{"list", "GET", s.url("/v1/experiments" + query), "", nil, 200})
	var l list
	if err := json.Unmarshal([]byte(text), &l); status != 200 || err != nil {
		s.tb.Fatalf("%s: %d %v %.300s", query, status, err, text)
	}
	return l, header.Get("Link")
}

// TestManyExperimentsAreListedByThePage: junk ids neither make the list long nor hide what is declared, and can be put
// away together.
func TestManyExperimentsAreListedByThePage(t *testing.T) {
	const junk = 20_000
	s := start(t, "limits: {experiments: 100000}")
	check(t, []question{
		{"declare", "POST", s.url("/v1/experiments"), definition, nil, 201},
		{"declare", "POST", s.url("/v1/experiments"), strings.Replace(definition, `"checkout"`, `"zz-last"`, 1), nil, 201},
	})
	s.flood(junk, func(i int) string { return exposureOf(i, fmt.Sprintf("junk-%06d", i), "a") })
	seq := s.flood(1, func(int) string { return exposureOf(junk, "genuine", "a") })
	s.counted("genuine", seq)

	first, link := s.list("")
	if len(first.Experiments) != 200 || first.Experiments[0].ID != "checkout" || first.Experiments[1].ID != "zz-last" || first.Experiments[2].ID != "genuine" ||
		first.Declared != 2 || first.Undeclared != junk+1 || !strings.Contains(link, `rel="next"`) {
		t.Errorf("the first page: %d, %+v, %s", len(first.Experiments), first.Experiments[:3], link)
	}
	seen := map[string]int{}
	pages := 0
	for query := "?limit=1000"; ; pages++ {
		page, _ := s.list(query)
		for _, x := range page.Experiments {
			seen[x.ID]++
		}
		if page.Next == "" {
			break
		}
		query = "?limit=1000&after=" + page.Next
	}
	if len(seen) != junk+3 || pages != (junk+3)/1000 {
		t.Errorf("%d experiments on %d pages", len(seen), pages+1)
	}
	if some, _ := s.list("?prefix=junk-00001&limit=7"); len(some.Experiments) != 7 || some.Experiments[0].ID != "junk-000010" || some.Next == "" {
		t.Errorf("by prefix: %+v", some)
	}
	check(t, []question{
		{"a limit", "GET", s.url("/v1/experiments?limit=1001"), "", nil, 400},
		{"a cursor", "GET", s.url("/v1/experiments?after=x"), "", nil, 400},
		{"archive nothing", "POST", s.url("/v1/experiments/nothing/archive"), "", nil, 404},
	})

	_, _, html := ask(t, nil, question{"page", "GET", s.url("/experiments"), "", nil, 200})
	if n := strings.Count(html, "data-experiment="); n != 200 || len(html) > 400_000 || !strings.Contains(html, `rel="next"`) {
		t.Errorf("the page has %d lines in %d bytes", n, len(html))
	}
	if at := strings.Index(html, `data-experiment="zz-last"`); at < 0 || at > strings.Index(html, `data-experiment="genuine"`) {
		t.Error("an undeclared experiment stands before a declared one")
	}
	_, next, _ := strings.Cut(html, `<a href="/experiments?after=`)
	next, _, _ = strings.Cut(next, `"`)
	if _, _, html = ask(t, nil, question{"next", "GET", s.url("/experiments?after=" + next), "", nil, 200}); strings.Count(html, "data-experiment=") != 200 || strings.Contains(html, `data-experiment="checkout"`) {
		t.Errorf("the second page, after %s: %d lines", next, strings.Count(html, "data-experiment="))
	}
	if _, _, html = ask(t, nil, question{"search", "GET", s.url("/experiments?q=junk-019999"), "", nil, 200}); strings.Count(html, "data-experiment=") != 1 {
		t.Error("a junk id is not found")
	}

	check(t, []question{
		{"archive junk", "POST", s.url("/v1/experiments/junk-/archive"), `{"prefix":true,"by":"ana"}`, nil, 200},
		{"archive one", "POST", s.url("/v1/experiments/zz-last/archive"), `{"by":"ana"}`, nil, 200},
	})
	if l, _ := s.list(""); len(l.Experiments) != 2 || l.Archived != junk+1 || l.Next != "" {
		t.Errorf("after archiving: %+v", l)
	}
	if l, _ := s.list("?archived=true&limit=5"); len(l.Experiments) != 5 || l.Next == "" {
		t.Errorf("archived: %+v", l)
	}
	check(t, []question{{"still there", "GET", s.url("/v1/experiments/junk-000001/readout"), "", nil, 200}, {"show it", "POST", s.url("/v1/experiments/zz-last/unarchive"), "", nil, 200}})
	if l, _ := s.list(""); len(l.Experiments) != 3 {
		t.Errorf("shown again: %+v", l)
	}

	status, header, text := ask(t, nil, question{"ledger", "GET", s.url("/v1/ledger"), "", nil, 200})
	var ledger struct {
		Lines  []struct{ Accepted int }
		Totals struct{ Accepted int }
		Next   string
	}
	if err := json.Unmarshal([]byte(text), &ledger); err != nil || status != 200 || len(ledger.Lines) != 200 || ledger.Totals.Accepted != junk+1 || ledger.Next == "" || header.Get("Link") == "" {
		t.Errorf("the ledger: %v, %d lines of %d", err, len(ledger.Lines), ledger.Totals.Accepted)
	}
}

// TestAJunkExperimentIsBounded: what a readout and a page of an undeclared experiment list does not grow with what
// strangers name in it.
func TestAJunkExperimentIsBounded(t *testing.T) {
	s := start(t, "limits: {variants: 10000}")
	seq := s.flood(5000, func(i int) string { return exposureOf(i, "variants", "v-"+strconv.Itoa(i)) })
	text := s.counted("variants", seq)
	var r struct {
		Variants []struct{}
		Metrics  []struct{}
		Other    struct {
			Variants     int
			ExposedUsers int64 `json:"exposed_users"`
			Metrics      int
		}
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil || len(r.Variants) != 50 || r.Other.Variants != 4950 || r.Other.ExposedUsers != 4950 {
		t.Errorf("%v: %d variants, other %+v", err, len(r.Variants), r.Other)
	}
	s.flood(3, func(i int) string { return exposureOf(9000+i, "names", "a") })
	seq = s.flood(300, func(i int) string {
		return fmt.Sprintf(`{"event_name":"experiment_converted","event_id":"n-%d","conversion_event":"name-%d","anonymous_id":"a-%d","converted_at":"2026-11-20T11:00:00Z"}`, i, i, 9000+i%3)
	})
	text = s.counted("names", seq)
	if err := json.Unmarshal([]byte(text), &r); err != nil || len(r.Metrics) != 100 || r.Other.Metrics != 200 {
		t.Errorf("%v: %d metrics, other %+v", err, len(r.Metrics), r.Other)
	}
	for _, path := range []string{"/experiments/variants", "/experiments/names"} {
		if _, _, html := ask(t, nil, question{"page", "GET", s.url(path), "", nil, 200}); len(html) > 2<<20 || !strings.Contains(html, "not listed") {
			t.Errorf("%s has %d bytes, and says that something is missing: %v", path, len(html), strings.Contains(html, "not listed"))
		}
	}
}

// TestDeclaredOnly: an installation or a source that takes declared experiments only ignores and counts the rest.
func TestDeclaredOnly(t *testing.T) {
	s := start(t, "declared_only: true")
	check(t, []question{{"declare", "POST", s.url("/v1/experiments"), strings.Replace(definition, `"control"}`, `"control"}`, 1), nil, 201}})
	body := "[" + strings.Join([]string{
		exposureOf(1, "checkout", "control"), exposureOf(2, "junk", "a"),
		`{"event_name":"experiment_converted","event_id":"c-1","conversion_event":"purchase","anonymous_id":"a-1","converted_at":"2026-11-20T11:00:00Z"}`,
	}, ",") + "]"
	status, header, text := ask(t, nil, question{"mixed", "POST", s.url("/v1/events"), body, nil, 202})
	if status != 202 || !strings.Contains(text, `"accepted":2,"rejected":0,"ignored":1`) || !strings.Contains(text, `{"index":1,"status":"ignored","reason":"undeclared_experiment"}`) {
		t.Errorf("%d %s", status, text)
	}
	s.counted("checkout", header.Get("Tracklayer-Stream-Seq"))
	check(t, []question{{"no junk", "GET", s.url("/v1/experiments/junk"), "", nil, 404}})
	if status, _, text = ask(t, nil, question{"junk alone", "POST", s.url("/v1/events"), exposureOf(3, "junk", "a"), nil, 202}); status != 202 || !strings.Contains(text, `"accepted":0`) {
		t.Errorf("%d %s", status, text)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, _, text = ask(t, nil, question{"ledger", "GET", s.url("/v1/ledger"), "", nil, 200}); strings.Contains(text, `"reason":"undeclared_experiment","items":2`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the ledger: %s", text)
		}
	}
	// A source of its own may be stricter than the rest.
	s = start(t, "sources: {strict: {vendor: launchdarkly, declared_only: true}, lax: {vendor: launchdarkly}}")
	for source, kept := range map[string]int{"strict": 404, "lax": 200} {
		status, header, _ := ask(t, nil, question{source, "POST", s.url("/v1/events?source=" + source), exposureOf(4, "of-"+source, "a"), nil, 202})
		if status != 202 {
			t.Errorf("%s: %d", source, status)
		}
		check(t, []question{{source, "GET", s.url("/v1/experiments/of-" + source + "/readout?wait=5s&min_seq=" + header.Get("Tracklayer-Stream-Seq")), "", nil, kept}})
	}
}

// TestNewNamesAreLimited: names beyond the limits of their source are ignored, and the answer, the ledger and /readyz say
// so. Declaring an experiment lets its events in.
func TestNewNamesAreLimited(t *testing.T) {
	s := start(t, "limits: {experiments: 20, variants: 5, conversion_names: 10}")
	check(t, []question{{"declare", "POST", s.url("/v1/experiments"), definition, nil, 201}})
	post := func(events ...string) (string, http.Header) {
		status, header, text := ask(t, nil, question{"post", "POST", s.url("/v1/events"), "[" + strings.Join(events, ",") + "]", nil, 202})
		if status != http.StatusAccepted {
			t.Fatalf("%d %s", status, text)
		}
		return text, header
	}
	var experiments, variants, names []string
	for i := range 30 {
		experiments = append(experiments, exposureOf(i, fmt.Sprintf("junk-%02d", i), "a"))
		variants = append(variants, exposureOf(100+i, "junk-00", fmt.Sprintf("v-%02d", i)))
		names = append(names, fmt.Sprintf(`{"event_name":"experiment_converted","event_id":"c-%d","conversion_event":"name-%02d","anonymous_id":"a-1","converted_at":"2026-11-20T11:00:00Z"}`, i, i))
	}
	for _, c := range []struct {
		events          []string
		accepted        int
		reason, ignored string
	}{
		{experiments, 20, "too_many_experiments", `"ignored":10`},
		{variants, 4, "too_many_variants", `"ignored":26`}, // "a" is the first of five
		{names, 10, "too_many_conversion_names", `"ignored":20`},
	} {
		text, _ := post(c.events...)
		if !strings.Contains(text, fmt.Sprintf(`"accepted":%d,`, c.accepted)) || !strings.Contains(text, c.ignored) || !strings.Contains(text, `"status":"ignored","reason":"`+c.reason+`"`) {
			t.Errorf("%s: %s", c.reason, text)
		}
	}
	purchase := `{"event_name":"experiment_converted","event_id":"p-1","conversion_event":"purchase","anonymous_id":"a-500","converted_at":"2026-11-20T11:00:00Z"}`
	text, header := post(exposureOf(500, "checkout", "control"), exposureOf(501, "checkout", "b"), purchase, exposureOf(29, "junk-29", "a"))
	if !strings.Contains(text, `"accepted":3,`) || !strings.Contains(text, `"ignored":1,`) {
		t.Errorf("what is declared: %s", text)
	}
	s.counted("checkout", header.Get("Tracklayer-Stream-Seq"))
	if _, _, text = ask(t, nil, question{"ledger", "GET", s.url("/v1/ledger?experiment_id=checkout"), "", nil, 200}); !strings.Contains(text, `"totals":{"received":2,"accepted":2,`) {
		t.Errorf("the ledger of the declared experiment: %s", text)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, _, text = ask(t, nil, question{"ledger", "GET", s.url("/v1/ledger?limit=1"), "", nil, 200})
		if strings.Contains(text, `"ignored":57,`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the totals of the ledger: %s", text)
		}
	}
	_, _, text = ask(t, nil, question{"ledger", "GET", s.url("/v1/ledger"), "", nil, 200})
	for _, want := range []string{`"reason":"too_many_experiments","items":11`, `"reason":"too_many_variants","items":26`, `"reason":"too_many_conversion_names","items":20`} {
		if !strings.Contains(text, want) {
			t.Errorf("the ledger has no %s: %s", want, text)
		}
	}
	if _, _, text = ask(t, nil, question{"readyz", "GET", s.adminURL("/readyz"), "", nil, 200}); !strings.Contains(text, "events from api are ignored because they bring too many new names") {
		t.Errorf("/readyz: %s", text)
	}
	check(t, []question{{"declare", "POST", s.url("/v1/experiments"), strings.Replace(definition, `"checkout"`, `"junk-29"`, 1), nil, 201}})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) { // until the core has read the definition
		if text, _ = post(exposureOf(29, "junk-29", "control")); strings.Contains(text, `"accepted":1,`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after it was declared: %s", text)
		}
	}
}

// TestErasureReportsTexts: what people wrote stays, and the answer says where it names the person.
func TestErasureReportsTexts(t *testing.T) {
	s := start(t, "")
	check(t, []question{
		{"declare", "POST", s.url("/v1/experiments"), definition, nil, 201},
		{"expose", "POST", s.url("/v1/events"), `{"event_name":"experiment_exposed","event_id":"e-1","experiment_id":"checkout","variant":"b","user_id":"ada-lovelace","exposed_at":"2026-11-20T10:00:00Z"}`, nil, 202},
		{"stop", "POST", s.url("/v1/experiments/checkout/stop"), `{"by":"grace","reason":"ada-lovelace complained"}`, nil, 200},
		{"decide", "POST", s.url("/v1/experiments/checkout/decisions"), `{"by":"grace","why":"because of ada-lovelace","variant":null}`, nil, 200},
	})
	status, _, text := ask(t, nil, question{"erase", "DELETE", s.url("/v1/units/user/ada-lovelace"), "", nil, 200})
	for _, where := range []string{"run 1, ended_reason", "decision about run 1, why and by", "stored readout"} {
		if status != 200 || !strings.Contains(text, where) {
			t.Errorf("%d, no %q in %s", status, where, text)
		}
	}
	if strings.Contains(text, "ada-lovelace") {
		t.Error("the answer names the person")
	}
}
