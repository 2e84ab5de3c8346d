package e2e_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the pages that show results")

// customer is a row of the MineThatData e-mail test: who got which mail, and what they did in the two weeks after.
type customer struct {
	variant         string
	visited, bought bool
	spend, history  string // USD; history is that of the year before
}

func customers(t *testing.T) []customer {
	t.Helper()
	raw, err := os.ReadFile("testdata/hillstrom.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := make([]customer, 0, len(rows)-1)
	for _, r := range rows[1:] {
		all = append(all, customer{r[0], r[1] == "1", r[2] == "1", r[3], r[4]})
	}
	if len(all) != 64_000 {
		t.Fatalf("%d customers", len(all))
	}
	return all
}

const hillstrom = `{"id":"email","name":"E-mail campaign","hypothesis":"An e-mail brings customers back","status":"draft",
 "variants":[{"key":"no","name":"No e-mail"},{"key":"mens","name":"Men's merchandise"},{"key":"womens","name":"Women's merchandise"}],"control":"no","window":"336h",
 "metrics":[{"id":"conversion","role":"primary","type":"proportion","event":"purchase"},
  {"id":"visit","role":"secondary","type":"proportion","event":"visit"},
  {"id":"spend","role":"secondary","type":"sum","event":"purchase","field":"value"}],
 "decision":{"min_units_per_variant":20000,"min_days":14}}`

// send posts the customers as events, in batches.
func (s *server) send(all []customer) (events int, last uint64) {
	s.tb.Helper()
	var batch []string
	flush := func() {
		if len(batch) == 0 {
			return
		}
		status, _, text := s.post("/v1/events", `{"batch":[`+strings.Join(batch, ",")+`]}`)
		var answer struct {
			Accepted int
			Seq      uint64 `json:"stream_seq"`
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusAccepted || answer.Accepted != len(batch) {
			s.tb.Fatalf("%d %v %.500s", status, err, text)
		}
		events, last, batch = events+len(batch), answer.Seq, batch[:0]
	}
	add := func(format string, args ...any) {
		if batch = append(batch, fmt.Sprintf(format, args...)); len(batch) == 1000 {
			flush()
		}
	}
	for i, c := range all {
		add(`{"event_name":"experiment_exposed","event_id":"x%d","experiment_id":"email","variant":%q,"user_id":"c%d","exposed_at":"2008-03-20T09:00:00Z"}`, i, c.variant, i)
		add(`{"event_name":"experiment_converted","event_id":"h%d","conversion_event":"purchase","user_id":"c%d","value":%s,"currency":"USD","converted_at":"2008-03-14T12:00:00Z"}`, i, i, c.history)
		if c.visited {
			add(`{"event_name":"experiment_converted","event_id":"v%d","conversion_event":"visit","user_id":"c%d","converted_at":"2008-03-22T12:00:00Z"}`, i, i)
		}
		if c.bought {
			add(`{"event_name":"experiment_converted","event_id":"p%d","conversion_event":"purchase","user_id":"c%d","value":%s,"currency":"USD","converted_at":"2008-03-22T13:00:00Z"}`, i, i, c.spend)
		}
	}
	flush()
	return events, last
}

// arm is what is expected of a variant, counted here in cents.
type arm struct{ users, visits, purchases, cents int64 }

func counted(all []customer) map[string]arm {
	by := map[string]arm{}
	for _, c := range all {
		a := by[c.variant]
		a.users++
		if c.visited {
			a.visits++
		}
		if c.bought {
			a.purchases++
		}
		spend, _ := strconv.ParseFloat(c.spend, 64) // a row that is no number is missed by the sums
		a.cents += int64(math.Round(100 * spend))
		by[c.variant] = a
	}
	return by
}

// published are the rates that the dataset's analyses report: users, visits and purchases in per cent, spend a customer.
var published = map[string][3]float64{"no": {10.62, 0.573, 0.653}, "mens": {18.28, 1.253, 1.423}, "womens": {15.14, 0.884, 1.077}}

// fullRow is a row of a readout, whole.
type fullRow struct {
	Variant    string      `json:"variant"`
	Users      int64       `json:"users"`
	Converted  int64       `json:"converted_users"`
	Sum        float64     `json:"sum"`
	Mean       float64     `json:"mean"`
	Variance   float64     `json:"variance"`
	Best       *float64    `json:"probability_to_be_best"`
	Beat       *float64    `json:"probability_to_beat_control"`
	Credible   *[2]float64 `json:"credible_interval"`
	Confidence *[2]float64 `json:"confidence_interval"`
	Sequential *[2]float64 `json:"sequential_interval"`
	P          *float64    `json:"p_value"`
	Loss       *float64    `json:"expected_loss"`
	Lift       struct{ Relative, Absolute *float64 }
	Adjusted   *struct {
		Mean        *float64 `json:"mean"`
		ControlMean *float64 `json:"control_mean"`
		P           *float64 `json:"p_value"`
		Lift        struct{ Relative *float64 }
		Reduction   float64 `json:"reduction"`
	} `json:"covariate_adjusted"`
}

type fullReadout struct {
	Metrics []struct {
		Metric   string    `json:"metric"`
		Variants []fullRow `json:"variants"`
		Matured  struct{ Variants []fullRow }
	} `json:"metrics"`
	Checks []struct {
		Check, Status, Detail string
		P                     *float64 `json:"p_value"`
		ChiSquare             *float64 `json:"chi_square"`
	} `json:"checks"`
	Decision struct {
		Status, Headline string
		Blockers         []struct{ Blocker string }
	} `json:"decision"`
}

func (r *fullReadout) row(t *testing.T, metric, variant string) fullRow {
	t.Helper()
	for _, m := range r.Metrics {
		for _, row := range m.Variants {
			if m.Metric == metric && row.Variant == variant {
				return row
			}
		}
	}
	t.Fatalf("%s of %s is not there", metric, variant)
	return fullRow{}
}

// TestHillstrom sends a real experiment through the ingest endpoint, 64,000 persons in three arms, and compares the readout with the
// published rates, with counts of its own, and with an independent calculation in 40 digits.
func TestHillstrom(t *testing.T) {
	all := customers(t)
	s := serve(t)
	if status, _, text := s.post("/v1/experiments", hillstrom); status != http.StatusCreated {
		t.Fatalf("%d %s", status, text)
	}
	if status, _, text := s.post("/v1/experiments/email/start", `{"by":"test","started_at":"2008-03-20T00:00:00Z"}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	events, last := s.send(all)
	if status, _, text := s.post("/v1/experiments/email/stop", `{"by":"test","reason":"everybody had two weeks","ended_at":"2008-04-08T00:00:00Z"}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	status, text := s.get(fmt.Sprintf("/v1/experiments/email/readout?min_seq=%d&wait=60s", last+1))
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	var r fullReadout
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	for variant, want := range counted(all) {
		conversion, visit, spend := r.row(t, "conversion", variant), r.row(t, "visit", variant), r.row(t, "spend", variant)
		got := arm{conversion.Users, visit.Converted, conversion.Converted, int64(math.Round(100 * spend.Sum))}
		if got != want || math.Abs(100*spend.Sum-float64(want.cents)) > 1e-6 {
			t.Errorf("%s: %+v, the file says %+v", variant, got, want)
		}
		for i, rate := range []float64{100 * visit.Mean, 100 * conversion.Mean, spend.Mean} {
			if say := published[variant][i]; math.Abs(rate-say) > 0.006 {
				t.Errorf("%s: %v, published is %v", variant, rate, say)
			}
		}
	}
	againstReference(t, &r)
	for i := range r.Metrics {
		for j, row := range r.Metrics[i].Matured.Variants {
			if row.Users != r.Metrics[i].Variants[j].Users {
				t.Errorf("%d of %d have matured", row.Users, r.Metrics[i].Variants[j].Users)
			}
		}
	}
	publish(t, &r, events)
}

// againstReference compares with cases that were computed in 40 digits, independently of this program.
func againstReference(t *testing.T, r *fullReadout) {
	t.Helper()
	raw, err := os.ReadFile("testdata/hillstrom.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]struct{ Expected json.RawMessage }
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	expected := func(id string, into any) {
		t.Helper()
		if err := json.Unmarshal(cases[id].Expected, into); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	same := func(what string, got *float64, want float64) {
		t.Helper()
		if got == nil || math.Abs(*got-want) > 1e-7*math.Abs(want) {
			t.Errorf("%s is %v, the reference says %v", what, shown(got), want)
		}
	}
	for id, at := range map[string][2]string{"two_arm-20": {"visit", "mens"}, "two_arm-21": {"visit", "womens"}, "two_arm-22": {"spend", "mens"}} {
		var want struct {
			Lift, Diff float64
			P          float64 `json:"p_z"`
			Fieller    struct{ Low, High float64 }
		}
		expected(id, &want)
		row := r.row(t, at[0], at[1])
		same(id+" lift", row.Lift.Relative, want.Lift)
		same(id+" difference", row.Lift.Absolute, want.Diff)
		same(id+" p", row.P, want.P)
	}
	var beta struct {
		Beat float64    `json:"prob_beat"`
		Loss float64    `json:"loss_treatment"`
		CI   [2]float64 `json:"lift_ci"`
	}
	expected("beta_binomial-17", &beta)
	womens := r.row(t, "conversion", "womens")
	same("probability", womens.Beat, beta.Beat)
	same("expected loss", womens.Loss, beta.Loss)
	same("low", &womens.Credible[0], beta.CI[0])
	same("high", &womens.Credible[1], beta.CI[1])
	var cuped struct {
		Within struct {
			Arms []struct {
				Mean float64 `json:"mean_adj"`
			}
			Against []struct {
				P    float64 `json:"p_z"`
				Lift float64
			} `json:"vs_control"`
		}
	}
	expected("cuped-06", &cuped)
	for i, variant := range []string{"mens", "womens"} {
		a := r.row(t, "spend", variant).Adjusted
		if a == nil {
			t.Fatal("nothing was adjusted")
		}
		same("adjusted control", a.ControlMean, cuped.Within.Arms[0].Mean)
		same("adjusted "+variant, a.Mean, cuped.Within.Arms[i+1].Mean)
		same("adjusted p of "+variant, a.P, cuped.Within.Against[i].P)
		same("adjusted lift of "+variant, a.Lift.Relative, cuped.Within.Against[i].Lift)
	}
	var srm struct {
		Chi float64 `json:"chi2"`
		P   float64 `json:"p_value"`
	}
	expected("srm-15", &srm)
	for _, c := range r.Checks {
		if c.Check == "sample_ratio_mismatch" {
			same("chi-square", c.ChiSquare, srm.Chi)
			same("p of the split", c.P, srm.P)
		}
	}
}

func shown(x *float64) any {
	if x == nil {
		return "null"
	}
	return *x
}

// publish compares docs/hillstrom.md and its picture with the readout, or rewrites them.
func publish(t *testing.T, r *fullReadout, events int) {
	t.Helper()
	var table strings.Builder
	table.WriteString("| metric | variant | users | converted | rate or mean | lift | 95 % credible | 95 % confidence | 95 % always-valid | P(beats none) | p |\n| --- | --- | --: | --: | --: | --: | --- | --- | --- | --: | --: |\n")
	percent := func(i *[2]float64) string {
		if i == nil {
			return ""
		}
		return fmt.Sprintf("%+.1f to %+.1f %%", 100*i[0], 100*i[1])
	}
	for _, m := range r.Metrics {
		for _, v := range m.Variants {
			mean := fmt.Sprintf("%.3f %%", 100*v.Mean)
			if m.Metric == "spend" {
				mean = fmt.Sprintf("$%.4f", v.Mean)
			}
			fmt.Fprintf(&table, "| %s | %s | %d | %d | %s ", m.Metric, v.Variant, v.Users, v.Converted, mean)
			if v.Beat == nil {
				table.WriteString("| | | | | | |\n")
				continue
			}
			fmt.Fprintf(&table, "| %+.1f %% | %s | %s | %s | %.6f | %.2g |\n", 100**v.Lift.Relative, percent(v.Credible), percent(v.Confidence), percent(v.Sequential), *v.Beat, *v.P)
		}
	}
	fmt.Fprintf(&table, "\n%d events. Decision: `%s`. %s\n", events, r.Decision.Status, r.Decision.Headline)
	const page, begin, end = "../docs/hillstrom.md", "<!-- results -->\n", "<!-- end of results -->"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the results", page)
	}
	golden(t, page, before+begin+table.String()+end+after)
	golden(t, "../docs/hillstrom.svg", picture(t, r))
}

func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the run shows: go test ./e2e -run Hillstrom -update\n%s", path, want)
	}
}

// picture draws the intervals of the lifts.
func picture(t *testing.T, r *fullReadout) string {
	t.Helper()
	type line struct {
		Label, Text    string
		Y              int
		Low, High, Mid float64 // in pixels
		Wide           [2]float64
	}
	const left, scale = 230.0, 180.0 // pixels: where the lift is 0, and of 100 %
	at := func(lift float64) float64 { return math.Round(10*(left+scale*lift)) / 10 }
	var lines []line
	for _, m := range r.Metrics {
		for _, v := range m.Variants {
			if v.Beat == nil {
				continue
			}
			l := line{Label: m.Metric + ", " + v.Variant, Y: 50 + 34*len(lines), Low: at(v.Confidence[0]), High: at(v.Confidence[1]), Mid: at(*v.Lift.Relative)}
			l.Text = fmt.Sprintf("%+.0f %%", 100**v.Lift.Relative)
			l.Wide = [2]float64{at(v.Sequential[0]), at(v.Sequential[1])}
			lines = append(lines, l)
		}
	}
	var b strings.Builder
	err := template.Must(template.New("").Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 270" role="img" font-family="system-ui, sans-serif" font-size="13">
<title>Lifts over no e-mail: the thick bar is the 95 % confidence interval, the thin one the always-valid interval</title>
<rect width="720" height="270" fill="#fff"/>
{{range .Ticks}}<line x1="{{.X}}" y1="30" x2="{{.X}}" y2="245" stroke="#ddd"/><text x="{{.X}}" y="262" text-anchor="middle" fill="#555">{{.Text}}</text>
{{end}}<line x1="230" y1="30" x2="230" y2="245" stroke="#555"/>
{{range .Lines}}<text x="140" y="{{.Y}}" dy="4" text-anchor="end" fill="#222">{{.Label}}</text>
<line x1="{{index .Wide 0}}" y1="{{.Y}}" x2="{{index .Wide 1}}" y2="{{.Y}}" stroke="#7a93b8" stroke-width="2"/>
<line x1="{{.Low}}" y1="{{.Y}}" x2="{{.High}}" y2="{{.Y}}" stroke="#1f5fbf" stroke-width="7"/>
<circle cx="{{.Mid}}" cy="{{.Y}}" r="5" fill="#fff" stroke="#1f5fbf" stroke-width="2"/><text x="{{.Mid}}" y="{{.Y}}" dy="-10" text-anchor="middle" fill="#222">{{.Text}}</text>
{{end}}</svg>
`)).Execute(&b, map[string]any{"Lines": lines, "Ticks": []struct {
		X    float64
		Text string
	}{{at(-0.4), "−40 %"}, {at(0), "0"}, {at(0.5), "+50 %"}, {at(1), "+100 %"}, {at(1.5), "+150 %"}, {at(2), "+200 %"}, {at(2.5), "+250 %"}}})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
