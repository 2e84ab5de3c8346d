package pages

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
)

// planned is how large an experiment has to be, as the API works it out.
type planned struct {
	Sentence    string `json:"sentence"`
	AlwaysValid struct {
		Units *int64 `json:"units_per_variant"`
		Days  *int64 `json:"days_whole_weeks"`
	} `json:"always_valid"`
	ByWeek []struct {
		Days   int64    `json:"days"`
		Units  int64    `json:"units_per_variant"`
		Effect *float64 `json:"effect"`
	} `json:"by_week"`
	Decision struct {
		Threshold float64  `json:"threshold"`
		Units     *int64   `json:"min_units_per_variant"`
		Days      *int64   `json:"min_days"`
		Effect    *float64 `json:"planned_effect"`
	} `json:"decision"`
	Fault string `json:"-"` // why there is none
}

// planOf asks the API for the plan that the form's fields stand for. What is wrong with them is noted at them.
func (p *Pages) planOf(q *request, f *fields) (*planned, error) {
	body := map[string]any{"type": "proportion"}
	for _, member := range []string{"baseline", "standard_deviation", "effect", "daily_users"} {
		f.number(body, "plan/", member)
	}
	for _, at := range f.Entries("metrics") {
		if f.Get(at+"role") == string(registry.Primary) && f.Get(at+"type") != "" {
			body["type"] = f.Get(at + "type")
		}
	}
	if body["type"] == string(registry.Proportion) {
		delete(body, "standard_deviation")
	}
	if n := f.Count("variants"); n >= 2 {
		body["variants"] = n
	}
	f.number(body, "decision/", "threshold")
	if len(f.Faults) > 0 {
		var all []string
		for _, name := range f.Bad() {
			all = append(all, sentence(name[strings.LastIndex(name, "/")+1:])+" "+f.Faults[name]+".")
		}
		return &planned{Fault: strings.Join(all, " ")}, nil
	}
	a, err := p.call(q, http.MethodPost, "/v1/plan", body)
	if said := (problem.Problem{}); errors.As(err, &said) && said.Status < http.StatusInternalServerError {
		var all []string
		for _, e := range said.Errors {
			name := strings.TrimPrefix(e.Pointer, "/")
			f.Faults["plan/"+name] = e.Detail
			all = append(all, sentence(name)+" "+e.Detail+".")
		}
		return &planned{Fault: strings.Join(all, " ")}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &planned{}
	if err := json.Unmarshal(a.body.Bytes(), out); err != nil {
		return nil, fmt.Errorf("read a plan: %w", err)
	}
	return out, nil
}

// planInForm shows the form again with the plan; taken: its numbers are the decision's.
func (p *Pages) planInForm(q *request, page *formPage, taken bool) error {
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

// planAlone answers with the plan only, for the script that asks while somebody types.
func (p *Pages) planAlone(q *request) error {
	found, err := p.planOf(q, newFields(q.PostForm))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := p.look.pages["form"].ExecuteTemplate(&b, "planned", found); err != nil {
		return fmt.Errorf("write a plan: %w", err)
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = q.w.Write(b.Bytes()) // a client that has gone away hears nothing
	return nil
}
