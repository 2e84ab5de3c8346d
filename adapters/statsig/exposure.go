package statsig

import (
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// found is an exposure as an item tells it, in the vendor's words.
type found struct {
	experiment string // the name, or a hash of it
	rule       string
	group      string // the group's name, where the item tells it
	layer      string
	field      string // the member that named the experiment
}

// configExposure is GetExperiment and GetConfig alike: experiments, dynamic configs and autotunes share the event, and
// nothing in it distinguishes them (GO logger.go). The catalog or the option experiments does; without either, every user
// in a rule that can be a group counts. In webhooks it is a dynamic config, because experiments have their own event.
func (d *decoder) configExposure(i int, w *wire) {
	if d.form == fromWebhook {
		d.pass(i, kinds[configExposure])
		return
	}
	d.exposure(i, w, found{experiment: w.meta.config.S, rule: w.meta.ruleID.S, field: "metadata.config"})
}

// layerExposure is the read of one parameter of a layer. It is an exposure of the experiment that owns the parameter;
// reading one that no experiment owns names none, and yet the group's rule (GO layer.go).
func (d *decoder) layerExposure(i int, w *wire) {
	if w.meta.allocatedExperiment.S == "" {
		d.pass(i, kinds[layerExposure])
		return
	}
	d.exposure(i, w, found{
		experiment: w.meta.allocatedExperiment.S, rule: w.meta.ruleID.S, group: w.meta.groupName.S,
		layer: w.meta.config.S, field: "metadata.allocatedExperiment",
	})
}

// exposureByHand is an item of /v1/log_custom_exposure: {experimentName, group or ruleID} or {gateName, passes}.
func (d *decoder) exposureByHand(i int, w *wire) {
	if w.experimentName.S == "" && w.gateName.S != "" {
		d.gate(i, w, w.gateName.S, w.ruleID.S, w.passes)
		return
	}
	d.exposure(i, w, found{experiment: w.experimentName.S, rule: w.ruleID.S, group: w.group.S, field: "experimentName"})
}

// notRules are rule ids of users who take no part: not evaluated, a paused or unstarted experiment, outside of the
// layer's share, the targeting or an allocation, forced (GO evaluator.go; DOCS
// experiments/implementation/getting-group.mdx).
var notRules = map[string]string{
	"": "not_in_a_group", "default": "not_in_a_group", "disabled": "not_in_a_group", "prestart": "not_started",
	"layerAssignment": "not_in_a_group", "targetingGate": "not_in_a_group", "inlineTargetingRules": "not_in_a_group", "override": "override",
}

// notReasons are parts of evaluation reasons that mean no evaluation by the vendor's rules (GO evaluation_details.go,
// WEB EvaluationTypes).
var notReasons = [...]string{"LocalOverride", "Unrecognized", "NoValues", "Uninitialized"}

// unreal is why an evaluation put no user into a group, "" where it may have.
func unreal(w *wire, rule, group string) string {
	for _, part := range notReasons {
		if strings.Contains(w.meta.reason.S, part) {
			return "not_evaluated"
		}
	}
	if strings.HasSuffix(rule, ":override") || strings.HasSuffix(rule, ":id_override") {
		return "override"
	}
	if why, ok := notRules[rule]; ok && group == "" {
		return why
	}
	if w.meta.rulePassed.S == "false" { // a holdout: its rule id looks like any other
		return "not_in_a_group"
	}
	return ""
}

func (d *decoder) exposure(i int, w *wire, f found) {
	if f.experiment == "" {
		d.batch.Reject(i, field.Fault(f.field, "is required"))
		return
	}
	if why := unreal(w, f.rule, f.group); why != "" {
		d.pass(i, why)
		return
	}
	name, known := d.name(f.experiment)
	x, cataloged := d.source.Catalog.Experiment(name)
	if why := d.unfit(w, f, name, x, cataloged, known); why != "" {
		d.pass(i, why)
		return
	}
	variant, ok := x.Variant(f.rule)
	switch {
	case f.group != "":
		variant = f.group
	case !ok:
		variant = f.rule
	}
	d.expose(i, w, f, canonical.Event{
		Kind: canonical.Exposed, ExperimentID: name, SourceExperiment: f.experiment, Variant: variant, SourceVariant: f.rule,
	}, x.Unit)
}

// name turns the hash that a browser has of an experiment's name back into it.
func (d *decoder) name(wire string) (name string, known bool) {
	if _, ok := d.source.Catalog.Experiment(wire); ok {
		return wire, true
	}
	if name, ok := d.source.Catalog.Name(wire); ok {
		return name, true
	}
	return wire, false
}

// unfit is why an evaluation is none of an experiment, "" where it is one.
func (d *decoder) unfit(w *wire, f found, name string, x adapters.CatalogExperiment, cataloged, known bool) string {
	said := w.kind == experimentExposure || d.form == byHand || f.layer != "" || d.options.experiments[name]
	switch {
	case cataloged && !x.Exposes && !d.options.experiments[name]:
		return kinds[configExposure]
	case !known && !said && len(d.options.experiments) > 0:
		return kinds[configExposure]
	}
	if _, group := x.Variant(f.rule); cataloged && x.Exposes && len(x.Variants) > 0 && !group && f.group == "" {
		return "not_in_a_group"
	}
	return ""
}

// gate is a check of a feature gate. It counts where the configuration says that the gate's rollout is a test.
func (d *decoder) gate(i int, w *wire, gate, rule string, passes field.Scalar) {
	if e, ok := d.holdout(w, gate, rule, passes.IsTrue()); ok {
		d.accept(i, "metadata.gate", e)
		return
	}
	if !d.options.gates[gate] {
		d.pass(i, kinds[gateExposure])
		return
	}
	if why := unreal(w, rule, ""); why != "" && (d.form != byHand || rule != "") {
		d.pass(i, why)
		return
	}
	variant := "fail"
	if passes.IsTrue() {
		variant = "pass"
	}
	if rule == "" {
		rule = variant
	}
	d.expose(i, w, found{experiment: gate, rule: rule, field: "metadata.gate"}, canonical.Event{
		Kind: canonical.Exposed, ExperimentID: gate, SourceExperiment: gate, Variant: variant, SourceVariant: rule,
	}, "")
}

// expose completes an exposure with whom and when. unit is the kind of id that the experiment randomises by, where the
// catalog or the webhook says so.
func (d *decoder) expose(i int, w *wire, f found, e canonical.Event, unit string) {
	p := d.who(w, &e)
	if w.unitID.S != "" {
		unit = w.unitID.S
	}
	if kind := d.options.unitKinds[e.ExperimentID]; kind != "" {
		unit = ""
		id := p.of(kind)
		if id == "" {
			d.pass(i, "without_its_unit")
			return
		}
		e.UserID, e.AnonymousID = qualified(kind, id), ""
	} else if hasUnit(&e, p, unit) || d.page {
		unit = ""
	}
	at, own, err := d.at(w)
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	d.stamp(&e, at, own)
	a := &d.kept
	a.Reset()
	a.Text("layer", f.layer)
	if f.layer != "" {
		a.Text("parameter", w.meta.parameterName.S)
	}
	if w.meta.isManual.IsTrue() {
		a.Raw("manual", []byte("true"))
	}
	a.Text("sampling_rate", w.samplingRate.S)
	a.Text("lacks_unit", unit)
	a.Text("user_agent", d.userAgent(p))
	d.keep(a, p)
	e.Attributes = a.JSON()
	switch {
	case w.timeUUID.S != "" && field.IsLabel(w.timeUUID.S):
		e.ID = w.timeUUID.S
	case own:
		e.ID = canonical.DeriveID(d.source.Name, "exposure", f.experiment, f.rule, f.group, e.UserID, e.AnonymousID, strconv.FormatInt(int64(at), 10), string(e.Attributes))
	}
	d.accept(i, f.field, append([]canonical.Event{e}, d.heldOut...)...)
}

// hasUnit reports whether the user has the id that the experiment randomises by. Server SDKs log a user without it all
// the same, and that user did meet the variant; but every such user hashes alike, so the exposure is marked. It means
// nothing in a page, whose values were decided elsewhere, maybe by ids that the page does not know. Where the unit is a
// custom id and the user has that alone, it is whom the exposure is about.
func hasUnit(e *canonical.Event, p *person, unit string) bool {
	switch {
	case unit == "":
		return true
	case isUserID(unit):
		return e.UserID != ""
	case isStableID(unit):
		return e.AnonymousID != ""
	}
	id := p.of(unit)
	if id != "" && e.UserID == "" && e.AnonymousID == "" {
		e.UserID = qualified(unit, id)
	}
	return id != ""
}
