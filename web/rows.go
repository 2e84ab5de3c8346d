package web

import (
	"bufio"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
)

const (
	mimeNDJSON = "application/x-ndjson"
	mimeCSV    = "text/csv"

	flushRows = 256              // after so many rows the client gets what there is
	patience  = 30 * time.Second // for a client that takes nothing
)

// associations is GET /v1/experiments/{id}/associations: the rows of all persons, as they are computed.
func (a *API) associations(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	run, format, filtered, err := askRows(c.Request())
	if err != nil {
		return err
	}
	w := &rowWriter{c: c, out: bufio.NewWriterSize(c.Response(), 64<<10), csv: format == mimeCSV}
	h := c.Response().Header()
	begin := func(v *sums.View) error {
		s, ok := v.Experiment(id)
		if !ok {
			return unknown(id)
		}
		if run != 0 && !hasRun(s, run) {
			return noRun(id, run)
		}
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", format+"; charset=utf-8")
		h.Set(headerSeq, strconv.FormatUint(v.Seq, 10))
		h.Set(headerRevision, strconv.Itoa(v.Registry.Revision))
		w.extend()
		return w.header()
	}
	err = a.opts.State.Associations(c.Request().Context(), id, run, begin, func(row *core.Association) error {
		if filtered {
			row.Status = row.Unfiltered
		}
		return w.row(row)
	})
	if err == nil {
		err = w.flush()
	}
	if err != nil && !c.Response().Committed {
		h.Del(headerSeq)
		h.Del(headerRevision)
		return err
	}
	if err != nil { // the client must see that this is not all
		a.opts.Log.Warn("association rows were broken off", slog.String("request", h.Get(headerID)), slog.Int("rows", w.rows), slog.Any("error", err))
		panic(http.ErrAbortHandler)
	}
	return nil
}

func hasRun(s *sums.Snapshot, run int) bool {
	if s.Experiment == nil {
		return run == 1
	}
	_, ok := s.Experiment.Run(run)
	return ok
}

// askRows reads the parameters of the rows.
func askRows(r *http.Request) (run int, format string, filtered bool, err error) {
	values := r.URL.Query()
	var faults []problem.FieldError
	if text := values.Get("run"); text != "" {
		if run, err = strconv.Atoi(text); err != nil || run < 1 {
			faults = append(faults, problem.FieldError{Pointer: "/run", Detail: "must be the number of a run, from 1; left out, it is all runs"})
		}
	}
	filtered, detail := askFiltered(values)
	if detail != "" {
		faults = append(faults, problem.FieldError{Pointer: "/filtered", Detail: detail})
	}
	switch text := values.Get("format"); text {
	case "ndjson":
		format = mimeNDJSON
	case "csv":
		format = mimeCSV
	case "":
		format = accepted(r.Header.Values("Accept"))
	default:
		faults = append(faults, problem.FieldError{Pointer: "/format", Detail: "must be ndjson or csv"})
	}
	if len(faults) > 0 {
		return 0, "", false, problem.BadRequest("A query parameter is not valid. Fix the fields in errors.", faults...)
	}
	if format == "" {
		return 0, "", false, problem.Problem{Status: http.StatusNotAcceptable, Detail: "Association rows are available as " + mimeNDJSON + " or " + mimeCSV + ". Accept one of them, or use format=ndjson or format=csv."}
	}
	return run, format, filtered, nil
}

// accepted is the format that an Accept header prefers: NDJSON if it accepts both equally, "" if it accepts neither.
func accepted(header []string) string {
	if len(header) == 0 {
		return mimeNDJSON
	}
	best, liked := "", 0.0
	for _, one := range strings.Split(strings.Join(header, ","), ",") {
		kind, parameters, err := mime.ParseMediaType(one)
		if err != nil {
			continue
		}
		quality := 1.0
		if q, given := parameters["q"]; given {
			if quality, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		format := ""
		switch kind {
		case mimeNDJSON, "application/*", "*/*":
			format = mimeNDJSON
		case mimeCSV, "text/*":
			format = mimeCSV
		}
		if format != "" && (quality > liked || quality == liked && quality > 0 && format == mimeNDJSON) {
			best, liked = format, quality
		}
	}
	return best
}

// rowWriter writes rows as they come.
type rowWriter struct {
	c     echo.Context
	out   *bufio.Writer
	csv   bool
	rows  int
	buf   []byte
	cells []core.Cell
}

// header writes the line of column names that CSV starts with.
func (w *rowWriter) header() error {
	if !w.csv {
		return nil
	}
	w.cells = (&core.Association{}).Cells(w.cells[:0])
	for i := range w.cells {
		w.cells[i] = core.Cell{Text: w.cells[i].Name}
	}
	w.buf = appendCSV(w.buf[:0], w.cells)
	_, err := w.out.Write(w.buf)
	return err
}

func (w *rowWriter) row(a *core.Association) error {
	if w.csv {
		w.cells = a.Cells(w.cells[:0])
		w.buf = appendCSV(w.buf[:0], w.cells)
	} else {
		w.buf = append(a.AppendJSON(w.buf[:0]), '\n')
	}
	if _, err := w.out.Write(w.buf); err != nil {
		return err
	}
	if w.rows++; w.rows%flushRows == 0 {
		return w.flush()
	}
	return nil
}

// flush sends what there is, and gives the client new time to take more.
func (w *rowWriter) flush() error {
	if err := w.out.Flush(); err != nil {
		return err
	}
	if !w.c.Response().Committed { // no row at all
		w.c.Response().WriteHeader(http.StatusOK)
	}
	w.c.Response().Flush()
	w.extend()
	return nil
}

// extend moves the moment at which a client that takes nothing is given up. Not every writer has one.
func (w *rowWriter) extend() {
	_ = http.NewResponseController(w.c.Response().Writer).SetWriteDeadline(time.Now().Add(patience))
}

// appendCSV writes a line by RFC 4180. Text that a spreadsheet would take for a formula gets a quote in front; numbers
// stay what they are.
func appendCSV(dst []byte, cells []core.Cell) []byte {
	for i, c := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		text := c.Text
		if !c.Raw && text != "" && strings.IndexByte("=+-@", text[0]) >= 0 {
			text = "'" + text
		}
		if !strings.ContainsAny(text, "\",\r\n") {
			dst = append(dst, text...)
			continue
		}
		dst = append(dst, '"')
		dst = append(dst, strings.ReplaceAll(text, `"`, `""`)...)
		dst = append(dst, '"')
	}
	return append(dst, '\r', '\n')
}
