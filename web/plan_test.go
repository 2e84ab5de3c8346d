package web_test

import (
	"net/http"
	"testing"
)

func TestPlan(t *testing.T) {
	w := open(t)
	ask := func(body string, headers ...string) answer {
		return w.do(http.MethodPost, "/v1/plan", body, headers...)
	}
	a := ask(`{"baseline":0.05,"effect":0.1,"daily_users":2000}`).must(t, http.StatusOK)
	if a.json["units_per_variant"] != 31231.0 || a.json["days"] != 32.0 || a.json["days_whole_weeks"] != 35.0 {
		t.Errorf("%s", a.Body)
	}
	compareSchema(t, w, "PlanAnswer", a.json)
	compareSchema(t, w, "PlanSize", a.json["always_valid"])
	compareSchema(t, w, "DecisionRule", a.json["decision"])
	if p := ask(`{"baseline":2,"variants":1}`).must(t, http.StatusUnprocessableEntity).pointers(); p != "/baseline /effect /variants" {
		t.Error(p)
	}
	if p := ask(`{"baselin":2}`).must(t, http.StatusUnprocessableEntity).pointers(); p != "/baselin" {
		t.Error(p)
	}
	ask(`{`).must(t, http.StatusBadRequest)
	ask(`{"baseline":0.05,"effect":0.1}`, "Content-Type", "text/plain").must(t, http.StatusUnsupportedMediaType)
	// the decision fits into a definition as it is
	w.post(`{"id":"planned","variants":[{"key":"a"},{"key":"b"}],"metrics":[{"type":"proportion","event":"e"}],
		"decision":{"threshold":0.9,"min_units_per_variant":31231,"min_days":35,"planned_effect":0.1}}`).must(t, http.StatusCreated)
}
