package web_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/readout"
)

// TestOpenAPI: every route is described, every reference resolves, and nothing is described that is not there.
func TestOpenAPI(t *testing.T) {
	w := open(t)
	raw := w.get("/openapi.json").must(t, http.StatusOK)
	described := map[string]bool{}
	for path, item := range raw.json["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				described[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	registered := map[string]bool{"POST /v1/events": true, "POST /webhooks/{source}": true} // the door's
	for _, r := range w.echo.Routes() {
		if r.Method != echo.RouteNotFound {
			registered[r.Method+" "+strings.NewReplacer(":kind", "{kind}", ":id", "{id}", ":sha256", "{sha256}").Replace(r.Path)] = true
		}
	}
	for r := range registered {
		if !described[r] {
			t.Errorf("%s is not in openapi.json", r)
		}
	}
	for d := range described {
		if !registered[d] {
			t.Errorf("openapi.json describes %s, which is not there", d)
		}
	}
	resolve(t, raw.json, raw.json)
}

func resolve(t *testing.T, root map[string]any, v any) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			var at any = root
			for _, token := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
				m, _ := at.(map[string]any)
				at = m[token]
			}
			if at == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		}
		for _, member := range v {
			resolve(t, root, member)
		}
	case []any:
		for _, item := range v {
			resolve(t, root, item)
		}
	}
}

// Every member of a readout is described.
func TestOpenAPIDescribesTheReadout(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	raw, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	known := doc.Components.Schemas
	r := w.get("/v1/experiments/checkout/readout").must(t, http.StatusOK).json
	compare := func(schema string, v any) {
		for name := range v.(map[string]any) {
			if known[schema].Properties[name] == nil {
				t.Errorf("%s.%s is not in openapi.json", schema, name)
			}
		}
	}
	compare("Readout", r)
	for _, row := range r["metrics"].([]any)[0].(map[string]any)["variants"].([]any) {
		compare("Row", row)
	}
	for _, c := range r["checks"].([]any) {
		compare("Check", c)
	}
	metric, decision := r["metrics"].([]any)[0].(map[string]any), r["decision"].(map[string]any)
	compare("Matured", metric["matured"])
	compare("Power", metric["power"])
	compare("Decision", decision)
	compare("DecisionBasis", decision["basis"])
	compare("Blocker", decision["blockers"].([]any)[0])
	plan := decision["plan"].(map[string]any)
	delete(plan, "former")
	compare("Plan", plan)
	for schema, of := range map[string]any{ // those that this world has nothing for
		"Row":      readout.Effect{EarlyStop: readout.Win, AdjustedPValue: new(float64), CovariateAdjusted: &readout.Adjusted{}},
		"Adjusted": readout.Adjusted{}, "Novelty": readout.Novelty{}, "NoveltyTest": readout.NoveltyTest{}, "Look": readout.Look{}, "Levels": readout.Levels{},
	} {
		raw, err := json.Marshal(of)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		compare(schema, members)
	}
	w.step("end-early", `{"reason":"x","variant":"b"}`).must(t, http.StatusOK)
	x := w.step("decisions", `{"variant":null,"why":"x","by":"y"}`).must(t, http.StatusOK).json
	compare("Run", x["runs"].([]any)[0])
	compare("Outcome", x["decisions"].([]any)[0])
	compare("Revision", w.get("/v1/experiments/checkout/revisions").json["revisions"].([]any)[2])
	compare("Readout", w.get("/v1/experiments/checkout/readout").json)
}

// Every member of a trace and of its rows is described, and every one that is described as required is there.
func TestOpenAPIDescribesTheTrace(t *testing.T) {
	w := story(t)
	schemas := w.get("/openapi.json").json["components"].(map[string]any)["schemas"].(map[string]any)
	compare := func(name string, list any) {
		schema := schemas[name].(map[string]any)
		all, _ := list.([]any)
		if len(all) == 0 {
			t.Errorf("no %s to compare", name)
		}
		for _, one := range all {
			members := one.(map[string]any)
			for member := range members {
				if schema["properties"].(map[string]any)[member] == nil {
					t.Errorf("%s.%s is not in openapi.json", name, member)
				}
			}
			for _, member := range schema["required"].([]any) {
				if _, there := members[member.(string)]; !there {
					t.Errorf("%s.%s is required and not there", name, member)
				}
			}
		}
	}
	trace := w.get("/v1/units/anonymous/a-77").must(t, http.StatusOK).json
	compare("Trace", []any{trace})
	compare("TracedUnit", trace["units"])
	compare("TracedExperiment", trace["experiments"])
	compare("Association", trace["associations"])
	runs := trace["experiments"].([]any)[0].(map[string]any)["runs"]
	compare("TracedRun", runs)
	compare("TracedConversion", runs.([]any)[0].(map[string]any)["conversions"])
	compare("Tie", trace["units"].([]any)[1].(map[string]any)["refused_links"])
}
