package statsig

import (
	"strconv"

	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// Variants of a holdout.
const (
	heldOutVariant = "holdout"
	otherVariant   = "not_in_holdout"
)

// entityHoldout is the entity of a gate in the rules download that is a holdout.
const entityHoldout = "holdout"

// holdoutName is the name of a gate that is a holdout, by the option holdouts or the catalog. A page may have a hash of it.
func (d *decoder) holdoutName(gate string) (string, bool) {
	if d.options.holdouts[gate] {
		return gate, true
	}
	name, _ := d.name(gate)
	x, ok := d.source.Catalog.Experiment(name)
	return name, ok && x.Kind == entityHoldout || d.options.holdouts[name]
}

// holdout is the exposure to a holdout that the check of its gate is: a user who passes is held out of the experiments below
// it, and one who fails is who they are compared with.
func (d *decoder) holdout(w *wire, gate, rule string, passes bool) (e canonical.Event, ok bool) {
	name, ok := d.holdoutName(gate)
	if !ok || gate == "" {
		return e, false
	}
	if !field.IsLabel(rule) {
		rule = ""
	}
	e = canonical.Event{
		Kind: canonical.Exposed, ExperimentKind: canonical.Holdout, ExperimentID: name, SourceExperiment: gate, Variant: otherVariant, SourceVariant: rule,
	}
	if passes {
		e.Variant = heldOutVariant
	}
	d.who(w, &e)
	at, own, err := d.at(w)
	if err != nil || e.UserID == "" && e.AnonymousID == "" {
		return e, false
	}
	d.stamp(&e, at, own)
	if own {
		e.ID = canonical.DeriveID(d.source.Name, "holdout", name, e.Variant, e.UserID, e.AnonymousID, strconv.FormatInt(int64(at), 10))
	}
	return e, true
}

// secondary finds the holdouts among the gates that were checked on the way to an evaluation (GO evaluator.go
// secondaryExposures). Users who are held out are in no group of the experiment, and this alone tells of them.
func (d *decoder) secondary(w *wire) (found []canonical.Event) {
	if len(w.secondary) == 0 || w.secondary[0] != '[' {
		return nil
	}
	r := reader{c: jsonscan.New(w.secondary)}
	_ = r.c.Array(func(int) error { // it was read once already
		var gate, value, rule field.Scalar
		err := r.object(func(name []byte) error {
			switch string(name) {
			case "gate":
				return r.scalar(&gate)
			case "gateValue":
				return r.scalar(&value)
			case "ruleID":
				return r.scalar(&rule)
			}
			return r.c.Skip()
		})
		if e, ok := d.holdout(w, gate.S, rule.S, value.IsTrue()); ok && err == nil && len(found) < maxHoldouts {
			found = append(found, e)
		}
		return err
	})
	return found
}

// maxHoldouts bounds what one item can become.
const maxHoldouts = 10

// pass ignores an item, unless it tells of a holdout.
func (d *decoder) pass(i int, why string) {
	if len(d.heldOut) == 0 {
		d.batch.Ignore(why)
		return
	}
	d.accept(i, "secondaryExposures", d.heldOut...)
}
