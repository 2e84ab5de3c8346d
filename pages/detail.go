package pages

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// detailPage is one experiment.
type detailPage struct {
	frame
	ID         string
	Name       string // the id if it has none
	Badge      badge
	Declared   bool
	Definition *registry.Definition
	R          *readout.Readout
	Past       bool // the readout is that of a former sequence
	Archived   bool // lists hide it
	Keeps      []pair
	Switches   []choice
	Exposed    int64
	Metrics    []metricView
	Decision   decisionView
	Charts     []chart
	Sums       accounts
	Plans      []planView
	History    []historyLine
	Notes      []registry.Note
	Outcomes   []registry.Outcome
	Actions    []action
	Unfinished bool            // a change of the definition is processed in the background
	Concerns   []readout.Check // what was found, the gravest first
	Fine       []readout.Check // what is in order
	Fine64     int64
}

// pair is a name with a value.
type pair struct{ Name, Value string }

// choice is a group of which one is shown.
type choice struct {
	Name    string
	Options []option
}

type option struct {
	Text, Path string
	Here       bool
}

// shown is what the address asks to be shown.
type shown struct {
	run        string
	filtered   string
	population string // all or matured
	policy     string // own or other
	atSeq      string
}

// showing reads the address. What it does not know is the usual; what the API is asked for, the API judges.
func showing(v url.Values) shown {
	s := shown{run: v.Get("run"), filtered: v.Get("filtered"), population: v.Get("population"), policy: v.Get("policy"), atSeq: v.Get("at_seq")}
	if s.population != "matured" {
		s.population = "all"
	}
	if s.policy != "other" {
		s.policy = "own"
	}
	if s.filtered == "" {
		s.filtered = "exclude"
	}
	return s
}

// ask is the readout that is shown.
func (s shown) ask() url.Values {
	v := url.Values{}
	for _, one := range []pair{{"run", s.run}, {"at_seq", s.atSeq}} {
		if one.Value != "" {
			v.Set(one.Name, one.Value)
		}
	}
	if s.filtered != "exclude" {
		v.Set("filtered", s.filtered)
	}
	return v
}

// query is the address of what is shown, with one thing changed.
func (s shown) query(name, value string) string {
	switch name {
	case "run":
		s.run = value
	case "filtered":
		s.filtered = value
	case "population":
		s.population = value
	case "policy":
		s.policy = value
	case "at_seq":
		s.atSeq = value
	}
	v := s.ask()
	if s.population != "all" {
		v.Set("population", s.population)
	}
	if s.policy != "own" {
		v.Set("policy", s.policy)
	}
	if len(v) == 0 {
		return "?" // and so without what is in the address now
	}
	return "?" + v.Encode()
}

// detailPages are the page of an experiment, its updates, and the rows behind its numbers.
type detailPages struct {
	*site
	charts *charts
}

func newDetailPages(s *site) *detailPages {
	return &detailPages{site: s, charts: &charts{client: s.client, drawn: drawn{all: map[string]keptCharts{}}}}
}

func (p *detailPages) detail(q *request) error {
	id := q.PathValue("id")
	if at := q.URL.Query().Get("at"); at != "" {
		return p.then(q, id, at)
	}
	page, err := p.detailed(q, id)
	if err != nil {
		return err
	}
	return p.show(q, http.StatusOK, "detail", page)
}

// then leads to the state that was known at the end of a day.
func (p *detailPages) then(q *request, id, at string) error {
	s := showing(q.URL.Query())
	s.atSeq = ""
	ask := s.ask()
	ask.Set("at", at)
	r, _, err := p.readout(q, id, ask)
	if err != nil {
		return err
	}
	http.Redirect(q.w, q.Request, pathOf(id)+s.query("at_seq", strconv.FormatUint(r.AsOf.StreamSeq, 10)), http.StatusSeeOther)
	return nil
}

func (p *detailPages) detailed(q *request, id string) (*detailPage, error) {
	s := showing(q.URL.Query())
	v := p.opts.State.View()
	of, known := v.Experiment(id)
	if !known {
		return nil, unknown(id)
	}
	charts := p.charts.begin(q, of, s)
	r, version, err := p.readout(q, id, s.ask())
	if err != nil {
		return nil, err
	}
	page := &detailPage{frame: p.frame(q, id), ID: id, Name: id, R: r, Badge: badgeOf(r), Exposed: exposedUsers(r), Past: s.atSeq != "", Unfinished: of.Recomputing}
	if !page.Past {
		page.Live = below(id, "live") + s.query("", "")
	}
	page.Version = version
	x, declared := v.Registry.Get(id)
	if page.Declared = declared; declared {
		page.Definition = &x.Definition
		page.Plans, page.History, page.Outcomes = plansOf(r, x), historyOf(v, x), x.Decisions
	} else {
		d := readout.Undeclared(of)
		page.Definition = &d
	}
	if page.Definition.Name != "" {
		page.Name, page.Title = page.Definition.Name, page.Definition.Name
	}
	page.Notes = v.Registry.Notes(id)
	page.Switches, page.Keeps = s.choices(r, x), s.keeps()
	page.Metrics = metricsOf(r, s)
	page.Decision = decisionOf(r)
	page.sort(r.Checks)
	if page.Sums, err = p.accountsOf(of, r); err != nil {
		return nil, err
	}
	page.Archived = v.Registry.Archived(id) != nil
	if page.Edits && !page.Past {
		if declared {
			page.Actions = actionsOf(x)
		}
		page.Actions = append(page.Actions, archiving(id, page.Archived))
	}
	page.Charts, err = charts()
	return page, err
}

// sort puts failed checks and warnings before the rest.
func (page *detailPage) sort(checks []readout.Check) {
	for _, status := range []readout.CheckStatus{readout.Failed, readout.Warning, readout.NotEnoughData} {
		for _, c := range checks {
			if c.Status == status {
				page.Concerns = append(page.Concerns, c)
			}
		}
	}
	for _, c := range checks {
		if c.Status == readout.OK {
			page.Fine = append(page.Fine, c)
		}
	}
	page.Fine64 = int64(len(page.Fine))
}

func unknown(id string) error {
	return problem.NotFound("No experiment has the id “" + clip(id, 60) + "”, and no event has named it.")
}

// choices are the switches, as far as there is something to switch.
func (s shown) choices(r *readout.Readout, x *registry.Experiment) []choice {
	var all []choice
	if x != nil && len(x.Runs) > 1 {
		runs := choice{Name: "Run"}
		for _, run := range x.Runs {
			number := strconv.Itoa(run.Number)
			runs.Options = append(runs.Options, option{number, s.query("run", number), r.Run != nil && *r.Run == run.Number})
		}
		all = append(all, runs)
	}
	two := func(name, key, now string, options ...pair) {
		c := choice{Name: name}
		for _, o := range options {
			c.Options = append(c.Options, option{o.Name, s.query(key, o.Value), o.Value == now})
		}
		all = append(all, c)
	}
	if slices.ContainsFunc(r.Metrics, func(m readout.Metric) bool { return m.Matured != nil }) {
		two("Population", "population", s.population, pair{"All exposed", "all"}, pair{"Matured", "matured"})
	}
	two("Crossovers", "policy", s.policy, pair{policyWord(r.CrossoverPolicy), "own"}, pair{policyWord(r.OtherPolicy.CrossoverPolicy), "other"})
	two("Bots and internal users", "filtered", r.Filtered, pair{"Not counted", "exclude"}, pair{"Counted", "include"})
	return all
}

func policyWord(policy string) string {
	if policy == string(registry.FirstExposure) {
		return "Counted in first variant"
	}
	return "Not counted"
}

// keeps are the parameters that the form for a former sequence carries on.
func (s shown) keeps() []pair {
	var all []pair
	for _, one := range []pair{{"run", s.run}, {"population", s.population}, {"policy", s.policy}, {"filtered", s.filtered}} {
		if one.Value != "" && one.Value != "all" && one.Value != "own" && one.Value != "exclude" {
			all = append(all, one)
		}
	}
	return all
}

// decisionView is whether the run may be decided.
type decisionView struct {
	readout.Decision
	First   string // the interval that may be acted on now, in words
	Leading *leadingView
}

// leadingView is the leading variant in the basis of the decision.
type leadingView struct {
	Variant                    string
	Beat, Needs, Loss, MaxLoss figure
}

func decisionOf(r *readout.Readout) decisionView {
	d := decisionView{Decision: r.Decision}
	if r.Invalid || d.Status == readout.Draft { // invalid numbers show no result
		return d
	}
	if d.Status == readout.Decided {
		d.ShowFirst = ""
	}
	switch d.ShowFirst {
	case "sequential_interval":
		d.First = "always-valid interval"
	case "credible_interval":
		d.First = "credible interval"
	}
	var rows []readout.Row
	if d.Basis != nil {
		rows = d.Basis.Variants
	} else if m := r.Primary(); m != nil {
		rows = m.Variants
	}
	if d.LeadingVariant == nil {
		return d
	}
	row := leaderOf(r, rows)
	if row == nil || row.Variant != *d.LeadingVariant {
		return d
	}
	d.Leading = &leadingView{
		Variant: row.Variant,
		Beat:    from(row.ProbabilityToBeatControl, probability, row.Reasons, "probability_to_beat_control"),
		Needs:   figure{Text: fixed(100*d.RequiredProbability, 1) + "%"},
		Loss:    from(row.ExpectedLoss, func(x float64) string { return loss(x, r.Primary().Type) }, row.Reasons, "expected_loss"),
	}
	if d.Plan != nil {
		d.Leading.MaxLoss = figure{Text: percent(d.Plan.MaxExpectedLoss)}
	}
	return d
}

// planView is one stopping rule of the run.
type planView struct {
	registry.Plan
	InForce bool
}

func plansOf(r *readout.Readout, x *registry.Experiment) []planView {
	if r.Run == nil {
		return nil
	}
	var all []planView
	for i, one := range x.Plans(*r.Run) {
		all = append(all, planView{one, i == len(x.Plans(*r.Run))-1})
	}
	slices.Reverse(all)
	return all
}

// historyLine is one change of the definition.
type historyLine struct {
	Revision      int
	At            string
	By, Key, What string
}

// shownRevisions is how many changes a page lists; the API has all.
const shownRevisions = 50

func historyOf(v *sums.View, x *registry.Experiment) []historyLine {
	var all []historyLine
	for _, one := range v.Registry.History(x.ID) {
		all = append(all, historyLine{one.Revision, stamp(one.At), one.By, one.Key, one.What})
	}
	slices.Reverse(all)
	return all[:min(shownRevisions, len(all))]
}

func (p *detailPages) detailLive(q *request) error {
	id, s := q.PathValue("id"), showing(q.URL.Query())
	if _, known := p.opts.State.View().Experiment(id); !known {
		return unknown(id)
	}
	state := func(v *sums.View) any {
		of, _ := v.Experiment(id)
		return stampOf(of)
	}
	return p.listen(q, false, settle, func() (told, error) {
		return p.version("experiment "+id+s.query("", ""), settle, state, func() (string, error) {
			_, version, err := p.readout(q, id, s.ask())
			return version, err
		})
	})
}
