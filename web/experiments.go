package web

import (
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/readout"
	"github.com/tracklayer/tracklayer/registry"
)

// experiment is a definition as it is given out.
type experiment struct {
	registry.Definition
	Status    registry.Status    `json:"status"` // of the newest run
	Revision  int                `json:"revision"`
	Runs      []registry.Run     `json:"runs"`
	Decisions []registry.Outcome `json:"decisions"`
	ChangedAt *canonical.Time    `json:"changed_at"` // null: nobody declared it
	ChangedBy string             `json:"changed_by,omitempty"`
	Key       string             `json:"key,omitempty"` // fingerprint of the key that it was changed with
	Change    string             `json:"change,omitempty"`
	Archived  *registry.Archive  `json:"archived,omitempty"` // null: lists show it
}

func declared(c *registry.Change) experiment {
	x := experiment{
		Definition: c.Definition, Status: registry.Draft, Revision: c.Revision, Runs: c.Runs, Decisions: c.Decisions,
		ChangedAt: &c.At, ChangedBy: c.By, Key: c.Key, Change: c.What,
	}
	if x.Runs == nil {
		x.Runs = []registry.Run{}
	}
	if x.Decisions == nil {
		x.Decisions = []registry.Outcome{}
	}
	if n := len(x.Runs); n > 0 {
		x.Status = x.Runs[n-1].Status
	}
	return x
}

// undeclared is what an experiment that nobody declared is read by.
func undeclared(s *core.Snapshot) experiment {
	return experiment{
		Definition: readout.Undeclared(s), Status: registry.Undeclared,
		Runs: []registry.Run{{Number: 1, Status: registry.Undeclared}}, Decisions: []registry.Outcome{},
	}
}

// entityTag is the ETag of a declared experiment.
func entityTag(revision int) string { return strconv.Quote(strconv.Itoa(revision)) }

// experiment is GET /v1/experiments/{id}.
func (a *API) experiment(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	v := a.State.View()
	s, ok := v.Experiment(id)
	if !ok {
		return unknown(id)
	}
	recomputing(c, v, s)
	def, known := v.Registry.Get(id) // the newest, although the readout may still be the one before
	x := undeclared(s)
	if known {
		x = declared(&def.Change)
	}
	x.Archived = v.Registry.Archived(id)
	body, err := encode(x)
	if err != nil {
		return err
	}
	tag := tagOf(body)
	if known {
		tag = entityTag(def.Revision)
	}
	return fresh(c, tag, body)
}

// listed is an experiment among others.
type listed struct {
	ID            string          `json:"id"`
	Name          string          `json:"name,omitempty"`
	Status        registry.Status `json:"status"`
	Revision      int             `json:"revision"` // 0: undeclared
	Run           *int            `json:"run"`      // the newest; null: none
	ExposedUsers  int64           `json:"exposed_users"`
	LastExposedOn *string         `json:"last_exposed_on"` // day of the newest first exposure, UTC; null: nobody
	ChangedAt     *canonical.Time `json:"changed_at"`
	Recomputing   bool            `json:"recomputing,omitempty"` // a change of the definition is being worked off; the numbers are those before it
	// Archived says when the experiment was hidden from the list, and by whom; null: it is not.
	Archived *registry.Archive `json:"archived,omitempty"`
}
