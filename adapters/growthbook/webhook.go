package growthbook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// hook is an event webhook (shared/src/validators/events.ts; back-end events/handlers/webhooks). Its payload type json
// has the object in data.object and what was before in data.previous_attributes; the older type raw has data.current and
// data.previous, or the warning itself as data, and neither created nor api_version.
type hook struct {
	Event   string          `json:"event"`
	Data    json.RawMessage `json:"data"`
	User    *hookUser       `json:"user"`
	Created json.Number     `json:"created"` // Unix milliseconds
}

type hookUser struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

type hookData struct {
	Object             json.RawMessage `json:"object"`
	PreviousAttributes json.RawMessage `json:"previous_attributes"`
	Current            json.RawMessage `json:"current"`
	Previous           json.RawMessage `json:"previous"`
}

// experiment is an experiment of the vendor's REST API (back-end services/experiments.ts toExperimentApiInterface).
type experiment struct {
	ID          string  `json:"id"`
	TrackingKey string  `json:"trackingKey"`
	Name        string  `json:"name"`
	Type        string  `json:"type"`
	Status      string  `json:"status"`
	Archived    *bool   `json:"archived"`
	Updated     string  `json:"dateUpdated"`
	Hash        string  `json:"hashAttribute"`
	Phases      []phase `json:"phases"`
	Variations  []struct {
		ID   string `json:"variationId"`
		Key  string `json:"key"`
		Name string `json:"name"`
	} `json:"variations"`
	Result *struct {
		Status      string `json:"status"`
		Winner      string `json:"winner"`
		Released    string `json:"releasedVariationId"`
		Conclusions string `json:"conclusions"`
	} `json:"resultSummary"`
}

type phase struct {
	Name    string `json:"name"`
	Started string `json:"dateStarted"`
	Ended   string `json:"dateEnded"`
	Reason  string `json:"reasonForStopping"`
}

// notice is what warnings, decisions and news about an experiment have in common. They know its own id alone.
type notice struct {
	ID       string `json:"experimentId"`
	Name     string `json:"experimentName"`
	Type     string `json:"type"`   // of a warning
	Action   string `json:"action"` // of a scheduled update: started, stopped, kept-running
	Shipped  bool   `json:"shipped"`
	Variant  string `json:"shippedVariationName"`
	Decision string `json:"decisionDescription"`
	Metric   string `json:"metricName"`
	Varied   string `json:"variationName"`
	Winning  *bool  `json:"winning"`
}

// webhook reads an event webhook, which is about experiments and never about persons.
func (d *decoder) webhook() {
	var h hook
	var data hookData
	if json.Unmarshal(d.envelope.Body, &h) != nil || json.Unmarshal(h.Data, &data) != nil {
		d.batch.Reject(0, field.Fault("data", "is not what an event webhook has"))
		return
	}
	group, _, _ := strings.Cut(h.Event, ".")
	now, before := data.Object, data.PreviousAttributes
	if now == nil {
		now, before = data.Current, data.Previous
	}
	switch h.Event {
	case "experiment.created", "experiment.updated", "experiment.deleted":
		d.batch.CatalogChanged = true
		if now == nil { // raw, deleted: what was is all there is
			now, before = data.Previous, nil
		}
		d.changed(h, now, before)
		return
	case "experiment.warning", "experiment.info.significance", "experiment.info.scheduled-status-update",
		"experiment.decision.ship", "experiment.decision.rollback", "experiment.decision.review":
		if now == nil {
			now = h.Data
		}
		d.noticed(h, now)
		return
	}
	switch group {
	case "feature", "experiment", "rampSchedule", "savedGroup", "constant", "config", "user", "webhook":
		d.batch.CatalogChanged = group == "feature"
		d.batch.Ignore(group + "_webhook")
	default:
		d.batch.Ignore("unknown_webhook")
	}
}

// changed is an experiment that was created, edited or deleted.
func (d *decoder) changed(h hook, now, before json.RawMessage) {
	var x, was experiment
	if json.Unmarshal(now, &x) != nil || len(before) > 0 && json.Unmarshal(before, &was) != nil || x.TrackingKey == "" {
		d.batch.Reject(0, field.Fault("data", "has no experiment with a trackingKey"))
		return
	}
	l := canonical.Life{Kind: canonical.Remarked, At: d.hookTime(h, x.Updated), By: h.by(), ExperimentID: x.TrackingKey, SourceExperiment: x.ID}
	last := phase{}
	if n := len(x.Phases); n > 0 {
		last = x.Phases[n-1]
	}
	label := strconv.Quote(x.label())
	switch {
	case h.Event == "experiment.deleted":
		l.Text = "The experiment " + label + " was deleted; it was " + x.Status + "."
	case h.Event == "experiment.created" && x.Status != "running":
		l.Text = "The experiment " + label + " was created as " + x.Status + "."
	case x.Status == "running" && (h.Event == "experiment.created" || was.Status == "draft"):
		l.Kind, l.At, l.Text = canonical.Started, d.named(last.Started, l.At), "The experiment "+label+" was started."
	case x.Status == "running" && was.Status == "stopped":
		l.Kind, l.Text = canonical.Started, "The experiment "+label+" was started again."
	case x.Status == "stopped" && was.Status == "running":
		l.Kind, l.At, l.Text = canonical.Stopped, d.named(last.Ended, l.At), x.ending(last)
	case was.Status != "" && was.Status != x.Status:
		l.Text = "The experiment " + label + " went from " + was.Status + " to " + x.Status + "."
	case was.Archived != nil && x.Archived != nil && *was.Archived != *x.Archived:
		l.Text = "The experiment " + label + " was put into the archive, or taken out of it; it is " + x.Status + "."
	case x.Status == "running" && len(was.Phases) > 0 && len(was.Phases) != len(x.Phases):
		l.Text = "The running experiment " + label + " has a new phase " + strconv.Quote(last.Name) + "."
	case x.Status == "running" && was.TrackingKey != "" && was.TrackingKey != x.TrackingKey:
		l.Text = "The running experiment " + label + " was renamed from the tracking key " + strconv.Quote(was.TrackingKey) + "."
	default:
		d.batch.Ignore("experiment_edited")
		return
	}
	d.tell(h, l, x.ID)
}

func (x *experiment) label() string {
	if x.Name != "" {
		return x.Name
	}
	return x.TrackingKey
}

// ending says how a stopped experiment ended. What releasedVariationId names is what all users get from then on.
func (x *experiment) ending(last phase) string {
	text := "The experiment " + strconv.Quote(x.label()) + " was stopped"
	if last.Reason != "" {
		text += ": " + last.Reason
	}
	if r := x.Result; r != nil {
		if r.Status != "" {
			text += "; its result is " + r.Status
		}
		if key := x.variation(r.Winner); key != "" {
			text += "; the winner is " + key
		}
		if key := x.variation(r.Released); key != "" {
			text += "; released is " + key
		}
		if r.Conclusions != "" {
			text += "; conclusions: " + r.Conclusions
		}
	}
	return text + "."
}

func (x *experiment) variation(id string) string {
	for _, v := range x.Variations {
		if v.ID == id && id != "" {
			return v.Key
		}
	}
	return ""
}

// noticed is a warning, a piece of news or a recommendation about an experiment.
func (d *decoder) noticed(h hook, raw json.RawMessage) {
	var n notice
	if json.Unmarshal(raw, &n) != nil || n.ID == "" {
		d.batch.Reject(0, field.Fault("data", "has no experimentId"))
		return
	}
	l := canonical.Life{Kind: canonical.Remarked, At: d.hookTime(h, ""), By: h.by(), ExperimentID: n.ID, SourceExperiment: n.ID}
	if key, ok := d.source.Catalog.Name(n.ID); ok { // SDK events know the tracking key alone
		l.ExperimentID = key
	}
	label := strconv.Quote(n.Name)
	switch {
	case h.Event == "experiment.warning":
		l.Text = "GrowthBook warns of " + n.Type + " in " + label + "."
	case h.Event == "experiment.info.significance":
		l.Text = "GrowthBook finds " + strconv.Quote(n.Metric) + " significant for " + strconv.Quote(n.Varied) + " in " + label + "."
		if n.Winning != nil && !*n.Winning {
			l.Text = "GrowthBook finds " + strconv.Quote(n.Metric) + " significantly worse for " + strconv.Quote(n.Varied) + " in " + label + "."
		}
	case n.Action == "started":
		l.Kind, l.Text = canonical.Started, "The experiment "+label+" was started as scheduled."
	case n.Action == "stopped":
		l.Kind, l.Text = canonical.Stopped, "The experiment "+label+" was stopped as scheduled."
		if n.Shipped && n.Variant != "" {
			l.Text += " Shipped is " + strconv.Quote(n.Variant) + "."
		}
	case n.Action != "":
		l.Text = "The schedule of " + label + " came to its end: " + n.Action + "."
	default:
		l.Text = "GrowthBook recommends for " + label + ": " + strings.TrimPrefix(h.Event, "experiment.decision.") + ". " + n.Decision
	}
	d.tell(h, l, n.ID)
}

// hookTime is when a webhook's event happened: created, else when the experiment was changed, else now.
func (d *decoder) hookTime(h hook, updated string) canonical.Time {
	if at, err := canonical.ParseMillis(h.Created.String()); err == nil {
		return at
	}
	if at, err := canonical.ParseTime(updated); err == nil {
		return at
	}
	return d.envelope.ReceivedAt
}

// named is a moment that a phase names, which may have been set by hand, as long as it is not later than the report.
func (d *decoder) named(text string, at canonical.Time) canonical.Time {
	named, err := canonical.ParseTime(text)
	if err != nil || named < canonical.MinTime || named > at && at != d.envelope.ReceivedAt {
		return at
	}
	return named
}

func (h *hook) by() string {
	switch {
	case h.User == nil:
		return ""
	case field.IsLabel(h.User.Name):
		return h.User.Name
	case field.IsLabel(h.User.Type):
		return h.User.Type
	}
	return ""
}

// tell gives a report its id: there is no delivery id, and a webhook comes again with the same bytes.
func (d *decoder) tell(h hook, l canonical.Life, id string) {
	sum := sha256.Sum256(d.envelope.Body)
	l.ID = canonical.DeriveID("growthbook", h.Event, id, h.Created.String(), hex.EncodeToString(sum[:]))
	if !field.IsLabel(l.SourceExperiment) || l.SourceExperiment == l.ExperimentID {
		l.SourceExperiment = ""
	}
	const most = 1000
	if len(l.Text) > most {
		l.Text = l.Text[:most]
		for !utf8.ValidString(l.Text) {
			l.Text = l.Text[:len(l.Text)-1]
		}
	}
	d.batch.Tell(d.source, d.envelope, 0, l)
}
