package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/problem"
	"github.com/tracklayer/tracklayer/readout"
)

const (
	defaultWait = 5 * time.Second
	maxWait     = time.Minute
)

// asked are the parameters of a readout.
type asked struct {
	run      int  // 0: the newest
	filtered bool // bots and internal users are counted
	minSeq   uint64
	wait     *time.Duration // nil: as long as is usual
	atSeq    *uint64
	at       *canonical.Time // instead of atSeq
}

// of is the question about an experiment's run that they ask.
func (q asked) of(id string) readout.Question {
	return readout.Question{Experiment: id, Run: q.run, Filtered: q.filtered}
}

// readouts answers requests about the numbers of an experiment, now and as they were.
type readouts struct {
	opts  Options
	write *writer
	cache cache
}

// readout is GET /v1/experiments/{id}/readout.
func (a *readouts) readout(c echo.Context) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	q, err := ask(c.Request().URL.Query())
	if err != nil {
		return err
	}
	v, err := a.viewOf(c, id, q)
	if err != nil {
		return err
	}
	s, _ := v.Experiment(id)
	recomputing(c, v, s)
	p, err := a.cache.get(v, q.of(id), func() ([]byte, error) {
		r, err := readout.Make(v, q.of(id), a.opts.Code)
		if err != nil {
			return nil, err
		}
		return encode(r)
	})
	if errors.Is(err, readout.ErrRecomputing) {
		return unreadable(v)
	}
	if err != nil {
		return unmade(err, id, q.run)
	}
	c.Response().Header().Set(headerSeq, strconv.FormatUint(s.Seq, 10))
	return fresh(c, p.tag, p.body)
}

// asOf is the sequence that the experiment's readout stands for: an older one while the experiment is recomputed.
func asOf(v *sums.View, id string) uint64 {
	s, _ := v.Experiment(id)
	return s.Seq
}

// recomputing says in a header how far a recomputation of the experiment is, if there is one. It is not in the body:
// the same sequence, revision and code give the same bytes.
func recomputing(c echo.Context, v *sums.View, s *sums.Snapshot) {
	if s.Recomputing && v.Recomputing != nil {
		c.Response().Header().Set(headerRecomputing, fmt.Sprintf("%d/%d", v.Recomputing.Done, v.Recomputing.Of))
	}
}

// headerRecomputing is how many of how many persons were recomputed.
const headerRecomputing = "Tracklayer-Recomputing"

// ask reads the parameters and says every fault at once.
func ask(values url.Values) (asked, error) {
	var q asked
	var faults []problem.FieldError
	fault := func(name, detail string) {
		faults = append(faults, problem.FieldError{Pointer: "/" + name, Detail: detail})
	}
	if text := values.Get("run"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fault("run", "must be the number of a run, from 1")
		}
		q.run = n
	}
	filtered, detail := askFiltered(values)
	if q.filtered = filtered; detail != "" {
		fault("filtered", detail)
	}
	sequence := func(name string) (n uint64, given bool) {
		text := values.Get(name)
		if text == "" {
			return 0, false
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			fault(name, "must be a stream sequence, such as stream_seq in the response of the ingest endpoint")
		}
		return n, true
	}
	q.minSeq, _ = sequence("min_seq")
	if n, given := sequence("at_seq"); given {
		q.atSeq = &n
	}
	if text := values.Get("at"); text != "" {
		at, err := moment(text)
		if err != nil || q.atSeq != nil {
			fault("at", "must be a day such as 2026-11-20, which stands for its end (UTC), or a time such as 2026-11-20T10:00:00Z, without at_seq beside it")
		}
		q.at = &at
	}
	if text := values.Get("wait"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > maxWait {
			fault("wait", `must be a duration such as "5s", up to "60s"`)
		}
		q.wait = &d
	}
	if len(faults) > 0 {
		return q, problem.BadRequest("A query parameter is not valid. Fix the fields in errors.", faults...)
	}
	return q, nil
}

// moment reads a time, or the last moment of a day.
func moment(text string) (canonical.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return canonical.TimeOf(day.AddDate(0, 0, 1)) - 1, nil
	}
	return canonical.ParseTime(text)
}

// behind answers a client that asked for more than has been applied within its patience. It is no failure of ours, so
// it is not logged.
func behind(applied, sought uint64, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	p := problem.Unavailable(time.Second)
	p.Expected = true
	p.Title = "Not applied yet"
	p.Extension = fmt.Appendf(nil, `"applied_seq":%d,"min_seq":%d`, applied, sought)
	return p
}

// unreadable answers for an experiment that is being recomputed since before the program was started.
func unreadable(v *sums.View) error {
	p := problem.Unavailable(time.Second)
	p.Expected = true
	p.Title = "Recalculating"
	p.Detail = "A change of the definition is processed in the background, and the earlier readout was lost in a restart. Send the request again in a moment, or use at_seq for an older state."
	if r := v.Recomputing; r != nil {
		p.Extension = fmt.Appendf(nil, `"persons_done":%d,"persons":%d`, r.Done, r.Of)
	}
	return p
}

func elsewhen(at, now uint64) error {
	detail := fmt.Sprintf("The readout is available as of sequence %d only: this process keeps no earlier states.", now)
	if at > now {
		detail = fmt.Sprintf("Sequence %d has not been applied yet; the newest is %d. Ask with min_seq to wait for it.", at, now)
	}
	return problem.Problem{
		Status: http.StatusUnprocessableEntity, Detail: detail,
		Errors: []problem.FieldError{{Pointer: "/at_seq", Detail: fmt.Sprintf("must be %d, or left out", now)}},
	}
}

var _ State = (*core.Fold)(nil)

// Past rebuilds earlier states of the core.
type Past interface {
	// At is the state after the last record at or below a stream sequence that was applied. If that takes longer than ctx
	// lasts, it fails with an *Underway and continues, so that a later call finds more of it done.
	At(ctx context.Context, seq uint64) (*sums.View, error)
}

// Moments knows when what was received.
type Moments interface {
	// SeqAt is the sequence up to which everything had been received by a moment, 0 if that is nothing.
	SeqAt(ctx context.Context, at canonical.Time) (uint64, error)
}

// then turns a moment into a sequence: the state that was known at that time, at the most the newest.
func (a *readouts) then(c echo.Context, at canonical.Time) (uint64, error) {
	fault := func(detail string) error {
		return problem.Problem{Status: http.StatusUnprocessableEntity, Detail: detail, Errors: []problem.FieldError{{Pointer: "/at", Detail: detail}}}
	}
	if a.opts.Moments == nil {
		return 0, fault("This process cannot look up times. Use at_seq.")
	}
	seq, err := a.opts.Moments.SeqAt(c.Request().Context(), at)
	if err != nil {
		return 0, err
	}
	if seq == 0 {
		return 0, fault("Nothing had been received by " + at.String() + ".")
	}
	return min(seq, a.opts.State.View().Seq), nil
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

// pastWait is how long a former state is waited for if the client does not say.
const pastWait = 30 * time.Second

// viewOf is the state that a client asks for: the newest, one in which the experiment stands for something that was just
// written, or a former one.
func (a *readouts) viewOf(c echo.Context, id string, q asked) (*sums.View, error) {
	if q.at != nil {
		seq, err := a.then(c, *q.at)
		if err != nil {
			return nil, err
		}
		q.atSeq = &seq
	}
	v := a.opts.State.View()
	if asOf(v, id) < q.minSeq {
		ctx, cancel := context.WithTimeout(c.Request().Context(), q.patience(defaultWait))
		defer cancel()
		var err error
		if v, err = a.opts.State.Until(ctx, func(v *sums.View) bool { return asOf(v, id) >= q.minSeq }); err != nil {
			return nil, behind(asOf(v, id), q.minSeq, err)
		}
	}
	if q.atSeq == nil || *q.atSeq == asOf(v, id) {
		return v, nil
	}
	if a.opts.Past == nil || *q.atSeq > v.Seq {
		return nil, elsewhen(*q.atSeq, asOf(v, id))
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), q.patience(pastWait))
	defer cancel()
	v, err := a.opts.Past.At(ctx, *q.atSeq)
	if underway := (*Underway)(nil); errors.As(err, &underway) {
		p := problem.Unavailable(5 * time.Second)
		p.Expected = true
		p.Title = fmt.Sprintf("The state at sequence %d is being made from the log; %d are applied. Ask again.", underway.Sought, underway.Applied)
		p.Extension = fmt.Appendf(nil, `"applied_seq":%d,"at_seq":%d`, underway.Applied, underway.Sought)
		return nil, p
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

// askFiltered reads whether bots and internal users are to be counted; a detail says why it cannot be read.
func askFiltered(values url.Values) (counted bool, detail string) {
	switch values.Get("filtered") {
	case "", readout.Exclude:
		return false, ""
	case readout.Include:
		return true, ""
	}
	return false, "must be exclude, the default, or include"
}

// maxPages bounds what one state of the core may fill.
const maxPages = 1024

// cache keeps the requested readouts of the newest View.
type cache struct {
	mu    sync.Mutex
	view  *sums.View
	pages map[readout.Question]*page
}

// page is an encoded readout. The first caller makes it, the others wait.
type page struct {
	once sync.Once
	body []byte
	tag  string
	err  error
}

// get finds the readout or makes it. What cannot be made is not kept.
func (c *cache) get(v *sums.View, k readout.Question, content func() ([]byte, error)) (*page, error) {
	p := c.page(v, k)
	p.once.Do(func() {
		if p.body, p.err = content(); p.err == nil {
			p.tag = tagOf(p.body)
		}
	})
	if p.err != nil {
		c.drop(k, p)
	}
	return p, p.err
}

func (c *cache) page(v *sums.View, k readout.Question) *page {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.view == nil, v != c.view && v.Seq >= c.view.Seq, v == c.view && len(c.pages) >= maxPages && c.pages[k] == nil:
		c.view, c.pages = v, map[readout.Question]*page{}
	case v != c.view: // a slow caller still holds an older one
		return &page{}
	}
	p := c.pages[k]
	if p == nil {
		p = &page{}
		c.pages[k] = p
	}
	return p
}

func (c *cache) drop(k readout.Question, p *page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages[k] == p {
		delete(c.pages, k)
	}
}
