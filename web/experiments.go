package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// definitions answers requests about experiments: what they are, and the steps in their life.
type definitions struct {
	opts  Options
	write *writer
}

// experiment is a definition as it is given out.
type experiment struct {
	registry.Definition
	Status    registry.Status    `json:"status"` // of the newest run
	Revision  int                `json:"revision"`
	Runs      []registry.Run     `json:"runs"`
	Decisions []registry.Outcome `json:"decisions"`
	ChangedAt *canonical.Time    `json:"changed_at"` // null: undeclared
	ChangedBy string             `json:"changed_by,omitempty"`
	Key       string             `json:"key,omitempty"` // fingerprint of the key that it was changed with
	Change    string             `json:"change,omitempty"`
	Archived  *registry.Archive  `json:"archived,omitempty"` // null: lists show it
}

func declared(c *registry.Change) experiment {
	x := experiment{
		Definition: c.Definition, Status: registry.Draft, Revision: c.Revision, Runs: c.Runs, Decisions: c.Decisions,
		ChangedAt: &c.At, ChangedBy: c.By, Key: c.Key, Change: c.What,
	}
	if x.Runs == nil {
		x.Runs = []registry.Run{}
	}
	if x.Decisions == nil {
		x.Decisions = []registry.Outcome{}
	}
	if n := len(x.Runs); n > 0 {
		x.Status = x.Runs[n-1].Status
	}
	return x
}

// undeclared returns the definition by which an undeclared experiment is read.
func undeclared(s *sums.Snapshot) experiment {
	return experiment{
		Definition: readout.Undeclared(s), Status: registry.Undeclared,
		Runs: []registry.Run{{Number: 1, Status: registry.Undeclared}}, Decisions: []registry.Outcome{},
	}
}

// entityTag is the ETag of a declared experiment.
func entityTag(revision int) string { return strconv.Quote(strconv.Itoa(revision)) }

// experiment is GET /v1/experiments/{id}.
func (a *definitions) experiment(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	v := a.opts.State.View()
	s, ok := v.Experiment(id)
	if !ok {
		return unknown(id)
	}
	recomputing(c, v, s)
	def, known := v.Registry.Get(id) // the newest, although the readout may still be the one before
	x := undeclared(s)
	if known {
		x = declared(&def.Change)
	}
	x.Archived = v.Registry.Archived(id)
	body, err := encode(x)
	if err != nil {
		return err
	}
	tag := tagOf(body)
	if known {
		tag = entityTag(def.Revision)
	}
	return fresh(c, tag, body)
}

// listed is an experiment among others.
type listed struct {
	ID            string          `json:"id"`
	Name          string          `json:"name,omitempty"`
	Status        registry.Status `json:"status"`
	Revision      int             `json:"revision"` // 0: undeclared
	Run           *int            `json:"run"`      // the newest; null: none
	ExposedUsers  int64           `json:"exposed_users"`
	LastExposedOn *string         `json:"last_exposed_on"` // day of the newest first exposure, UTC; null: none
	ChangedAt     *canonical.Time `json:"changed_at"`
	Recomputing   bool            `json:"recomputing,omitempty"` // a change of the definition is processed in the background; the numbers are from before it
	// Archived says when the experiment was hidden from the list, and by whom; null: it is not.
	Archived *registry.Archive `json:"archived,omitempty"`
}

// maxBy is the longest name of who changes something, in bytes, as the registry takes it.
const maxBy = 200

// declaration is the body of POST /v1/experiments: a definition, and how it starts.
type declaration struct {
	registry.Definition
	Status    registry.Status `json:"status"`     // running, the default, or draft
	StartedAt *canonical.Time `json:"started_at"` // of the first run; nil: everything that was ever seen counts
}

// create is POST /v1/experiments.
func (a *definitions) create(c echo.Context) error {
	body, err := read(c, echo.MIMEApplicationJSON)
	if err != nil {
		return err
	}
	now := canonical.TimeOf(a.opts.Now())
	by := c.QueryParam("by")
	if len(by) > maxBy || !utf8.ValidString(by) || strings.ContainsFunc(by, unicode.IsControl) {
		return problem.BadRequest("A query parameter is not valid. Fix the fields in errors.",
			problem.FieldError{Pointer: "/by", Detail: "must be at most 200 bytes of UTF-8 without control characters"})
	}
	change, err := a.declare(body, now)
	if err != nil {
		return err
	}
	change.By = by
	if err := a.store(c, change, 0); err != nil {
		if a.opts.Changed(err) {
			return exists(change.ID)
		}
		return err
	}
	c.Response().Header().Set("Location", "/v1/experiments/"+url.PathEscape(change.ID))
	return answer(c, http.StatusCreated, declared(change))
}

// store puts a change on the log, after the experiment's change with that sequence, and waits until the core has read
// it. It sets the headers that name the new state.
func (a *definitions) store(c echo.Context, next *registry.Change, after uint64) error {
	next.Key = keyOf(c)
	data, err := encode(next)
	if err != nil {
		return err
	}
	seq, err := a.write.put(c.Request().Context(), change{
		what: fmt.Sprintf("store the definition of %q", next.ID), late: "a definition is stored but not applied yet",
		publish: func(ctx context.Context) (uint64, error) {
			return a.opts.Registry.PublishDefinition(ctx, next.ID, after, data)
		},
		attrs: []slog.Attr{slog.String("experiment", next.ID)},
	})
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("ETag", entityTag(next.Revision))
	h.Set(headerSeq, strconv.FormatUint(seq, 10))
	return nil
}

// declare turns the body into the first change of an experiment, or says all that is wrong with it.
func (a *definitions) declare(body []byte, now canonical.Time) (*registry.Change, error) {
	var d declaration
	if err := decode(body, &d); err != nil {
		return nil, err
	}
	var all registry.Faults
	for _, err := range []error{d.Normalize(), d.checkStart(now), a.opts.State.View().Registry.Taken(&d.Definition)} {
		if faults := registry.Faults(nil); errors.As(err, &faults) {
			all = append(all, faults...)
		} else if err != nil {
			return nil, err
		}
	}
	if len(all) > 0 {
		return nil, invalid(all)
	}
	if _, taken := a.opts.State.View().Registry.Get(d.ID); taken {
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
		faults = append(faults, registry.Fault{Pointer: "/started_at", Detail: "is not allowed for a draft; leave it out, and start the experiment later"})
	case *at < canonical.MinTime || *at > now.Add(canonical.MaxAhead):
		faults = append(faults, registry.Fault{Pointer: "/started_at", Detail: "must be between 2000-01-01 and a day ahead"})
	}
	if faults == nil {
		return nil
	}
	return faults
}

func exists(id string) error {
	return problem.Conflict(fmt.Sprintf("The experiment %q already exists. GET it to see its definition, or choose another id.", id))
}

// patch is PATCH /v1/experiments/{id}.
func (a *definitions) patch(c echo.Context) error {
	return a.change(c, true, []string{mergePatch, echo.MIMEApplicationJSON}, patched)
}

// mergePatch is the media type of RFC 7396.
const mergePatch = "application/merge-patch+json"

// patched merges the body into the definition; nil: nothing is new.
func patched(e *edit) (*registry.Change, error) {
	if err := decode(e.body, &registry.Definition{}); err != nil { // a patch has the shape of what it patches
		return nil, err
	}
	before, err := encode(e.x.Definition)
	if err != nil {
		return nil, err
	}
	from, err := tree(before)
	if err != nil {
		return nil, err
	}
	with, err := tree(e.body)
	if err != nil {
		return nil, err
	}
	if id, given := with["id"]; given && id != e.x.ID {
		return nil, registry.Faults{{Pointer: "/id", Detail: fmt.Sprintf("is %q and cannot change; declare another experiment for another id", e.x.ID)}}
	}
	text, err := encode(merge(from, with))
	if err != nil {
		return nil, err
	}
	var d registry.Definition
	if err := decode(text, &d); err != nil {
		return nil, err
	}
	if err := accept(&d, e); err != nil {
		return nil, err
	}
	what, err := differences(before, &d)
	if what == "" || err != nil {
		return nil, err
	}
	return e.x.Edit(d, registry.Step{Now: e.now, By: e.by}, "changed "+what)
}

// accept fills in the defaults and says every fault at once.
func accept(d *registry.Definition, e *edit) error {
	var all registry.Faults
	for _, err := range []error{d.Normalize(), e.view.Registry.Taken(d)} {
		if faults := registry.Faults(nil); errors.As(err, &faults) {
			all = append(all, faults...)
		} else if err != nil {
			return err
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

// tree reads an object, its numbers as they are written.
func tree(text []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var t map[string]any
	err := dec.Decode(&t)
	return t, err
}

// merge is MergePatch of RFC 7396, section 2.
func merge(target any, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	into, ok := target.(map[string]any)
	if !ok {
		into = map[string]any{}
	}
	for name, value := range members {
		if value == nil {
			delete(into, name)
		} else {
			into[name] = merge(into[name], value)
		}
	}
	return into
}

// differences names the members of the definition that are others than before.
func differences(before []byte, d *registry.Definition) (string, error) {
	after, err := encode(d)
	if err != nil {
		return "", err
	}
	var old, now map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(before, &old), json.Unmarshal(after, &now)); err != nil {
		return "", err
	}
	names := map[string]struct{}{}
	for name := range old {
		names[name] = struct{}{}
	}
	for name := range now {
		names[name] = struct{}{}
	}
	maps.DeleteFunc(names, func(name string, _ struct{}) bool { return bytes.Equal(old[name], now[name]) })
	return strings.Join(slices.Sorted(maps.Keys(names)), ", "), nil
}
