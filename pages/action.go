package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/registry"
)

// action is one step in the life of an experiment, as a form that explains its effect.
type action struct {
	Key, Button   string
	Title, Text   string // the question, and what follows from yes
	Path          string
	Grave         bool // it marks data as not to be trusted, and is shown as such
	Why           string
	WhyRequired   bool
	Variants      []registry.Variant // to choose from; none: there is no choice
	None          string             // the choice of no variant, in words
	Values        url.Values         // the submitted values
	Faults        map[string]string  // by field
	Said          string             // the API's error about the whole
	method, route string
}

// actionsOf are the steps that an experiment's newest run allows.
func actionsOf(x *registry.Experiment) []action {
	var run *registry.Run
	if n := len(x.Runs); n > 0 {
		run = &x.Runs[n-1]
	}
	keys := []string{}
	switch {
	case run == nil:
		keys = append(keys, "start")
	case run.Status == registry.Running:
		keys = append(keys, "stop", "end-early")
	case run.Invalid():
		keys = append(keys, "take-back", "start", "decide")
	case run.Status == registry.EndedEarly:
		keys = append(keys, "take-back", "end-early", "start", "decide")
	default:
		keys = append(keys, "decide", "start", "end-early")
	}
	all := make([]action, 0, len(keys))
	for _, key := range keys {
		if a, ok := actionOf(x, run, key); ok {
			all = append(all, a)
		}
	}
	return all
}

// actionOf describes a step; false if there is no such step.
func actionOf(x *registry.Experiment, run *registry.Run, key string) (action, bool) {
	number := 0
	if run != nil {
		number = run.Number
	}
	a := action{Key: key, Path: below(x.ID, "do/"+key), method: http.MethodPost, route: "/" + key}
	switch key {
	case "start":
		a.Button, a.Title = "Start", "Start the experiment?"
		a.Text = "Run 1 starts now: exposures count from now on. The plan is frozen."
		if run != nil {
			a.Button, a.Title = "Start a new run", fmt.Sprintf("Start run %d?", number+1)
			a.Text = "A new run starts now and counts from zero, with the plan of the current definition. Earlier runs do not change."
		}
	case "stop":
		a.Button, a.Title = "Stop", fmt.Sprintf("Stop run %d?", number)
		a.Text = "Exposures and conversions no longer count from now on. The readout stays, and you can record a decision. A stopped run cannot be resumed, but you can start a new one."
		a.Why = "reason"
	case "end-early":
		a.Button, a.Title, a.Grave = "Mark data invalid…", fmt.Sprintf("Mark the data of run %d invalid?", number), true
		a.Text = "Use this after an incident, or if a variant is broken. A running run ends. The numbers stay visible but are marked invalid, and no win is reported. You can undo this."
		a.Why, a.WhyRequired, a.Variants, a.None = "reason", true, x.Variants, "the whole run"
	case "take-back":
		a.Button, a.Title = "Undo \"invalid\"", fmt.Sprintf("Undo \"invalid\" for run %d?", number)
		a.Text = "The run returns to its state before it was marked invalid."
		a.method, a.route = http.MethodDelete, "/end-early"
	case "decide":
		a.Button, a.Title = "Record a decision", fmt.Sprintf("Record a decision on run %d?", number)
		a.Text = "The decision is stored with this readout, your name, and the reason."
		a.Why, a.WhyRequired, a.Variants, a.None, a.route = "why", true, x.Variants, "no change", "/decisions"
	default:
		return a, false
	}
	return a, true
}

// archiving is the step that hides an experiment from the lists, or shows it again. Undeclared ones have it as well.
func archiving(id string, archived bool) action {
	a := action{
		Key: "archive", Button: "Archive", Title: "Archive the experiment?", method: http.MethodPost,
		Text: "It is hidden from lists. Nothing is deleted: this page stays, events are still counted, and you can show it again.",
	}
	if archived {
		a.Key, a.Button, a.Title = "unarchive", "Unarchive", "Show the experiment in lists again?"
		a.Text = "Lists show it again, with all data counted in the meantime."
	}
	a.Path, a.route = below(id, "do/"+a.Key), "/"+a.Key
	return a
}

// actionPage is an action on a page of its own, for browsers without popovers, and for errors.
type actionPage struct {
	frame
	ID, Name string
	Action   action
	By       string
}

// actionPages are the steps in the life of an experiment.
type actionPages struct{ *site }

func (p *actionPages) actionPage(q *request) (*actionPage, error) {
	id := q.PathValue("id")
	v := p.opts.State.View()
	a, name, err := stepOf(v, id, q.PathValue("action"))
	if err != nil {
		return nil, err
	}
	page := &actionPage{frame: p.frame(q, a.Title), ID: id, Name: name, Action: a}
	if page.Name == "" {
		page.Name = id
	}
	page.By = q.visitor.name
	return page, nil
}

// stepOf is a step of an experiment, and the experiment's name.
func stepOf(v *sums.View, id, key string) (a action, name string, err error) {
	x, declared := v.Registry.Get(id)
	if declared {
		name = x.Name
	}
	if key == "archive" || key == "unarchive" {
		if _, known := v.Experiment(id); !known {
			return a, "", unknown(id)
		}
		return archiving(id, key == "unarchive"), name, nil
	}
	if !declared {
		return a, "", unknown(id)
	}
	var run *registry.Run
	if n := len(x.Runs); n > 0 {
		run = &x.Runs[n-1]
	}
	a, ok := actionOf(x, run, key)
	if !ok {
		return a, "", problem.NotFound("This action does not exist, or is not available now.")
	}
	return a, name, nil
}

func (p *actionPages) actionForm(q *request) error {
	page, err := p.actionPage(q)
	if err != nil {
		return err
	}
	return p.show(q, http.StatusOK, "action", page)
}

// act takes the step by asking the API, so that its rules are the only ones.
func (p *actionPages) act(q *request) error {
	page, err := p.actionPage(q)
	if err != nil {
		return err
	}
	a := &page.Action
	a.Values, a.Faults = q.PostForm, map[string]string{}
	if !page.ByProxy {
		page.By = strings.TrimSpace(q.PostForm.Get("by"))
	}
	body := map[string]any{"by": page.By}
	if page.By == "" {
		a.Faults["by"] = "is required: the history shows who made each change"
	}
	if a.Why != "" {
		if why := strings.TrimSpace(q.PostForm.Get(a.Why)); why != "" {
			body[a.Why] = why
		} else if a.WhyRequired {
			a.Faults[a.Why] = "is required"
		}
	}
	if len(a.Variants) > 0 {
		body["variant"] = nil
		if chosen := q.PostForm.Get("variant"); chosen != "" {
			body["variant"] = chosen
		}
	}
	if len(a.Faults) > 0 {
		return p.show(q, http.StatusUnprocessableEntity, "action", page)
	}
	if _, err = p.call(q, a.method, apiPath(page.ID, a.route), body); err == nil {
		http.Redirect(q.w, q.Request, pathOf(page.ID), http.StatusSeeOther)
		return nil
	}
	said := problem.Problem{}
	if !errors.As(err, &said) || said.Status >= http.StatusInternalServerError {
		return err
	}
	a.Said = said.Detail
	for _, f := range said.Errors {
		a.Faults[strings.TrimPrefix(f.Pointer, "/")] = f.Detail
	}
	return p.show(q, said.Status, "action", page)
}
