package statsig

import (
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// change is a change of an experiment, a gate or a config in the console. Its action is created, updated or deleted
// (DOCS integrations/event_webhook.mdx); nothing in it says in fields that an experiment was started, shipped or
// stopped, and the wording of its description is not documented, so all but a deletion is remarked and not acted on.
// The catalog is read again: it does say whether the experiment is active.
func (d *decoder) change(i int, w *wire) {
	d.batch.CatalogChanged = true
	if w.meta.kind.S != "Experiment" {
		d.batch.Ignore(kinds[configChange])
		return
	}
	l := canonical.Life{Kind: canonical.Remarked, ExperimentID: w.meta.name.S, Text: sentence("changed", w.meta.description.S)}
	switch w.meta.action.S {
	case "deleted":
		l.Kind, l.Text = canonical.Stopped, sentence("deleted", w.meta.description.S)
	case "created":
		l.Text = sentence("created", w.meta.description.S)
	}
	at, own, err := d.at(w)
	if err != nil {
		d.batch.Reject(i, err)
		return
	}
	l.At = at
	if field.IsLabel(w.who.name.S) {
		l.By = w.who.name.S
	}
	switch {
	case field.IsLabel(w.timeUUID.S):
		l.ID = w.timeUUID.S
	case own:
		l.ID = canonical.DeriveID(d.source.Name, "change", l.ExperimentID, w.time.S, string(w.meta.raw))
	default:
		l.ID = canonical.DeriveID(d.source.Name, "change", l.ExperimentID, string(w.meta.raw))
	}
	d.tell(i, l)
}

// sentence says what was done in Statsig, and how Statsig describes it.
func sentence(done, description string) string {
	text := "The experiment was " + done + " in Statsig"
	if description = strings.TrimSpace(description); description == "" {
		return text + "."
	}
	const most = 900
	if len(description) > most {
		description = description[:most]
		for !utf8.ValidString(description) {
			description = description[:len(description)-1]
		}
		description += "…"
	}
	return text + ": " + description
}

// reviews are the pre-commit webhooks that concern an experiment (DOCS guides/pre-commit-webhooks.mdx). They come before
// the change, which may still be refused, so none of them is acted on.
var reviews = map[string]string{
	"start_experiment":           "to start the experiment",
	"ship_experiment":            "to ship the experiment",
	"abandon_experiment":         "to abandon the experiment",
	"update_allocation":          "to change the experiment's allocation",
	"update_experiment_settings": "to change the experiment's settings",
}

func (d *decoder) review(body []byte) error {
	var kind, name, id, submitter field.Scalar
	d.c = jsonscan.New(body)
	err := d.c.Object(func(member []byte) error {
		switch string(member) {
		case "type":
			return d.scalar(&kind)
		case "experiment_name":
			return d.scalar(&name)
		case "review_id":
			return d.scalar(&id)
		case "submitter":
			return d.scalar(&submitter)
		}
		return d.c.Skip()
	})
	if err != nil {
		return adapters.Unreadable("%v", err)
	}
	d.batch.Items = 1
	wish, ok := reviews[kind.S]
	if !ok || name.S == "" {
		d.batch.Ignore("review")
		return nil
	}
	l := canonical.Life{
		Kind: canonical.Remarked, ExperimentID: name.S, At: d.envelope.ReceivedAt,
		ID:   canonical.DeriveID(d.source.Name, "review", id.S, kind.S, name.S),
		Text: "A user asked in Statsig " + wish + "; it is not done before it is approved there.",
	}
	if field.IsLabel(submitter.S) {
		l.By = submitter.S
	}
	d.tell(0, l)
	return nil
}

// tell hands a report to the batch. Where the contract refuses it, the field is named as the vendor names it.
func (d *decoder) tell(i int, l canonical.Life) {
	d.batch.Tell(d.source, d.envelope, i, l)
	if path := d.batch.RejectedField(i); path != nil && *path == "experiment_id" {
		*path = "metadata.name"
	}
}
