package canonical

import (
	"encoding/json"
	"fmt"
)

// LifeKind is what happened to an experiment as a whole.
type LifeKind string

// What a vendor may say of an experiment.
const (
	Started  LifeKind = "started"     // a run begins
	Stopped  LifeKind = "stopped"     // a run ends as planned
	Broken   LifeKind = "ended_early" // a run, or one variant of it, ends because its data is not to be trusted
	Remarked LifeKind = "remarked"    // something that changes no run, or of which it cannot be told whether it does
)

// Life is a report about an experiment, not about a person: a vendor's webhook says that a person started, stopped or
// killed it. It goes to the registry, which acts on what is certain and keeps everything as a note.
type Life struct {
	ID         string   `json:"id"` // of the report, unique within its source: a webhook that is sent again has the same
	Source     string   `json:"source"`
	ReceivedAt Time     `json:"received_at"`
	Kind       LifeKind `json:"kind"`
	At         Time     `json:"at"`
	// ExperimentID is what the source's events call the experiment; SourceExperiment the vendor's own id, where there is
	// another.
	ExperimentID     string `json:"experiment_id"`
	SourceExperiment string `json:"source_experiment,omitempty"`
	Variant          string `json:"variant,omitempty"` // of Broken: the only variant concerned
	Text             string `json:"text"`              // what happened, in a sentence for people
	By               string `json:"by,omitempty"`      // who did it, as the vendor names them
	// Unverified: the request was let in by a key that clients publish, so anyone may have written it. The registry keeps
	// it as a note and does not act on it.
	Unverified bool `json:"unverified,omitempty"`
}

// maxLifeText is the longest text of a report, in bytes.
const maxLifeText = 1000

// Validate checks a report and returns nil or a *FieldError.
func (l *Life) Validate() error {
	switch l.Kind {
	case Started, Stopped, Broken, Remarked:
	default:
		return fault("kind", "must be started, stopped, ended_early or remarked")
	}
	if err := requiredID("id", l.ID); err != nil {
		return err
	}
	if err := experimentID(l.ExperimentID); err != nil {
		return err
	}
	for _, f := range [...]struct{ name, id string }{{"source_experiment", l.SourceExperiment}, {"variant", l.Variant}, {"by", l.By}} {
		if err := optionalID(f.name, f.id); err != nil {
			return err
		}
	}
	if l.Text == "" || len(l.Text) > maxLifeText {
		return fault("text", "must be 1 to %d bytes, is %d", maxLifeText, len(l.Text))
	}
	switch {
	case l.At < MinTime:
		return fault("at", "%s is before 2000-01-01", l.At)
	case l.At > l.ReceivedAt.Add(MaxAhead):
		return fault("at", "%s is more than 24 h after its receipt at %s", l.At, l.ReceivedAt)
	}
	return nil
}

// AppendJSON writes the report as it is stored in the log, below a member that tells it from a definition.
func (l *Life) AppendJSON(dst []byte) []byte {
	text, err := json.Marshal(struct {
		Life *Life `json:"life"`
	}{l})
	if err != nil { // strings and times are always JSON
		panic(fmt.Sprintf("life: %v", err))
	}
	return append(dst, text...)
}
