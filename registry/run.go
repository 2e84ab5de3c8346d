package registry

import (
	"encoding/json"

	"github.com/tracklayer/tracklayer/canonical"
)

// Run is one start-to-end of an experiment.
type Run struct {
	Number    int            `json:"run"`
	Status    Status         `json:"status"`
	StartedAt canonical.Time `json:"started_at"` // 0: open, everything before the end counts
	EndedAt   canonical.Time `json:"ended_at"`   // 0: has not ended
	// EndedReason says why it ended, if a reason was given.
	EndedReason string `json:"ended_reason,omitempty"`
	// EndedVariants are the variants that ended early, in the order in which that was said; none: the whole run did,
	// where its status says so.
	EndedVariants []string `json:"ended_variant,omitempty"`
}

// MarshalJSON writes open ends as null.
func (r Run) MarshalJSON() ([]byte, error) {
	orNull := func(t canonical.Time) any {
		if t == 0 {
			return nil
		}
		return t
	}
	members := map[string]any{"run": r.Number, "status": r.Status, "started_at": orNull(r.StartedAt), "ended_at": orNull(r.EndedAt)}
	if r.EndedReason != "" {
		members["ended_reason"] = r.EndedReason
	}
	if len(r.EndedVariants) > 0 {
		members["ended_variant"] = r.EndedVariants
	}
	return json.Marshal(members)
}

// Covers reports whether an exposure at that time belongs to the run.
func (r Run) Covers(at canonical.Time) bool {
	return at >= r.StartedAt && (r.EndedAt == 0 || at < r.EndedAt)
}

// Invalid reports whether the whole run ended early, so that none of its numbers is to be trusted.
func (r Run) Invalid() bool { return r.Status == EndedEarly && len(r.EndedVariants) == 0 }

// Outcome is what people decided after a run, and what they had in front of them.
type Outcome struct {
	Run     int            `json:"run"`
	Variant *string        `json:"variant"` // null: no change
	Why     string         `json:"why"`
	By      string         `json:"by"`
	Key     string         `json:"key,omitempty"` // fingerprint of the key; By is what its holder wrote
	At      canonical.Time `json:"at"`
	AsOf    Basis          `json:"as_of"`
}

// Basis names the readout that a decision was made on; its members are those of a readout's as_of.
type Basis struct {
	StreamSeq        uint64 `json:"stream_seq"`
	RegistryRevision int    `json:"registry_revision"`
	CodeVersion      string `json:"code_version"`
	// Readout is the SHA-256 of the readout itself, which is kept; "" of decisions from before that.
	Readout string `json:"readout_sha256,omitempty"`
}

// RunAt is the number of the run that an exposure at that time belongs to, 0 for none.
func (e *Experiment) RunAt(at canonical.Time) int {
	for i := len(e.Runs) - 1; i >= 0; i-- { // a restart takes over from its predecessor
		if e.Runs[i].Covers(at) {
			return e.Runs[i].Number
		}
	}
	return 0
}

// Run finds a run by its number.
func (e *Experiment) Run(number int) (Run, bool) {
	for _, r := range e.Runs {
		if r.Number == number {
			return r, true
		}
	}
	return Run{}, false
}

// Outcome is the newest decision about a run; nil: none was taken.
func (e *Experiment) Outcome(run int) *Outcome {
	for i := len(e.Decisions) - 1; i >= 0; i-- {
		if e.Decisions[i].Run == run {
			return &e.Decisions[i]
		}
	}
	return nil
}
