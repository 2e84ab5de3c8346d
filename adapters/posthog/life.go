package posthog

import (
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// activity is an entry of PostHog's activity log, which a destination may send here. Of an experiment it names the
// number and the title and not the flag, so the number is what it is called here: list it as an alias of the experiment
// (see the page).
func (d *decoder) activity(i int, e *event) {
	l := &e.log
	if l.scope != "Experiment" || l.item == "" {
		d.batch.Ignore(ignoredOwn)
		return
	}
	life := canonical.Life{Kind: canonical.Remarked, ExperimentID: l.item, Text: "PostHog: experiment " + strconv.Quote(cut(l.title, 200)) + " was changed."}
	id, ok := parseUUID(e.uuid)
	if !ok {
		d.batch.Reject(i, field.Fault("uuid", "is required to tell an entry from the same one sent again"))
		return
	}
	life.ID = formatUUID(id)
	c := canonical.Event{}
	if err := d.time(e, &c); err != nil {
		d.batch.Reject(i, err)
		return
	}
	life.At = c.At
	var fields []string
	for _, change := range l.changes {
		fields = append(fields, change.field)
		at, err := adapters.ParseTime(change.after)
		if change.before != "" || err != nil {
			continue
		}
		switch change.field {
		case "end_date":
			life.Kind, life.At, life.Text = canonical.Stopped, at, "PostHog: experiment "+strconv.Quote(cut(l.title, 200))+" has ended."
		case "start_date":
			life.Kind, life.At, life.Text = canonical.Started, at, "PostHog: experiment "+strconv.Quote(cut(l.title, 200))+" was started."
		}
	}
	if life.Kind == canonical.Remarked && len(fields) > 0 {
		life.Text = "PostHog: of experiment " + strconv.Quote(cut(l.title, 200)) + " was changed: " + cut(strings.Join(fields, ", "), 300) + "."
	}
	d.batch.Tell(d.source, d.envelope, i, life)
}

// cut shortens a text to n bytes at most, at a whole character.
func cut(text string, n int) string {
	for len(text) > n {
		n--
		for n > 0 && text[n]&0xc0 == 0x80 {
			n--
		}
		text = text[:n]
	}
	return text
}
