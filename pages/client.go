package pages

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// answer is a response of the API in memory.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// headerFingerprint names the key that the visitor signed in with to the API, which keeps it with what is changed.
const headerFingerprint = "Tracklayer-Key-Fingerprint"

// client asks the JSON API within the process.
type client struct{ handler http.Handler }

// call asks the API within the process. A refusal is an error, a problem.Problem as the API wrote it.
func (p *client) call(q *request, method, target string, body any, headers ...string) (*answer, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("ask the API: %w", err)
		}
	}
	r, err := http.NewRequestWithContext(q.Context(), method, target, bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("ask the API: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.visitor.key != "" {
		r.Header.Set(headerFingerprint, q.visitor.key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a := &answer{header: http.Header{}}
	p.handler.ServeHTTP(a, r)
	if a.status < http.StatusBadRequest {
		return a, nil
	}
	var said struct {
		Title, Detail, Instance string
		Errors                  []problem.FieldError
	}
	if err := json.Unmarshal(a.body.Bytes(), &said); err != nil {
		return nil, fmt.Errorf("the API answered %d with something else than a problem: %w", a.status, err)
	}
	return nil, problem.Problem{Status: a.status, Title: said.Title, Detail: said.Detail, Instance: said.Instance, Errors: said.Errors}
}

// readout asks for a readout, and says which bytes it is.
func (p *client) readout(q *request, id string, ask url.Values) (*readout.Readout, string, error) {
	target := apiPath(id, "/readout")
	if len(ask) > 0 {
		target += "?" + ask.Encode()
	}
	a, err := p.call(q, http.MethodGet, target, nil)
	if err != nil {
		return nil, "", err
	}
	r := &readout.Readout{}
	if err := decode(a.body.Bytes(), r); err != nil {
		return nil, "", fmt.Errorf("read the readout of %q: %w", id, err)
	}
	return r, versionOf(withoutAsOf(a.body.Bytes())), nil
}

// withoutAsOf is a readout's text without what it stands for: events of other experiments move that, and change nothing
// that is shown.
func withoutAsOf(text []byte) []byte {
	before, rest, found := bytes.Cut(text, []byte(`"as_of":{`))
	_, after, closed := bytes.Cut(rest, []byte("}"))
	if !found || !closed {
		return text
	}
	return slices.Concat(before, after)
}

// timeseries reads the primary metric by day; nil if there is no primary metric.
func (p *client) timeseries(q *request, id string, s shown, population string) (*readout.Timeseries, error) {
	ask := s.ask()
	ask.Set("population", population)
	a, err := p.call(q, http.MethodGet, apiPath(id, "/timeseries?")+ask.Encode(), nil)
	if said := (problem.Problem{}); errors.As(err, &said) && said.Status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := &readout.Timeseries{}
	if err := decode(a.body.Bytes(), t); err != nil {
		return nil, fmt.Errorf("read the time series of %q: %w", id, err)
	}
	return t, nil
}

// planOf asks the API for the plan that the form's fields stand for. What is wrong with them is noted at them.
func (p *client) planOf(q *request, f *fields) (*planned, error) {
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

// file hands the request on to the API, which streams all rows.
func (p *client) file(q *request, id string, ask url.Values) error {
	r := q.Clone(q.Context())
	r.URL = &url.URL{Path: "/v1/experiments/" + id + "/associations", RawPath: apiPath(id, "/associations"), RawQuery: ask.Encode()}
	r.Header = http.Header{}
	if ask.Get("format") == "csv" {
		q.w.Header().Set("Content-Disposition", `attachment; filename="rows.csv"`)
	}
	p.handler.ServeHTTP(q.w, r)
	return nil
}

func decode(text []byte, into any) error { return json.Unmarshal(text, into) }
