package web_test

import (
	"net/http"
	"testing"
)

func TestTimeseries(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	w.send(exposed("checkout", "u1", "control"), exposed("checkout", "u2", "b"), purchased("u2"))
	const path = "/v1/experiments/checkout/timeseries"
	a := w.get(path).must(t, http.StatusOK)
	days, _ := a.json["days"].([]any)
	if len(days) == 0 || a.json["metric"] != "purchase" || a.json["population"] != "all" || a.Header().Get("Tracklayer-Stream-Seq") == "" {
		t.Fatalf("%s", a.Body)
	}
	w.get(path, "If-None-Match", a.Header().Get("ETag")).must(t, http.StatusNotModified)
	compareSchema(t, w, "Timeseries", a.json)
	for _, part := range [][2]string{{"days", "SeriesDay"}, {"cohorts", "SeriesCohort"}} {
		for _, one := range a.json[part[0]].([]any) {
			compareSchema(t, w, part[1], one)
		}
	}
	if got := w.get(path+"?population=matured&metric=purchase&filtered=include").must(t, http.StatusOK).json; got["population"] != "matured" || got["filtered"] != "include" {
		t.Error(got)
	}
	if p := w.get(path+"?population=some").must(t, http.StatusBadRequest).pointers(); p != "/population" {
		t.Error(p)
	}
	w.get(path+"?metric=none").must(t, http.StatusNotFound)
	w.get(path+"?run=9").must(t, http.StatusNotFound)
	w.get("/v1/experiments/nobody/timeseries").must(t, http.StatusNotFound)
}
