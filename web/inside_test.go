package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/web"
)

// Callers in the process are not asked for keys, and hear the same as everybody who shows one.
func TestInsideAsksForNoKey(t *testing.T) {
	const key = "a-key-of-many-bytes"
	var inside http.Handler
	w := open(t, func(o *web.Options) {
		o.ReadKey = func(k string) bool { return k == key }
		o.WriteKey = o.ReadKey
		inside = web.New(*o).Inside()
	})
	ask := func(method, target, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		a := httptest.NewRecorder()
		inside.ServeHTTP(a, r)
		return a
	}
	if a := ask(http.MethodPost, "/v1/experiments?by=ada", headline); a.Code != http.StatusCreated {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	w.get("/v1/experiments/checkout").must(t, http.StatusUnauthorized)
	outside := w.get("/v1/experiments/checkout", "X-Tracklayer-Key", key).must(t, http.StatusOK)
	if a := ask(http.MethodGet, "/v1/experiments/checkout", ""); a.Body.String() != outside.Body.String() || outside.json["changed_by"] != "ada" {
		t.Errorf("inside %s\noutside %s", a.Body, outside.Body)
	}
	if a := ask(http.MethodPut, "/v1/experiments/checkout", ""); a.Code != http.StatusMethodNotAllowed {
		t.Errorf("another method: %d", a.Code)
	}
}

func TestWhoDeclares(t *testing.T) {
	w := open(t)
	for _, by := range []string{strings.Repeat("x", 201), "%ff", "a%0ab"} {
		a := w.do(http.MethodPost, "/v1/experiments?by="+by, headline).must(t, http.StatusBadRequest)
		if a.pointers() != "/by" {
			t.Errorf("%q: %s", by, a.Body)
		}
	}
	if a := w.do(http.MethodPost, "/v1/experiments?by=ada@example.com", headline).must(t, http.StatusCreated); a.json["changed_by"] != "ada@example.com" {
		t.Errorf("declared by %v", a.json["changed_by"])
	}
}
