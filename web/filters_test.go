package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
)

func by(agent string, e canonical.Event) canonical.Event {
	e.Attributes = json.RawMessage(fmt.Sprintf(`{"user_agent":%q}`, agent))
	return e
}

const crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

func TestFilters(t *testing.T) {
	w := open(t)
	a := w.get("/v1/filters").must(t, http.StatusOK)
	if a.Header().Get("ETag") != `"0"` || a.Body.String() != `{"filters":{"bots":true,"user_agents":[],"internal":[]},"revision":0,"changed_at":null,"revisions":[]}`+"\n" {
		t.Errorf("%v %s", a.Header(), a.Body)
	}
	w.get("/v1/filters", "If-None-Match", `"0"`).must(t, http.StatusNotModified)
	put := func(body string, headers ...string) answer {
		return w.do(http.MethodPut, "/v1/filters?by=ann", body, headers...)
	}
	put(`{}`).must(t, http.StatusPreconditionRequired)
	put(`{}`, "If-Match", `"1"`).must(t, http.StatusPreconditionFailed)
	put(`{}`, "If-Match", `"0"`, "Content-Type", "text/plain").must(t, http.StatusUnsupportedMediaType)
	put(`{"bot":true}`, "If-Match", `"0"`).must(t, http.StatusUnprocessableEntity)
	if p := put(`{"user_agents":["x"],"internal":[{"attribute":"a"}]}`, "If-Match", `"0"`).must(t, http.StatusUnprocessableEntity).pointers(); p != "/user_agents/0 /internal/0" {
		t.Error(p)
	}
	if p := w.do(http.MethodPut, "/v1/filters?by=a%00", `{}`, "If-Match", `"0"`).must(t, http.StatusUnprocessableEntity).pointers(); p != "/by" {
		t.Error(p)
	}
	a = put(`{"bots":false,"internal":[{"attribute":"email","ends_with":"@example.com"}]}`, "If-Match", `"0"`).must(t, http.StatusOK)
	if a.Header().Get("ETag") != `"1"` || a.Header().Get("Tracklayer-Stream-Seq") != "1" {
		t.Error(a.Header())
	}
	if again := w.get("/v1/filters").must(t, http.StatusOK); again.Body.String() != a.Body.String() || again.json["changed_by"] != "ann" {
		t.Errorf("%s\nwant %s", again.Body, a.Body)
	}
	compareSchema(t, w, "FiltersAnswer", a.json)
	compareSchema(t, w, "Filters", a.json["filters"])

	w.lazy = true // what is stored next is not read yet, so whoever is next changes what they have not seen
	put(`{}`, "If-Match", `"1"`).must(t, http.StatusOK)
	put(`{}`, "If-Match", `"1"`).must(t, http.StatusConflict)
	w.down = true
	put(`{}`, "If-Match", `"1"`).must(t, http.StatusServiceUnavailable)
}

// compareSchema holds an object to the members that openapi.json describes.
func compareSchema(t *testing.T, w *world, name string, got any) {
	t.Helper()
	schema := w.get("/openapi.json").json["components"].(map[string]any)["schemas"].(map[string]any)[name].(map[string]any)
	for member := range got.(map[string]any) {
		if schema["properties"].(map[string]any)[member] == nil {
			t.Errorf("%s.%s is not in openapi.json", name, member)
		}
	}
	required, _ := schema["required"].([]any)
	for _, member := range required {
		if _, there := got.(map[string]any)[member.(string)]; !there {
			t.Errorf("%s.%s is required and not there", name, member)
		}
	}
}

func TestFilteredPersonsAreLeftOutUnlessAskedFor(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	w.send(exposed("checkout", "u", "control"), purchased("u"), exposed("checkout", "crawler", "control"), by(crawler, purchased("crawler")))
	headlineOf := func(query string) string {
		r := w.get("/v1/experiments/checkout/readout"+query).must(t, http.StatusOK).json
		v := r["variants"].([]any)[0].(map[string]any)
		c := r["conversions_by_status"].(map[string]any)
		return fmt.Sprintln(r["filtered"], v["exposed_users"], v["filtered_users"], c["counted"], c["filtered"])
	}
	for range 2 { // the second time from memory
		if got := headlineOf(""); got != "exclude 1 1 1 1\n" {
			t.Error(got)
		}
		if got := headlineOf("?filtered=include"); got != "include 2 0 2 0\n" {
			t.Error(got)
		}
	}
	if p := w.get("/v1/experiments/checkout/readout?filtered=yes").must(t, http.StatusBadRequest).pointers(); p != "/filtered" {
		t.Error(p)
	}
	if p := w.get("/v1/experiments/checkout/associations?filtered=yes").must(t, http.StatusBadRequest).pointers(); p != "/filtered" {
		t.Error(p)
	}
	tr := w.get("/v1/units/user/crawler").must(t, http.StatusOK).json
	why := tr["filtered"].([]any)[0].(map[string]any)
	compareSchema(t, w, "TracedLabel", why)
	if why["label"] != "bot" || why["why"] != `event e5 from api: its user agent is the bot "Googlebot"` {
		t.Error(why)
	}
	run := tr["experiments"].([]any)[0].(map[string]any)["runs"].([]any)[0].(map[string]any)
	conversion := run["conversions"].([]any)[0].(map[string]any)
	if run["population"] != "filtered" || conversion["status"] != "filtered" || !strings.HasPrefix(conversion["why"].(string), "filtered: ") {
		t.Error(run)
	}
	rows := func(query string) string {
		var words []string
		a := httptest.NewRecorder()
		w.echo.ServeHTTP(a, httptest.NewRequest(http.MethodGet, "/v1/experiments/checkout/associations"+query, nil))
		for line := range strings.Lines(a.Body.String()) {
			var row map[string]any
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			words = append(words, fmt.Sprint(row["user_key"], " ", row["status"], " ", row["filtered"]))
		}
		return strings.Join(words, ", ")
	}
	if got := rows(""); got != "crawler filtered true, u counted false" {
		t.Error(got)
	}
	if got := rows("?filtered=include"); got != "crawler counted true, u counted false" {
		t.Error(got)
	}
	w.do(http.MethodPut, "/v1/filters", `{"bots":false}`, "If-Match", `"0"`).must(t, http.StatusOK)
	if got := headlineOf(""); got != "exclude 2 0 2 0\n" {
		t.Error("without the rule:", got)
	}
	if diff, err := w.Audit(); err != nil || len(diff) > 0 {
		t.Error(diff, err)
	}
}
