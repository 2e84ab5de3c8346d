package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/web"
)

// desk is an Eraser that searches the world's fold as the program does, or fails.
type desk struct {
	*world
	fail error
	note string
}

func (d *desk) Erase(_ context.Context, u canonical.Unit, on web.Order) (out web.Erased, err error) {
	d.note = on.By + "/" + on.Reason
	if d.fail != nil {
		return out, d.fail
	}
	s, err := d.Search(u)
	if err != nil {
		return out, err
	}
	e := exposed("x", "u1", "a")
	e.ID, e.Source, e.SchemaVersion, e.ReceivedAt = "e1", "api", 1, e.At
	s.Message(&canonical.Record{Seq: 1, Event: e})
	if !s.Found() {
		return out, core.ErrNoUnit
	}
	r, err := d.Receipt(s, "r-1", start)
	if err != nil {
		return out, err
	}
	r.By, r.Key, r.Reason = on.By, on.Key, on.Reason
	data, err := json.Marshal(r)
	if err != nil {
		return out, err
	}
	d.seq++
	r.Seq = d.seq
	out.Receipt, out.TextsToReview = r, []web.NamingText{}
	return out, d.Apply([]canonical.Record{{Seq: d.seq, Erasure: data}})
}

func TestErasureOverTheAPI(t *testing.T) {
	d := &desk{}
	w := open(t, func(o *web.Options) { o.Eraser = d })
	d.world = w
	w.send(exposed("x", "u1", "a"), exposed("x", "u2", "a"))
	w.do(http.MethodDelete, "/v1/units/user/nobody", "").must(t, http.StatusNotFound)
	w.do(http.MethodDelete, "/v1/units/cookie/u1", "").must(t, http.StatusNotFound)
	w.do(http.MethodDelete, "/v1/units/user/u1", `{"why":"x"}`).must(t, http.StatusUnprocessableEntity)
	w.do(http.MethodDelete, "/v1/units/user/u1", "by=me", "Content-Type", "text/plain").must(t, http.StatusUnsupportedMediaType)
	if a := w.do(http.MethodDelete, "/v1/units/user/u1?by="+strings.Repeat("x", 501), "").must(t, http.StatusUnprocessableEntity); a.pointers() != "/by" {
		t.Error(a.Body)
	}
	d.fail = core.ErrErasing
	w.do(http.MethodDelete, "/v1/units/user/u1", "").must(t, http.StatusConflict)
	d.fail = fmt.Errorf("%w: the log", problem.ErrUnavailable)
	w.do(http.MethodDelete, "/v1/units/user/u1", "").must(t, http.StatusServiceUnavailable)
	d.fail = nil
	a := w.do(http.MethodDelete, "/v1/units/user/u1?by=desk&reason=old", `{"reason":"asked"}`).must(t, http.StatusOK)
	want := `{"receipt":"r-1","stream_seq":3,"at":"2026-11-20T00:00:00Z","by":"desk","reason":"asked","ids":1,"events":1,"messages":1,"contested":0,` +
		`"mentions_kept":0,"dead_letters":0,"dead_letters_to_review":0,"erased":[{"day":"2026-11-20","source":"api","kind":"experiment_exposed",` +
		`"experiment_id":"x","outcome":"accepted","messages":1}]}` + "\n"
	answer := strings.TrimSuffix(want, "}\n") + `,"texts_to_review":[]}` + "\n"
	if a.Body.String() != answer || a.Header().Get("Tracklayer-Stream-Seq") != "3" {
		t.Errorf("%s\nwant %s", a.Body, answer)
	}
	if one := w.get("/v1/erasures/r-1").must(t, http.StatusOK); one.Body.String() != want {
		t.Errorf("later: %s", one.Body)
	}
	if list := w.get("/v1/erasures").must(t, http.StatusOK); list.Body.String() != `{"erasures":[`+strings.TrimSpace(want)+"]}\n" {
		t.Errorf("the list: %s", list.Body)
	}
	w.get("/v1/erasures/r-2").must(t, http.StatusNotFound)
	w.get("/v1/units/user/u1").must(t, http.StatusNotFound)
	locked := open(t, func(o *web.Options) { o.Eraser, o.WriteKey = d, func(string) bool { return false } })
	locked.do(http.MethodDelete, "/v1/units/user/u1", "").must(t, http.StatusUnauthorized)
	open(t).do(http.MethodDelete, "/v1/units/user/u1", "").must(t, http.StatusNotFound)
}
