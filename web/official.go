package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// keepReadout is POST /v1/experiments/{id}/readouts: a readout is stored whole. The same bytes are stored once.
func (a *readouts) keepReadout(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	body, err := read(c, echo.MIMEApplicationJSON)
	if err != nil {
		return err
	}
	var in struct {
		Run   *int    `json:"run"`
		AtSeq *uint64 `json:"at_seq"`
		By    string  `json:"by"`
		Note  string  `json:"note"`
	}
	if err := decode(body, &in); err != nil {
		return err
	}
	run := 0
	if in.Run != nil {
		if run = *in.Run; run < 1 {
			return invalid(registry.Faults{{Pointer: "/run", Detail: "must be the number of a run, from 1"}})
		}
	}
	o := registry.Official{ExperimentID: id, By: in.By, Key: keyOf(c), Note: in.Note, At: canonical.TimeOf(a.opts.Now())}
	if err := o.Check(); err != nil {
		return refusal(err)
	}
	v, err := a.viewOf(c, id, asked{atSeq: in.AtSeq})
	if err != nil {
		return err
	}
	content, err := a.describe(&o, v, run)
	if err != nil {
		return unmade(err, id, run)
	}
	status := http.StatusOK
	if stored, seq, err := a.keep(c.Request().Context(), &o, content); err != nil {
		return err
	} else if stored {
		status = http.StatusCreated
		c.Response().Header().Set(headerSeq, strconv.FormatUint(seq, 10))
	}
	c.Response().Header().Set("Location", "/v1/experiments/"+url.PathEscape(id)+"/readouts/"+o.SHA256)
	return answer(c, status, o)
}

// unmade is why a readout cannot be made, as the client reads it.
func unmade(err error, id string, run int) error {
	switch {
	case errors.Is(err, readout.ErrNoExperiment):
		return unknown(id)
	case errors.Is(err, readout.ErrNoRun):
		return noRun(id, run)
	case errors.Is(err, readout.ErrRecomputing):
		p := problem.Unavailable(time.Second)
		p.Title = "Recalculating. Ask again in a moment."
		return p
	}
	return err
}

// describe makes a run's readout, 0 for the newest, and completes what is said of it. The bytes are those that a GET of
// the same state answers with.
func (a *readouts) describe(o *registry.Official, v *sums.View, run int) ([]byte, error) {
	r, err := readout.Make(v, readout.Question{Experiment: o.ExperimentID, Run: run}, a.opts.Code)
	if err != nil {
		return nil, err
	}
	content, err := encode(r)
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > a.opts.Largest {
		return nil, problem.TooLarge(fmt.Sprintf("The readout has %d bytes; at most %d can be stored. Read it with GET .../readout and keep it elsewhere.", len(content), a.opts.Largest))
	}
	o.SHA256, o.Run = registry.HashOf(content), r.Run
	o.AsOf = registry.Basis{StreamSeq: r.AsOf.StreamSeq, RegistryRevision: r.AsOf.RegistryRevision, CodeVersion: r.AsOf.CodeVersion}
	return content, nil
}

// keep stores a readout on the log and waits until the core has read it, unless its bytes are stored already: then o
// becomes what was said of them first.
func (a *readouts) keep(ctx context.Context, o *registry.Official, content []byte) (stored bool, seq uint64, err error) {
	first, _, err := a.opts.State.Official(o.ExperimentID, o.SHA256)
	if err == nil {
		*o = first
		return false, 0, nil
	}
	if !errors.Is(err, core.ErrNoOfficial) {
		return false, 0, err
	}
	data, err := o.Encode(content)
	if err != nil {
		return false, 0, err
	}
	seq, err = a.write.put(ctx, change{
		what: fmt.Sprintf("store a readout of %q", o.ExperimentID), late: "a readout is stored but not applied yet",
		publish: func(ctx context.Context) (uint64, error) {
			return a.opts.Registry.PublishReadout(ctx, o.ExperimentID, data)
		},
		attrs: []slog.Attr{slog.String("experiment", o.ExperimentID)},
	})
	return err == nil, seq, err
}

// officials is GET /v1/experiments/{id}/readouts.
func (a *readouts) officials(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	if _, ok := a.opts.State.View().Experiment(id); !ok {
		return unknown(id)
	}
	all, err := a.opts.State.Officials(id)
	if err != nil {
		return err
	}
	if all == nil {
		all = []registry.Official{}
	}
	body, err := encode(struct {
		ExperimentID string              `json:"experiment_id"`
		Readouts     []registry.Official `json:"readouts"`
	}{id, all})
	if err != nil {
		return err
	}
	return fresh(c, tagOf(body), body)
}

// official is GET /v1/experiments/{id}/readouts/{sha256}: the bytes as they were stored.
func (a *readouts) official(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	hash := c.Param("sha256")
	_, content, err := a.opts.State.Official(id, hash)
	if errors.Is(err, core.ErrNoOfficial) {
		return problem.NotFound(fmt.Sprintf("No readout of the experiment %q with the SHA-256 %.64q is stored. GET /v1/experiments/%s/readouts lists those that are.", id, hash, url.PathEscape(id)))
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	c.Response().Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	return fresh(c, strconv.Quote(hash), content)
}

// decided stores the readout that a decision is made on and gives the decision its hash. A decision is checked before
// anything is stored, and never points to nothing.
func (a *readouts) decided(e *edit, o registry.Outcome) (*registry.Change, error) {
	kept := registry.Official{ExperimentID: e.x.ID, By: o.By, Key: o.Key, At: o.At, Note: "decision: " + o.Why}
	if len(kept.Note) > maxNote {
		kept.Note = "decision"
	}
	content, err := a.describe(&kept, e.view, o.Run)
	switch {
	case err == nil:
		o.AsOf = kept.AsOf
		o.AsOf.Readout = kept.SHA256
	case !errors.Is(err, readout.ErrNoRun): // Decide says what is wrong with the run
		return nil, unmade(err, e.x.ID, o.Run)
	}
	change, err := e.x.Decide(o)
	if err != nil {
		return nil, err
	}
	_, _, err = a.keep(e.ctx, &kept, content)
	return change, err
}

// maxNote is how many bytes of a decision's reason are a readout's note as well.
const maxNote = 4000

// decide is POST /v1/experiments/{id}/decisions. A variant that is left out is a fault, since null means something.
func (a *readouts) decide(e *edit) (*registry.Change, error) {
	var in struct {
		Run     *int    `json:"run"`
		Variant *string `json:"variant"`
		Why     string  `json:"why"`
		By      string  `json:"by"`
	}
	if err := decode(e.body, &in); err != nil {
		return nil, err
	}
	o := registry.Outcome{Variant: in.Variant, Why: in.Why, By: in.By, Key: e.key, At: e.now}
	var faults registry.Faults
	if in.Run != nil {
		if o.Run = *in.Run; o.Run < 1 {
			faults = append(faults, registry.Fault{Pointer: "/run", Detail: "must be the number of a run, from 1"})
		}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(e.body, &members); err != nil {
		return nil, err
	}
	if _, given := members["variant"]; !given {
		faults = append(faults, registry.Fault{Pointer: "/variant", Detail: "is required: the key of a variant, or null for no change"})
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return a.decided(e, o)
}
