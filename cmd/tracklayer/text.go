package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
)

// fetchReadout asks a running TrackLayer for a readout.
func fetchReadout(ctx context.Context, by *http.Client, server, id string, run int, atSeq uint64, presented string) ([]byte, error) {
	q := url.Values{}
	if run != 0 {
		q.Set("run", strconv.Itoa(run))
	}
	if atSeq != 0 {
		q.Set("at_seq", strconv.FormatUint(atSeq, 10))
		q.Set("wait", "60s") // it may have to be made from the log
	}
	target := strings.TrimSuffix(server, "/") + "/v1/experiments/" + url.PathEscape(id) + "/readout?" + q.Encode()
	return call(ctx, by, http.MethodGet, target, presented)
}

// shown is the part of a readout that fits a terminal.
type shown struct {
	ExperimentID string `json:"experiment_id"`
	Run          int    `json:"run"`
	Status       string `json:"status"`
	AsOf         struct {
		StreamSeq uint64 `json:"stream_seq"`
	} `json:"as_of"`
	Control string `json:"control"`
	Metrics []struct {
		Metric   string     `json:"metric"`
		Role     string     `json:"role"`
		Type     string     `json:"type"`
		Variants []shownRow `json:"variants"`
	} `json:"metrics"`
	Checks []struct {
		Check, Status, Detail string
	} `json:"checks"`
	Decision struct {
		Status   string
		Headline string
		Blockers []struct {
			Blocker, Detail string
			LiftedBy        string `json:"lifted_by"`
			Expected        string `json:"expected_on"`
		}
		Basis *struct {
			Metric, Window string
			Through        *string
			Variants       []shownRow
		}
		Plan *struct {
			Number    int    `json:"plan"`
			SHA256    string `json:"sha256"`
			FrozenAt  string `json:"frozen_at"`
			Units     int64  `json:"units_per_variant"`
			Days      int64
			Threshold float64
			Loss      float64 `json:"max_expected_loss"`
			Former    []any
		}
		ShowFirst string `json:"show_first"`
		Why       string `json:"show_first_why"`
	} `json:"decision"`
}

// shownRow is one metric in one arm.
type shownRow struct {
	Variant    string   `json:"variant"`
	Users      int64    `json:"users"`
	Convert    int64    `json:"converted_users"`
	Mean       *float64 `json:"mean"`
	Lift       *struct{ Relative *float64 }
	Beat       *float64    `json:"probability_to_beat_control"`
	Credible   *[2]float64 `json:"credible_interval"`
	Sequential *[2]float64 `json:"sequential_interval"`
}

// printReadout writes a readout as text.
func printReadout(w io.Writer, body []byte) error {
	var r shown
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("the answer is no readout: %w", err)
	}
	fmt.Fprintf(w, "%s, run %d: %s (as of stream sequence %d)\n%s\n", r.ExperimentID, r.Run, r.Status, r.AsOf.StreamSeq, r.Decision.Headline)
	for _, m := range r.Metrics {
		fmt.Fprintf(w, "\n%s (%s, %s), all users\n", m.Metric, m.Role, m.Type)
		if err := printRows(w, m.Variants); err != nil {
			return err
		}
	}
	if b := r.Decision.Basis; b != nil {
		through := "no user yet"
		if b.Through != nil {
			through = "first exposed through " + *b.Through
		}
		fmt.Fprintf(w, "\n%s, matured users, which the decision is based on (window %s, %s)\n", b.Metric, b.Window, through)
		if err := printRows(w, b.Variants); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	for _, c := range r.Checks {
		fmt.Fprintf(w, "check %s: %s. %s\n", c.Check, c.Status, c.Detail)
	}
	r.printDecision(w)
	return nil
}

func printRows(w io.Writer, rows []shownRow) error {
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  variant\texposed\tconverted\tmean\tlift\talways valid\t95 % credible\tP(beats control)")
	for _, v := range rows {
		lift := ""
		if v.Lift != nil && v.Lift.Relative != nil {
			lift = fmt.Sprintf("%+.2f %%", 100**v.Lift.Relative)
		}
		fmt.Fprintf(t, "  %s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", v.Variant, v.Users, v.Convert, optional("%.6g", v.Mean), lift,
			span(v.Sequential), span(v.Credible), optional("%.4f", v.Beat))
	}
	return t.Flush()
}

// span writes an interval of the relative lift.
func span(i *[2]float64) string {
	if i == nil {
		return ""
	}
	return fmt.Sprintf("%+.2f … %+.2f %%", 100*i[0], 100*i[1])
}

func (r *shown) printDecision(w io.Writer) {
	d := &r.Decision
	fmt.Fprintf(w, "decision: %s\n", d.Status)
	if p := d.Plan; p != nil {
		fmt.Fprintf(w, "  plan %d, frozen at %s: %d matured users per variant, %d days, threshold %g, expected loss at most %g %% (sha256 %.12s)\n",
			p.Number, p.FrozenAt, p.Units, p.Days, p.Threshold, 100*p.Loss, p.SHA256)
		if n := len(p.Former); n > 0 {
			fmt.Fprintf(w, "  plans before it in this run: %d\n", n)
		}
	}
	fmt.Fprintf(w, "  read first: %s: %s\n", d.ShowFirst, d.Why)
	for _, b := range d.Blockers {
		expected := ""
		if b.Expected != "" {
			expected = " Expected on " + b.Expected + "."
		}
		fmt.Fprintf(w, "  %s: %s\n    next step: %s%s\n", b.Blocker, b.Detail, b.LiftedBy, expected)
	}
}

func optional(format string, v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf(format, *v)
}
