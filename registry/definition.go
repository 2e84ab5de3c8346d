package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tracklayer/tracklayer/canonical"
)

// Definition is what people declare about an experiment. JSON names are the API's.
type Definition struct {
	ID         string              `json:"id"`
	Name       string              `json:"name,omitempty"`
	Hypothesis string              `json:"hypothesis,omitempty"`
	Owner      string              `json:"owner,omitempty"`
	Kind       string              `json:"kind,omitempty"` // canonical.Holdout; "": an experiment
	Variants   []Variant           `json:"variants"`
	Control    string              `json:"control"`
	Aliases    map[string][]string `json:"aliases,omitempty"` // source -> what it calls the experiment
	Metrics    []Metric            `json:"metrics"`
	Window     *Window             `json:"window,omitempty"` // for metrics without their own; nil: DefaultWindow
	Crossover  Crossover           `json:"crossover"`
	Decision   Decision            `json:"decision"`
}

// Variant is one arm.
type Variant struct {
	Key     string              `json:"key"`
	Name    string              `json:"name,omitempty"`
	Weight  *float64            `json:"weight"`            // relative to the other variants; nil: 1; 0: gets no users
	Aliases map[string][]string `json:"aliases,omitempty"` // source -> what it calls the variant
}

// Role is what a metric is for.
type Role string

// Roles of a metric.
const (
	Primary   Role = "primary"
	Secondary Role = "secondary"
	Guardrail Role = "guardrail"
)

// MetricType is how a person's conversions become a number.
type MetricType string

// Types of metric, with a person's number y: Proportion: 1 where there is a conversion; Count: how many; Sum: the
// field's total; Mean: the field's total over the number of conversions, as a ratio of sums over all persons; Ratio:
// the numerator's total over the denominator's.
const (
	Proportion MetricType = "proportion"
	Count      MetricType = "count"
	Sum        MetricType = "sum"
	Mean       MetricType = "mean"
	Ratio      MetricType = "ratio"
)

// Metric says how conversions become a number.
type Metric struct {
	ID          string     `json:"id"`
	Role        Role       `json:"role"`
	Type        MetricType `json:"type"`
	Event       string     `json:"event,omitempty"`
	Field       string     `json:"field,omitempty"` // value or metric_value
	Numerator   *Part      `json:"numerator,omitempty"`
	Denominator *Part      `json:"denominator,omitempty"`
	Direction   string     `json:"direction"` // increase or decrease: which way is better
	Window      *Window    `json:"window,omitempty"`
	// Currency is the ISO 4217 code that amounts in other currencies are converted to, by Rates; "": the one that they have
	// in common.
	Currency string           `json:"currency,omitempty"`
	Rates    map[string]Rates `json:"rates,omitempty"` // by currency
	Cap      *float64         `json:"cap,omitempty"`   // of one person's total, in units of the metric; nil: none
	Prior    *Prior           `json:"prior,omitempty"` // on the relative lift; nil: flat
}

// Names of the fields of a conversion that a metric may add up.
const (
	FieldValue       = "value"
	FieldMetricValue = "metric_value"
)

// Prior is what was believed about the relative lift before the data: normal, with this mean and standard deviation.
type Prior struct {
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
}

// cap is the Cap in the units in which the metric is summed: millionths of a field, conversions of a count.
func (m *Metric) cap() canonical.Sum {
	switch {
	case m.Cap == nil:
		return canonical.Sum{}
	case m.Field == "":
		return canonical.SumOf(int64(*m.Cap))
	}
	return canonical.SumOf(int64(math.Round(*m.Cap * canonical.Million)))
}

// Parts are the sides of the metric: which event it reads, and which field of it adds up, "" to count the events.
func (m *Metric) Parts() []Part {
	if m.Type != Ratio {
		return []Part{{Event: m.Event, Field: m.Field}}
	}
	return []Part{*m.Numerator, *m.Denominator}
}

// Part is one side of a ratio: the number of conversions of an event, or the total of a field of them. In JSON the
// event's name alone will do.
type Part struct {
	Event string `json:"event"`
	Field string `json:"field,omitempty"`
}

// UnmarshalJSON reads an object or just the name of an event.
func (p *Part) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*p = Part{}
		return json.Unmarshal(b, &p.Event)
	}
	type plain Part
	return json.Unmarshal(b, (*plain)(p))
}

// Crossover is what becomes of persons seen in two variants of one run.
type Crossover string

// Policies for crossovers.
const (
	Exclude       Crossover = "exclude"        // they leave all variants
	FirstExposure Crossover = "first_exposure" // they stay in the first one
)

// Decision is when a result may be looked at for a decision.
type Decision struct {
	Threshold          *float64 `json:"threshold"` // posterior probability to beat control; default 0.9
	MinUnitsPerVariant *int64   `json:"min_units_per_variant"`
	MinDays            *int64   `json:"min_days"`
	MaxExpectedLoss    *float64 `json:"max_expected_loss"`        // relative to the control's mean; nil: DefaultMaxExpectedLoss
	PlannedEffect      *float64 `json:"planned_effect,omitempty"` // relative lift that the experiment is planned to detect; nil: not said
}

// Window is the time after the first exposure in which a conversion counts; 0 means without limit. In JSON it is text
// such as "168h", "90m" or "7d".
type Window time.Duration

// DefaultWindow is a week.
const DefaultWindow = Window(7 * 24 * time.Hour)

// MarshalText writes whole hours where it can.
func (w Window) MarshalText() ([]byte, error) {
	d := time.Duration(w)
	if d%time.Hour == 0 {
		return fmt.Appendf(nil, "%dh", d/time.Hour), nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads a duration; days are allowed as the only unit.
func (w *Window) UnmarshalText(b []byte) error {
	s := string(b)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		*w = Window(24 * d)
		if err == nil {
			return w.check()
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return errWindow
	}
	*w = Window(d)
	return w.check()
}

func (w Window) check() error {
	if w < 0 || time.Duration(w) > 10*366*24*time.Hour {
		return errWindow
	}
	return nil
}

var errWindow = errors.New(`must be a duration such as "168h" or "7d", up to ten years; "0" means no limit`)

// Holds reports whether a conversion at that time counts for an exposure at the other. It is the one place where the
// window is computed.
func (w Window) Holds(exposed, converted canonical.Time) bool {
	return converted >= exposed && (w == 0 || converted < exposed.Add(time.Duration(w)))
}
