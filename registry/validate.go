package registry

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/canonical"
)

// Fault is one thing that is wrong with a definition.
type Fault struct {
	Pointer string `json:"pointer"` // RFC 6901, into the definition
	Detail  string `json:"detail"`
}

// Faults are all things that are wrong with a definition.
type Faults []Fault

// Error joins them.
func (f Faults) Error() string {
	var err error
	for _, one := range f {
		err = errors.Join(err, fmt.Errorf("%s %s", one.Pointer, one.Detail))
	}
	return err.Error()
}

// checker collects faults.
type checker struct{ faults Faults }

func (c *checker) that(ok bool, pointer, format string, args ...any) {
	if !ok {
		c.faults = append(c.faults, Fault{pointer, fmt.Sprintf(format, args...)})
	}
}

func (c *checker) id(pointer, id string) {
	c.that(id != "" && len(id) <= 200 && utf8.ValidString(id) && !hasControl(id), pointer, "must be 1 to 200 bytes of UTF-8 without control characters")
}

func hasControl(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r <= 0x9f {
			return true
		}
	}
	return false
}

// Normalize fills in the defaults and returns all Faults, or nil. A definition that passes means what it says: every
// reference resolves, no name is used twice.
func (d *Definition) Normalize() error {
	d.defaults()
	c := &checker{}
	c.id("/id", d.ID)
	c.that(d.ID != "." && d.ID != "..", "/id", "must not be . or ..")
	for _, t := range [...]struct{ pointer, text string }{{"/name", d.Name}, {"/hypothesis", d.Hypothesis}, {"/owner", d.Owner}} {
		c.that(len(t.text) <= 4000 && utf8.ValidString(t.text), t.pointer, "must be at most 4,000 bytes of UTF-8")
	}
	c.that(d.Kind == "" || d.Kind == canonical.Holdout, "/kind", "must be experiment or holdout")
	d.checkVariants(c)
	d.checkMetrics(c)
	d.checkAliases(c)
	c.that(d.Crossover == Exclude || d.Crossover == FirstExposure, "/crossover", "must be exclude or first_exposure")
	if t := *d.Decision.Threshold; !(t >= 0.5 && t < 1) {
		c.that(false, "/decision/threshold", "must be from 0.5 up to, but not including, 1")
	}
	c.that(*d.Decision.MinUnitsPerVariant >= 0, "/decision/min_units_per_variant", "must not be negative")
	c.that(*d.Decision.MinDays >= 0, "/decision/min_days", "must not be negative")
	if l := d.Decision.MaxExpectedLoss; l != nil {
		c.that(*l > 0 && !math.IsInf(*l, 0), "/decision/max_expected_loss", "must be above 0, relative to the control's mean, or null for the usual limit of 0.0025; 1 is as good as none")
	}
	if e := d.Decision.PlannedEffect; e != nil {
		c.that(*e != 0 && math.Abs(*e) <= 100, "/decision/planned_effect", "must be a relative lift such as 0.05, not 0")
	}
	if len(c.faults) > 0 {
		return c.faults
	}
	return nil
}

func (d *Definition) defaults() {
	one := 1.0
	for i := range d.Variants {
		if d.Variants[i].Weight == nil {
			d.Variants[i].Weight = &one
		}
	}
	if d.Kind == "experiment" {
		d.Kind = ""
	}
	if d.Control == "" {
		keys := make([]string, len(d.Variants))
		for i, v := range d.Variants {
			keys[i] = v.Key
		}
		d.Control = GuessControl(keys)
	}
	if d.Crossover == "" {
		d.Crossover = Exclude
	}
	setDefault(&d.Window, DefaultWindow)
	setDefault(&d.Decision.Threshold, 0.9)
	setDefault(&d.Decision.MinUnitsPerVariant, 100)
	setDefault(&d.Decision.MinDays, 7)
	primary := false
	for i := range d.Metrics {
		primary = primary || d.Metrics[i].Role == Primary
	}
	for i := range d.Metrics {
		m := &d.Metrics[i]
		if m.Role == "" {
			if m.Role = Secondary; !primary {
				m.Role, primary = Primary, true
			}
		}
		if m.Direction == "" {
			m.Direction = "increase"
		}
		if m.ID == "" {
			m.ID = m.Event
		}
		if m.Field == "" && (m.Type == Sum || m.Type == Mean) {
			m.Field = "value"
		}
		m.upperCurrencies()
		setDefault(&m.Window, *d.Window)
	}
	if d.Metrics == nil {
		d.Metrics = []Metric{}
	}
}

func setDefault[T any](p **T, v T) {
	if *p == nil {
		*p = &v
	}
}

func (d *Definition) checkVariants(c *checker) {
	c.that(len(d.Variants) >= 2, "/variants", "must be at least two")
	c.that(len(d.Variants) <= 100, "/variants", "must be at most a hundred")
	seen := map[string]int{}
	positive := 0
	for i, v := range d.Variants {
		at := fmt.Sprintf("/variants/%d", i)
		c.id(at+"/key", v.Key)
		if j, twice := seen[v.Key]; twice {
			c.that(false, at+"/key", "%q is the key of /variants/%d already", v.Key, j)
		}
		seen[v.Key] = i
		w := *v.Weight
		c.that(w >= 0 && w <= 1e9, at+"/weight", "must be a number from 0 to 1e9")
		if w > 0 {
			positive++
		}
	}
	c.that(positive >= 1, "/variants", "at least one needs a weight above 0")
	_, ok := seen[d.Control]
	c.that(ok, "/control", "%q is not the key of a variant", d.Control)
}

func (d *Definition) checkMetrics(c *checker) {
	c.that(len(d.Metrics) <= 100, "/metrics", "must be at most a hundred")
	seen := map[string]int{}
	primaries := 0
	for i, m := range d.Metrics {
		at := fmt.Sprintf("/metrics/%d", i)
		c.id(at+"/id", m.ID)
		if j, twice := seen[m.ID]; twice {
			c.that(false, at+"/id", "%q is the id of /metrics/%d already", m.ID, j)
		}
		seen[m.ID] = i
		switch m.Role {
		case Primary:
			primaries++
		case Secondary, Guardrail:
		default:
			c.that(false, at+"/role", "must be primary, secondary or guardrail")
		}
		c.that(m.Direction == "increase" || m.Direction == "decrease", at+"/direction", "must be increase or decrease: which way is better")
		m.check(c, at)
	}
	c.that(primaries == 1 || len(d.Metrics) == 0, "/metrics", "exactly one must have the role primary, %d have", primaries)
}

func (m *Metric) check(c *checker, at string) {
	switch m.Type {
	case Proportion, Count:
		c.id(at+"/event", m.Event)
		c.that(m.Field == "", at+"/field", "has no meaning for a %s", m.Type)
	case Sum, Mean:
		c.id(at+"/event", m.Event)
		c.that(m.Field == "value" || m.Field == "metric_value", at+"/field", "must be value or metric_value")
	case Ratio:
		for _, p := range [...]struct {
			name string
			part *Part
		}{{"numerator", m.Numerator}, {"denominator", m.Denominator}} {
			if p.part == nil {
				c.that(false, at+"/"+p.name, "is required for a ratio: an event's name, or {event, field}")
				continue
			}
			c.id(at+"/"+p.name+"/event", p.part.Event)
			c.that(p.part.Field == "" || p.part.Field == "value" || p.part.Field == "metric_value", at+"/"+p.name+"/field", "must be value or metric_value, or left out to count conversions")
		}
		c.that(m.Event == "", at+"/event", "has no meaning for a ratio; name numerator and denominator")
	default:
		c.that(false, at+"/type", "must be proportion, count, sum, mean or ratio")
	}
	if m.Cap != nil {
		c.that(*m.Cap > 0 && *m.Cap <= 1e12, at+"/cap", "must be above 0 and at most 1e12")
		c.that(m.Type != Count || *m.Cap == math.Trunc(*m.Cap), at+"/cap", "must be a whole number of conversions")
		c.that(m.Type != Sum || *m.Cap >= 1e-6, at+"/cap", "must be at least a millionth")
		c.that(m.Type == Count || m.Type == Sum, at+"/cap", "has a meaning for a count or a sum only: it limits one person's total")
	}
	m.checkMoney(c, at)
	if m.Prior != nil {
		c.that(m.Prior.SD > 0 && m.Prior.SD <= 1e6, at+"/prior/sd", "must be above 0, a standard deviation of the relative lift")
		c.that(math.Abs(m.Prior.Mean) <= 1e6, at+"/prior/mean", "must be a relative lift such as 0.02")
	}
	if m.Type != Ratio {
		c.that(m.Numerator == nil && m.Denominator == nil, at+"/numerator", "has a meaning for a ratio only")
	}
}

// checkAliases refuses two meanings for one name of a source.
func (d *Definition) checkAliases(c *checker) {
	for _, source := range sortedKeys(d.Aliases) {
		seen := map[string]bool{}
		for i, alias := range d.Aliases[source] {
			at := fmt.Sprintf("/aliases/%s/%d", escape(source), i)
			c.id(at, alias)
			c.that(!seen[alias], at, "%q is listed twice", alias)
			seen[alias] = true
		}
	}
	type name struct{ source, alias string }
	owner := map[name]string{}
	keys := map[string]bool{}
	for _, v := range d.Variants {
		keys[v.Key] = true
	}
	for i, v := range d.Variants {
		for _, source := range sortedKeys(v.Aliases) {
			for j, alias := range v.Aliases[source] {
				at := fmt.Sprintf("/variants/%d/aliases/%s/%d", i, escape(source), j)
				c.id(at, alias)
				if other, taken := owner[name{source, alias}]; taken {
					c.that(false, at, "%q means variant %q of %s already", alias, other, source)
				}
				owner[name{source, alias}] = v.Key
				c.that(alias == v.Key || !keys[alias], at, "%q is the key of another variant", alias)
			}
		}
	}
}

func escape(token string) string {
	out := ""
	for _, r := range token {
		switch r {
		case '~':
			out += "~0"
		case '/':
			out += "~1"
		default:
			out += string(r)
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// controls are what a variant is called that is the control, the surest name first.
var controls = [...]string{"control", "original", "off", "baseline", "default", "0"}

// GuessControl is the control of an experiment that names none: the variant called control, original, off, baseline,
// default or 0, in any letter case, else the first one given; "" if there is none.
func GuessControl(variants []string) string {
	for _, name := range controls {
		if slices.Contains(variants, name) {
			return name
		}
		for _, v := range variants {
			if strings.EqualFold(strings.TrimSpace(v), name) {
				return v
			}
		}
	}
	if len(variants) == 0 {
		return ""
	}
	return variants[0]
}

// GuessUndeclaredControl is the control of an experiment that was never declared, whose variants have no order: as
// GuessControl, else the first in byte order without regard to the case of ASCII letters.
func GuessUndeclaredControl(variants []string) string {
	return GuessControl(slices.SortedFunc(slices.Values(variants), func(a, b string) int {
		return cmp.Or(strings.Compare(lower(a), lower(b)), strings.Compare(a, b))
	}))
}
