package web_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/web"
)

// received is a log on which each sequence was received a second after the one before.
type received struct{ asked *canonical.Time }

func (r received) SeqAt(_ context.Context, at canonical.Time) (uint64, error) {
	*r.asked = at
	if at < start {
		return 0, nil
	}
	return uint64(at-start)/1000 + 1, nil
}

func TestReadoutAsOfAMoment(t *testing.T) {
	var asked canonical.Time
	former := &at{}
	w := open(t, func(o *web.Options) { o.Past, o.Moments = former, received{&asked} })
	w.post(headline).must(t, http.StatusCreated)
	former.view = w.View()
	then := w.get(checkout+"/readout").must(t, http.StatusOK).Body.String()
	w.send(exposed("checkout", "u1", "control"), purchased("u1"))
	if a := w.get(checkout+"/readout?at="+start.String()).must(t, http.StatusOK); a.Body.String() != then || asked != start {
		t.Errorf("asked for %s: %s", asked, a.Body)
	}
	if a := w.get(checkout+"/readout?at=2026-11-20").must(t, http.StatusOK); a.Body.String() == then || asked.String() != "2026-11-20T23:59:59.999Z" {
		t.Errorf("the end of a day is %s: %s", asked, a.Body)
	}
	w.get(checkout+"/timeseries?at=2026-11-20").must(t, http.StatusOK)
	if p := w.get(checkout+"/readout?at=2001-01-01").must(t, http.StatusUnprocessableEntity).pointers(); p != "/at" {
		t.Error(p)
	}
	for _, bad := range []string{"at=yesterday", "at=2026-11-20&at_seq=1"} {
		if p := w.get(checkout+"/readout?"+bad).must(t, http.StatusBadRequest).pointers(); p != "/at" {
			t.Errorf("%s: %s", bad, p)
		}
	}
	plain := open(t)
	plain.post(headline).must(t, http.StatusCreated)
	plain.get(checkout+"/readout?at=2026-11-20").must(t, http.StatusUnprocessableEntity)
}
