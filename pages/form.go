package pages

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// formPage is the form of a definition: a new one, one for what was seen, or one that is changed.
type formPage struct {
	frame
	*fields
	ID       string // of the experiment that is changed; "": a new one
	Name     string
	Adopt    string // the undeclared experiment that is declared
	Path     string
	Running  bool   // a change of the stopping rule begins a new plan
	Said     string // the API's error about the whole
	Events   []string
	Planned  *planned
	Revision int
}

// adoptPath is the form filled with what was seen.
func adoptPath(id string) string { return "/experiments/new?adopt=" + url.QueryEscape(id) }

// formPages are the form of a new experiment, and the one that changes an experiment.
type formPages struct{ *site }

func (p *formPages) newForm(q *request) error {
	f := newFields(url.Values{})
	page := &formPage{frame: p.frame(q, "New experiment"), fields: f, Path: "/experiments/new"}
	if id := q.URL.Query().Get("adopt"); id != "" {
		s, known := p.opts.State.View().Experiment(id)
		if !known {
			return unknown(id)
		}
		d := readout.Undeclared(s)
		page.Title, page.Adopt = "Adopt "+id, id
		f.fill(&d)
	} else {
		f.fill(fresh())
	}
	f.Values.Set("status", "running")
	page.Events = p.eventNames()
	return p.show(q, http.StatusOK, "form", page)
}

// fresh is the definition that a new form begins with.
func fresh() *registry.Definition {
	d := &registry.Definition{
		Variants: []registry.Variant{{Key: "control"}, {Key: "treatment"}}, Control: "control",
		Metrics: []registry.Metric{{Role: registry.Primary, Type: registry.Proportion, Direction: "increase"}},
	}
	_ = d.Normalize() // for the defaults; it is not complete yet
	return d
}

// eventNames are the conversion events that were seen in undeclared experiments, to choose from.
func (p *formPages) eventNames() []string {
	var all []string
	v := p.opts.State.View()
	undeclared, _ := v.Listing().Undeclared.After("", "", maxUndeclared)
	for _, id := range undeclared {
		if s, ok := v.Experiment(id); ok && s.Experiment == nil && !s.Lost {
			for _, m := range readout.Undeclared(s).Metrics {
				all = append(all, m.Event)
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(100, len(all))]
}

// typed is the form as it was sent. Buttons that only change the form are done here; true: the form is to be shown again.
func (p *formPages) typed(q *request, page *formPage) bool {
	f := newFields(q.PostForm)
	page.fields, page.Events = f, p.eventNames()
	if list, ok := strings.CutPrefix(q.PostForm.Get("do"), "add-"); ok && lists[list] != nil {
		f.add(list, nil)
		return true
	}
	for list := range lists {
		f.close(list)
	}
	return false
}

func (p *formPages) create(q *request) error {
	page := &formPage{frame: p.frame(q, "New experiment"), Path: "/experiments/new", Adopt: q.PostForm.Get("adopt")}
	if p.typed(q, page) {
		return p.show(q, http.StatusOK, "form", page)
	}
	if do := q.PostForm.Get("do"); do == "plan" || do == "take" {
		return p.planInForm(q, page, do == "take")
	}
	body := page.body(nil)
	body["status"] = page.Get("status")
	by := page.by(q, true)
	if len(page.Faults) > 0 {
		page.others(body)
		return p.show(q, http.StatusUnprocessableEntity, "form", page)
	}
	_, err := p.call(q, http.MethodPost, "/v1/experiments?by="+url.QueryEscape(by), body)
	return p.answered(q, page, page.Get("id"), err)
}

// by is the name of the user; it is required if the API stores it.
func (page *formPage) by(q *request, required bool) string {
	if q.visitor.byProxy {
		return q.visitor.name
	}
	by := strings.TrimSpace(q.PostForm.Get("by"))
	if by == "" && required {
		page.Faults["by"] = "is required: the history shows who made each change"
	}
	return by
}

// answered goes on to the experiment, or shows the form again with what is wrong.
func (p *formPages) answered(q *request, page *formPage, id string, err error) error {
	if err == nil {
		http.Redirect(q.w, q.Request, pathOf(strings.TrimSpace(id)), http.StatusSeeOther)
		return nil
	}
	said := problem.Problem{}
	if !errors.As(err, &said) || said.Status >= http.StatusInternalServerError {
		return err
	}
	page.Said = said.Detail
	if len(said.Errors) > 0 {
		page.Said = ""
	}
	page.refuse(said.Errors)
	return p.show(q, said.Status, "form", page)
}

// changing is the form of an experiment that is declared.
func (p *formPages) changing(q *request) (*formPage, *registry.Experiment, error) {
	id := q.PathValue("id")
	x, declared := p.opts.State.View().Registry.Get(id)
	if !declared {
		return nil, nil, unknown(id)
	}
	page := &formPage{frame: p.frame(q, "Edit "+id), ID: id, Name: x.Name, Path: below(id, "edit"), Revision: x.Revision}
	page.Running = slices.ContainsFunc(x.Runs, func(r registry.Run) bool { return r.Status == registry.Running })
	if page.Name == "" {
		page.Name = id
	}
	return page, x, nil
}

func (p *formPages) editForm(q *request) error {
	page, x, err := p.changing(q)
	if err != nil {
		return err
	}
	page.fields, page.Events = newFields(url.Values{}), p.eventNames()
	page.fill(&x.Definition)
	return p.show(q, http.StatusOK, "form", page)
}

func (p *formPages) edit(q *request) error {
	page, x, err := p.changing(q)
	if err != nil {
		return err
	}
	if p.typed(q, page) {
		return p.show(q, http.StatusOK, "form", page)
	}
	page.Values.Set("id", page.ID)
	if do := q.PostForm.Get("do"); do == "plan" || do == "take" {
		return p.planInForm(q, page, do == "take")
	}
	text, err := json.Marshal(x.Definition)
	if err != nil {
		return fmt.Errorf("write a definition: %w", err)
	}
	base := map[string]any{}
	if err := json.Unmarshal(text, &base); err != nil {
		return fmt.Errorf("read a definition: %w", err)
	}
	body := page.body(base)
	for _, member := range []string{"name", "hypothesis", "owner", "aliases", "window"} { // a merge patch takes nothing away unasked
		if _, given := body[member]; !given {
			body[member] = nil
		}
	}
	by := page.by(q, true)
	if page.Revision, err = strconv.Atoi(page.Get("revision")); err != nil {
		return problem.BadRequest("The form does not say which revision it is of. Load it again.")
	}
	if len(page.Faults) > 0 {
		page.others(body)
		return p.show(q, http.StatusUnprocessableEntity, "form", page)
	}
	_, err = p.call(q, http.MethodPatch, apiPath(page.ID, "?by="+url.QueryEscape(by)), body, "If-Match", strconv.Quote(strconv.Itoa(page.Revision)))
	return p.answered(q, page, page.ID, err)
}

// planInForm shows the form again with the plan; taken: its numbers are the decision's.
func (p *formPages) planInForm(q *request, page *formPage, taken bool) error {
	found, err := p.planOf(q, page.fields)
	if err != nil {
		return err
	}
	page.Planned = found
	if taken && found.Fault == "" {
		page.Values.Set("decision/min_units_per_variant", wholeText(found.Decision.Units))
		page.Values.Set("decision/planned_effect", numberText(found.Decision.Effect))
		if found.Decision.Days != nil {
			page.Values.Set("decision/min_days", wholeText(found.Decision.Days))
		}
	}
	return p.show(q, http.StatusOK, "form", page)
}

// planAlone answers with the plan only, for the script that asks while a user types.
func (p *formPages) planAlone(q *request) error {
	found, err := p.planOf(q, newFields(q.PostForm))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := p.templates.pages["form"].ExecuteTemplate(&b, "planned", found); err != nil {
		return fmt.Errorf("write a plan: %w", err)
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = q.w.Write(b.Bytes()) // a client that has gone away hears nothing
	return nil
}
