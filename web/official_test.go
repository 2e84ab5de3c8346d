package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/web"
)

// at answers with one former state.
type at struct{ view *sums.View }

func (a at) At(context.Context, uint64) (*sums.View, error) { return a.view, nil }

// TestOfficialReadouts: a stored readout is the bytes that were answered, under their hash, once.
func TestOfficialReadouts(t *testing.T) {
	former := &at{}
	w := open(t, func(o *web.Options) { o.Past = former })
	w.post(headline).must(t, http.StatusCreated)
	former.view = w.View()
	then := w.get(checkout+"/readout").must(t, http.StatusOK).Body.Bytes()
	w.send(exposed("checkout", "u1", "control"), purchased("u1"))
	now := w.get(checkout+"/readout").must(t, http.StatusOK).Body.Bytes()
	if a := w.get(checkout+"/readouts").must(t, http.StatusOK); len(a.json["readouts"].([]any)) != 0 {
		t.Errorf("%s", a.Body)
	}
	for _, c := range []struct {
		body  string
		bytes []byte
	}{{`{"by":"ann","note":"the quarter's"}`, now}, {`{"by":"bob","at_seq":1,"run":1}`, then}} {
		hash := fmt.Sprintf("%x", sha256.Sum256(c.bytes))
		if a := w.step("readouts", c.body).must(t, http.StatusCreated); a.json["sha256"] != hash || a.Header().Get("Location") != checkout+"/readouts/"+hash {
			t.Errorf("%v %s", a.Header(), a.Body)
		}
		a := w.get(checkout+"/readouts/"+hash).must(t, http.StatusOK)
		sum := sha256.Sum256(c.bytes)
		if a.Body.String() != string(c.bytes) || a.Header().Get("ETag") != `"`+hash+`"` || a.Header().Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
			t.Errorf("%v %s", a.Header(), a.Body)
		}
		w.get(checkout+"/readouts/"+hash, "If-None-Match", `"`+hash+`"`).must(t, http.StatusNotModified)
		w.get("/v1/experiments/other/readouts/"+hash).must(t, http.StatusNotFound)
	}
	seq := w.seq
	if a := w.step("readouts", `{"by":"eve","at_seq":1}`).must(t, http.StatusOK); a.json["by"] != "bob" || w.seq != seq {
		t.Errorf("stored twice: %s", a.Body)
	}
	list := w.get(checkout+"/readouts").must(t, http.StatusOK).json["readouts"].([]any)
	if len(list) != 2 || list[0].(map[string]any)["by"] != "bob" || list[1].(map[string]any)["note"] != "the quarter's" {
		t.Errorf("%v", list)
	}
	schema := w.get("/openapi.json").json["components"].(map[string]any)["schemas"].(map[string]any)["Official"].(map[string]any)["properties"].(map[string]any)
	for name := range list[1].(map[string]any) {
		if schema[name] == nil {
			t.Errorf("Official.%s is not in openapi.json", name)
		}
	}
}

func TestOfficialReadoutsRefused(t *testing.T) {
	w := open(t, func(o *web.Options) { o.Largest = 16_000 })
	w.post(headline).must(t, http.StatusCreated)
	for body, want := range map[string]int{
		`{}`:                     422,
		`{"by":"a","run":0}`:     422,
		`{"by":"a","run":2}`:     404,
		`{"by":"a","at_seq":9}`:  422,
		`{"by":"a","at_seq":-1}`: 422,
		`{"by":"a","who":"b"}`:   422,
		`{"by":"a","note":"` + strings.Repeat("x", 4001) + `"}`: 422,
		`{`: 400,
	} {
		w.step("readouts", body).must(t, want)
	}
	w.do(http.MethodPost, "/v1/experiments/nothing/readouts", `{"by":"a"}`).must(t, http.StatusNotFound)
	w.get("/v1/experiments/nothing/readouts").must(t, http.StatusNotFound)
	if a := w.get(checkout+"/readouts/abc").must(t, http.StatusNotFound); !strings.Contains(a.Body.String(), "lists those that are") {
		t.Errorf("%s", a.Body)
	}
	if a := w.get(checkout+"/readouts").must(t, http.StatusOK); len(a.json["readouts"].([]any)) != 0 {
		t.Errorf("%s", a.Body)
	}
	w.down = true
	w.step("readouts", `{"by":"a"}`).must(t, http.StatusServiceUnavailable)
	w.down = false
	for i := range 40 {
		w.send(exposed("checkout", fmt.Sprint("u", i), fmt.Sprintf("%d%s", i, strings.Repeat("x", 150))))
	}
	w.step("readouts", `{"by":"a"}`).must(t, http.StatusRequestEntityTooLarge)
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.View().Unreadable
	for _, bad := range []string{"", "{}", "{}\nx", `{"experiment_id":"checkout","sha256":"00"}` + "\nx"} {
		w.seq++
		if err := w.Apply([]canonical.Record{{Seq: w.seq, Readout: []byte(bad)}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.View().Unreadable - before; n != 4 {
		t.Errorf("%d of 4 records were counted as unreadable", n)
	}
}
