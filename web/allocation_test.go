package web_test

import (
	"net/http"
	"testing"
)

func TestAllocation(t *testing.T) {
	w := open(t)
	w.post(headline).must(t, http.StatusCreated)
	w.send(exposed("checkout", "u1", "control"), exposed("checkout", "u2", "b"), purchased("u2"))
	const path = "/v1/experiments/checkout/allocation"
	a := w.get(path).must(t, http.StatusOK)
	if a.json["ready"] != false || a.json["algorithm"] != "thompson" || a.json["floor"] != 0.01 {
		t.Errorf("%s", a.Body)
	}
	compareSchema(t, w, "Allocation", a.json)
	for _, v := range a.json["variants"].([]any) {
		compareSchema(t, w, "Allotted", v)
	}
	if got := w.get(path+"?algorithm=top_two&floor=0.2&metric=purchase").must(t, http.StatusOK).json; got["algorithm"] != "top_two" || got["floor"] != 0.2 {
		t.Error(got)
	}
	if p := w.get(path+"?algorithm=x&floor=NaN").must(t, http.StatusBadRequest).pointers(); p != "/algorithm /floor" {
		t.Error(p)
	}
	w.get(path+"?metric=none").must(t, http.StatusNotFound)
	w.get("/v1/experiments/nobody/allocation").must(t, http.StatusNotFound)
}
