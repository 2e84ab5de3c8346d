package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/problem"
)

// unit is GET /v1/units/{kind}/{id}: why this person is counted, or is not.
func (a *API) unit(c echo.Context) error {
	u, err := unitOf(c)
	if err != nil {
		return err
	}
	t, err := a.opts.State.Trace(u)
	if errors.Is(err, core.ErrNoUnit) {
		return noUnit(u)
	}
	if err != nil {
		return err
	}
	body, err := t.AppendJSON(nil)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set(headerSeq, strconv.FormatUint(t.AsOf.Seq, 10))
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, append(body, '\n'))
}

// Eraser removes persons. Erase returns once nothing of the person is left in the state and in the log. It fails with
// core.ErrNoUnit if the id is unknown, and with core.ErrErasing while another erasure is in progress. An error that wraps
// problem.ErrUnavailable may follow after the receipt was stored: then the rest is processed in the background.
type Eraser interface {
	Erase(ctx context.Context, u canonical.Unit, on Order) (Erased, error)
}

// Order says on whose word a person is erased, and why.
type Order struct {
	By, Reason string
	Key        string // fingerprint of the key; "": none was needed
}

// Erased is a receipt, with what an erasure leaves for people to look at.
type Erased struct {
	core.Receipt
	// TextsToReview are places where people wrote an id of the person: reasons, notes, names. The log keeps them as they
	// are. They are found once, and are not part of the receipt.
	TextsToReview []NamingText `json:"texts_to_review"`
}

// NamingText is a text that people wrote and that names an erased person.
type NamingText struct {
	Where string `json:"where"`
	Bytes int    `json:"bytes,omitempty"` // how long it is
}

// maxReceiptNote is the longest text that a receipt keeps, in bytes.
const maxReceiptNote = 500

// unitOf is the unit in the path.
func unitOf(c echo.Context) (u canonical.Unit, err error) {
	switch kind := c.Param("kind"); kind {
	case canonical.User.String():
		u.Kind = canonical.User
	case canonical.Anonymous.String():
		u.Kind = canonical.Anonymous
	default:
		return u, problem.NotFound(fmt.Sprintf("There are no units of the kind %q. Ask for /v1/units/user/{id} or /v1/units/anonymous/{id}.", kind))
	}
	u.ID, err = idOf(c)
	return u, err
}

func noUnit(u canonical.Unit) error {
	return problem.NotFound(fmt.Sprintf("No event that was applied has named the %s id %q. User and anonymous ids are two spaces: it may be of the other kind.", u.Kind, u.ID))
}

// erase is DELETE /v1/units/{kind}/{id}.
func (a *API) erase(c echo.Context) error {
	u, err := unitOf(c)
	if err != nil {
		return err
	}
	in := struct {
		By     string `json:"by"`
		Reason string `json:"reason"`
	}{c.QueryParam("by"), c.QueryParam("reason")}
	body, err := read(c, echo.MIMEApplicationJSON)
	if err == nil && len(body) > 0 {
		err = decode(body, &in)
	}
	if err != nil {
		return err
	}
	var faults []problem.FieldError
	for _, note := range []struct{ pointer, text string }{{"/by", in.By}, {"/reason", in.Reason}} {
		if len(note.text) > maxReceiptNote {
			faults = append(faults, problem.FieldError{Pointer: note.pointer, Detail: fmt.Sprintf("must have at most %d bytes", maxReceiptNote)})
		}
	}
	if len(faults) > 0 {
		return problem.Invalid("The receipt stores short notes only. Fix the fields in errors and send the request again; nothing was erased.", faults...)
	}
	if a.opts.Eraser == nil {
		return problem.NotFound("This process cannot erase. Send the request to the process that stores the log.")
	}
	receipt, err := a.opts.Eraser.Erase(c.Request().Context(), u, Order{in.By, in.Reason, keyOf(c)})
	switch {
	case errors.Is(err, core.ErrNoUnit):
		return noUnit(u)
	case errors.Is(err, core.ErrErasing):
		return problem.Conflict("Another erasure is in progress. Send the request again after it; GET /v1/erasures lists finished ones.")
	case err != nil:
		return err
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set(headerSeq, strconv.FormatUint(receipt.Seq, 10))
	receipt.Receipt = shown(receipt.Receipt)
	return answer(c, http.StatusOK, receipt)
}

// shown is a receipt without the sequences, which are for those who follow it.
func shown(r core.Receipt) core.Receipt {
	lines := make([]core.ErasedLine, len(r.Erased))
	for i, l := range r.Erased {
		l.Seqs = nil
		lines[i] = l
	}
	r.Erased = lines
	return r
}

// erasures is GET /v1/erasures.
func (a *API) erasures(c echo.Context) error {
	all, err := a.opts.State.Receipts()
	if err != nil {
		return err
	}
	out := struct {
		Erasures []core.Receipt `json:"erasures"`
	}{[]core.Receipt{}}
	for _, r := range all {
		out.Erasures = append(out.Erasures, shown(r))
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return answer(c, http.StatusOK, out)
}

// erasure is GET /v1/erasures/{id}.
func (a *API) erasure(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	all, err := a.opts.State.Receipts()
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.ID == id {
			c.Response().Header().Set("Cache-Control", "no-store")
			return answer(c, http.StatusOK, shown(r))
		}
	}
	return problem.NotFound(fmt.Sprintf("There is no receipt %q. GET /v1/erasures lists them all.", id))
}
