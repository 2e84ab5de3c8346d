package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/tracklayer/tracklayer/config"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// planFlags are the members of the question and the flags that say them.
var planFlags = map[string]string{
	"/type": "type", "/baseline": "baseline", "/standard_deviation": "sd", "/effect": "effect", "/units_per_variant": "units", "/days": "days",
	"/daily_users": "daily-users", "/variants": "variants", "/alpha": "alpha", "/power": "power", "/threshold": "threshold",
}

// plan works out how large an experiment has to be. It needs no running TrackLayer.
func plan(_ context.Context, args []string, s streams, _ []string) error {
	var q readout.PlanQuestion
	set := flag.NewFlagSet("plan", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	asJSON := set.Bool("json", false, "Print the answer as JSON.")
	definePlanFlags(set, &q)
	rest, err := config.ParseFlags(set, args)
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	if err != nil {
		return &usageError{err.Error()}
	}
	if len(rest) > 0 {
		return &usageError{fmt.Sprintf("plan takes flags only, not %q", rest[0])}
	}
	answer, err := readout.Plan(q)
	if faults, ok := errors.AsType[registry.Faults](err); ok {
		return planFault(faults)
	}
	if err != nil {
		return err
	}
	if *asJSON {
		body, err := json.MarshalIndent(answer, "", "  ")
		if err != nil {
			return err
		}
		_, err = s.out.Write(append(body, '\n'))
		return err
	}
	return printPlan(s.out, answer)
}

// definePlanFlags defines the flags of a plan's question.
func definePlanFlags(set *flag.FlagSet, q *readout.PlanQuestion) {
	set.Func("type", "The `type` of the metric: proportion (the default) or mean.", func(text string) error { q.Type = registry.MetricType(text); return nil })
	for _, f := range []struct {
		name, doc string
		into      **float64
	}{
		{"baseline", "The control's `rate`, such as 5%, or its mean. Required.", &q.Baseline},
		{"sd", "The standard deviation of a mean, as a `number`.", &q.StandardDeviation},
		{"effect", "The relative `lift` to find, such as 10%.", &q.Effect},
		{"daily-users", "New users a day of all variants together, as a `number`.", &q.DailyUsers},
		{"alpha", "The accepted `share` of false positives; 5% if it is left out.", &q.Alpha},
		{"power", "The `share` of experiments with this effect that find it; 80% if it is left out.", &q.Power},
		{"threshold", "The `probability` to beat control that opens a decision; 90% if it is left out.", &q.Threshold},
	} {
		set.Func(f.name, f.doc, func(text string) error { return share(text, f.into) })
	}
	for _, f := range []struct {
		name, doc string
		into      **int64
	}{
		{"units", "The `users` of each variant, to learn what can be found with them.", &q.UnitsPerVariant},
		{"days", "The `days` that the experiment may take, to learn what can be found in them.", &q.Days},
	} {
		set.Func(f.name, f.doc, func(text string) error {
			n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
			*f.into = &n
			return err
		})
	}
	set.Func("variants", "The `number` of variants, control included; 2 if it is left out.", func(text string) error {
		n, err := strconv.Atoi(text)
		q.Variants = &n
		return err
	})
}

// share reads a number; 5% is 0.05.
func share(text string, into **float64) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		x /= 100
	}
	*into = &x
	if err != nil {
		return errors.New("must be a number such as 0.05, or 5%")
	}
	return nil
}

// planFault names the flags.
func planFault(faults registry.Faults) error {
	lines := make([]string, 0, len(faults))
	for _, f := range faults {
		lines = append(lines, fmt.Sprintf("--%s %s", planFlags[f.Pointer], f.Detail))
	}
	return &usageError{strings.Join(lines, "; ")}
}

func printPlan(w io.Writer, a *readout.PlanAnswer) error {
	fmt.Fprintf(w, "%s\n\n", a.Sentence)
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	row := func(what string, units, days *int64) {
		if units != nil {
			fmt.Fprintf(t, "  %s\t%d users per variant\t%s\n", what, *units, inDays(days))
		}
	}
	row("one look at the end", a.UnitsPerVariant, a.DaysWholeWeeks)
	row("always-valid interval", a.AlwaysValid.UnitsPerVariant, a.AlwaysValid.DaysWholeWeeks)
	row(fmt.Sprintf("probability of %g at the end", a.Threshold), a.AtThreshold.UnitsPerVariant, a.AtThreshold.DaysWholeWeeks)
	for _, week := range a.ByWeek {
		if week.Effect != nil {
			fmt.Fprintf(t, "  after %d days\t%d users per variant\tfind %.3g %%\n", week.Days, week.UnitsPerVariant, 100**week.Effect)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	decision, err := json.Marshal(a.Decision)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\nfor the definition: \"decision\": %s\n", decision)
	return err
}

func inDays(days *int64) string {
	if days == nil {
		return ""
	}
	return fmt.Sprintf("%d days", *days)
}
