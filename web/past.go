package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
)

// Past makes former states of the core.
type Past interface {
	// At is the state after the last record at or below a stream sequence that was applied. Where that takes longer than
	// ctx lasts it fails with an *Underway and goes on: whoever asks again finds more of it done.
	At(ctx context.Context, seq uint64) (*core.View, error)
}

// Moments knows when what was received.
type Moments interface {
	// SeqAt is the sequence up to which everything had been received by a moment, 0 where that is nothing.
	SeqAt(ctx context.Context, at canonical.Time) (uint64, error)
}

// then turns a moment into a sequence: the state that was known at that time, at the most the newest.
func (a *API) then(c echo.Context, at canonical.Time) (uint64, error) {
	fault := func(detail string) error {
		return problem.Problem{Status: http.StatusUnprocessableEntity, Detail: detail, Errors: []problem.FieldError{{Pointer: "/at", Detail: detail}}}
	}
	if a.Moments == nil {
		return 0, fault("Moments cannot be looked up here. Ask with at_seq.")
	}
	seq, err := a.Moments.SeqAt(c.Request().Context(), at)
	if err != nil {
		return 0, err
	}
	if seq == 0 {
		return 0, fault("Nothing had been received by " + at.String() + ".")
	}
	return min(seq, a.State.View().Seq), nil
}

// Underway reports a former state that is being made.
type Underway struct {
	Applied uint64 // stream sequence that was reached; 0: it waits for its turn
	Sought  uint64
}

// Error says how far it is.
func (u *Underway) Error() string {
	return fmt.Sprintf("the state at sequence %d is being made from the log, which was read up to %d", u.Sought, u.Applied)
}

// pastWait is how long a former state is waited for where the client does not say.
const pastWait = 30 * time.Second

// errAnswered reports that the answer is written.
var errAnswered = errors.New("answered")

// viewOf is the state that a client asks for: the newest, one in which the experiment stands for something that was just
// written, or a former one.
func (a *API) viewOf(c echo.Context, id string, q asked) (*core.View, error) {
	if q.at != nil {
		seq, err := a.then(c, *q.at)
		if err != nil {
			return nil, err
		}
		q.atSeq = &seq
	}
	v := a.State.View()
	if asOf(v, id) < q.minSeq {
		ctx, cancel := context.WithTimeout(c.Request().Context(), q.patience(defaultWait))
		defer cancel()
		var err error
		if v, err = a.State.Until(ctx, func(v *core.View) bool { return asOf(v, id) >= q.minSeq }); err != nil {
			return nil, behind(c, asOf(v, id), q.minSeq, err)
		}
	}
	if q.atSeq == nil || *q.atSeq == asOf(v, id) {
		return v, nil
	}
	if a.Past == nil || *q.atSeq > v.Seq {
		return nil, elsewhen(*q.atSeq, asOf(v, id))
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), q.patience(pastWait))
	defer cancel()
	v, err := a.Past.At(ctx, *q.atSeq)
	if underway := (*Underway)(nil); errors.As(err, &underway) {
		p := problem.Unavailable(5 * time.Second)
		p.Instance = c.Response().Header().Get(headerID)
		p.Title = fmt.Sprintf("The state at sequence %d is being made from the log; %d are applied. Ask again.", underway.Sought, underway.Applied)
		p.Extension = fmt.Appendf(nil, `"applied_seq":%d,"at_seq":%d`, underway.Applied, underway.Sought)
		problem.Write(c.Response(), p) // no failure of ours, so it is not logged
		return nil, errAnswered
	}
	return v, err
}

// patience is how long the client waits.
func (q asked) patience(unsaid time.Duration) time.Duration {
	if q.wait == nil {
		return unsaid
	}
	return *q.wait
}
