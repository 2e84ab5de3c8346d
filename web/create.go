package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
)

const (
	maxBy         = 200             // bytes of a name, as the registry takes them
	maxDefinition = 1 << 20         // bytes
	applyWithin   = 5 * time.Second // until the core has read what was stored
)

// declaration is the body of POST /v1/experiments: a definition, and how it starts.
type declaration struct {
	registry.Definition
	Status    registry.Status `json:"status"`     // running, the default, or draft
	StartedAt *canonical.Time `json:"started_at"` // of the first run; nil: everything that was ever seen counts
}

// create is POST /v1/experiments.
func (a *API) create(c echo.Context) error {
	body, err := read(c, echo.MIMEApplicationJSON)
	if err != nil {
		return err
	}
	now := canonical.TimeOf(a.Now())
	by := c.QueryParam("by")
	if len(by) > maxBy || !utf8.ValidString(by) || strings.ContainsFunc(by, unicode.IsControl) {
		return problem.BadRequest("A parameter of the query cannot be read. Mend what errors names.",
			problem.FieldError{Pointer: "/by", Detail: "must be at most 200 bytes of UTF-8 without control characters"})
	}
	change, err := a.declare(body, now)
	if err != nil {
		return err
	}
	change.By = by
	if err := a.store(c, change, 0); err != nil {
		if a.Changed(err) {
			return exists(change.ID)
		}
		return err
	}
	c.Response().Header().Set("Location", "/v1/experiments/"+url.PathEscape(change.ID))
	return answer(c, http.StatusCreated, declared(change))
}

// store puts a change on the log, after the experiment's change with that sequence, and waits until the core has read
// it. It sets the headers that name the new state.
func (a *API) store(c echo.Context, change *registry.Change, after uint64) error {
	change.Key = keyOf(c)
	data, err := encode(change)
	if err != nil {
		return err
	}
	seq, err := a.Registry.PublishDefinition(c.Request().Context(), change.ID, after, data)
	if err != nil {
		return fmt.Errorf("%w: store the definition of %q: %w", problem.ErrUnavailable, change.ID, err)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), applyWithin)
	defer cancel()
	if _, err := a.State.Wait(ctx, seq); err != nil { // it is stored all the same, and will be read
		a.Log.LogAttrs(ctx, slog.LevelWarn, "a definition is stored but not applied yet",
			slog.String("experiment", change.ID), slog.Uint64("stream_seq", seq), slog.Any("error", err))
	}
	h := c.Response().Header()
	h.Set("ETag", entityTag(change.Revision))
	h.Set(headerSeq, strconv.FormatUint(seq, 10))
	return nil
}

// declare turns the body into the first change of an experiment, or says all that is wrong with it.
func (a *API) declare(body []byte, now canonical.Time) (*registry.Change, error) {
	var d declaration
	if err := decode(body, &d); err != nil {
		return nil, err
	}
	var all registry.Faults
	for _, err := range []error{d.Normalize(), d.checkStart(now), a.State.View().Registry.Taken(&d.Definition)} {
		if faults := registry.Faults(nil); errors.As(err, &faults) {
			all = append(all, faults...)
		} else if err != nil {
			return nil, err
		}
	}
	if len(all) > 0 {
		return nil, invalid(all)
	}
	if _, taken := a.State.View().Registry.Get(d.ID); taken {
		return nil, exists(d.ID)
	}
	change := &registry.Change{Definition: d.Definition, Revision: 1, Runs: []registry.Run{}, At: now, What: "created"}
	if d.Status != registry.Draft {
		run := registry.Run{Number: 1, Status: registry.Running}
		if d.StartedAt != nil {
			run.StartedAt = *d.StartedAt
		}
		change.Runs = append(change.Runs, run)
	}
	return change, nil
}

// checkStart looks at what is not part of the definition.
func (d *declaration) checkStart(now canonical.Time) error {
	var faults registry.Faults
	if d.Status != "" && d.Status != registry.Draft && d.Status != registry.Running {
		faults = append(faults, registry.Fault{Pointer: "/status", Detail: "must be running or draft"})
	}
	switch at := d.StartedAt; {
	case at == nil:
	case d.Status == registry.Draft:
		faults = append(faults, registry.Fault{Pointer: "/started_at", Detail: "has no meaning for a draft; leave it out, and start the experiment when it is time"})
	case *at < canonical.MinTime || *at > now.Add(canonical.MaxAhead):
		faults = append(faults, registry.Fault{Pointer: "/started_at", Detail: "must lie between 2000-01-01 and a day ahead"})
	}
	if faults == nil {
		return nil
	}
	return faults
}

func exists(id string) error {
	return problem.Conflict(fmt.Sprintf("The experiment %q is declared already. GET it to see its definition, or choose another id.", id))
}

func invalid(faults registry.Faults) error {
	p := problem.Invalid("The body cannot be taken. Mend what errors names and send it again.")
	for _, f := range faults {
		p.Errors = append(p.Errors, problem.FieldError{Pointer: f.Pointer, Detail: f.Detail})
	}
	return p
}

// read takes the body in. A web page of somebody else can send any text without asking the browser's user, or nothing
// at all, but not as JSON: so no other type is read here, and none is left out by a page from elsewhere.
func read(c echo.Context, types ...string) ([]byte, error) {
	if header := c.Request().Header.Get("Content-Type"); header != "" {
		media, _, err := mime.ParseMediaType(header)
		if err != nil || !slices.Contains(types, media) {
			return nil, problem.UnsupportedMediaType(fmt.Sprintf("Content-Type %.80q is not read here; send %s.", header, strings.Join(types, " or ")))
		}
	} else if err := http.NewCrossOriginProtection().Check(c.Request()); err != nil {
		return nil, problem.UnsupportedMediaType("A page from elsewhere must say Content-Type: " + types[0] + ".")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, maxDefinition))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, problem.TooLarge(fmt.Sprintf("A definition has at most %d bytes.", maxDefinition))
	}
	if err != nil {
		return nil, problem.BadRequest("The body broke off: " + err.Error())
	}
	return body, nil
}
