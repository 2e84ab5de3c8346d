package posthog

import (
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// event is what is read of one item, in the vendor's words.
type event struct {
	object   bool // the item is an object
	name     string
	uuid     string
	distinct string // beside the event
	broken   error  // the item is not valid JSON
	at       moment // timestamp
	offset   moment // milliseconds before sending
	clock    moment // properties.$time, in seconds
	token    string
	noSkew   bool // options.disable_skew_correction, $ignore_sent_at
	group    bool // the item is wrapped as a webhook wraps it

	distinctIn, insertID, anonymous, alias, lib, userID, agent string // properties
	device, system                                             string // $device_id, $os
	flag, response                                             string
	responds                                                   bool // the response is a text
	overridden, cookieless                                     bool
	experiment, identified, person                             field.Tri
	value, revenue, total, named, currency                     scalar
	order                                                      string // the order's id, by which refunds find it
	orderRank                                                  int
	groups                                                     []canonical.Group
	attributes, asked                                          adapters.Attributes // by default, and by the option
	stamps                                                     map[string]string   // $feature/ of the flags that have a custom exposure event
	log                                                        activity
}

// activity is an entry of the vendor's activity log.
type activity struct {
	scope, item, title string
	changes            []change
}

type change struct{ field, before, after string }

// request is a body taken apart. What stands beside the events may come after them.
type request struct {
	events []event
	token  string
	sentAt moment
	batch  bool
	single event
}

// reader reads a body.
type reader struct {
	c      jsonscan.Cursor
	o      *options
	req    request
	e      *event
	broken map[int]error // items that are not valid JSON, by their offset
}

// readRequest takes a body apart: an array of events, an object with a batch, one event, or what a webhook wraps one in.
// If isolate is set, an item that is not valid JSON does not concern the others.
func readRequest(body []byte, o *options, isolate bool) (request, error) {
	req, err := (&reader{c: jsonscan.New(body), o: o}).request()
	if err == nil || !isolate {
		return req, err
	}
	if isolated, broken := adapters.Isolate(body); isolated != nil {
		return (&reader{c: jsonscan.New(isolated), o: o, broken: broken}).request()
	}
	return req, err
}

func (r *reader) request() (request, error) {
	var err error
	if r.c.Peek() == '[' {
		r.req.batch = true
		err = r.c.Array(r.element)
	} else {
		r.e = &r.req.single
		r.e.object = true
		err = r.c.Object(r.top)
	}
	if err == nil {
		err = r.c.End()
	}
	if err == nil && !r.req.batch {
		r.req.events = []event{r.req.single}
	}
	return r.req, err
}

func (r *reader) element(int) error {
	r.req.events = append(r.req.events, event{})
	r.e = &r.req.events[len(r.req.events)-1]
	if r.c.Peek() != '{' {
		r.e.broken = r.broken[r.c.Offset()]
		return r.c.Skip()
	}
	r.e.object = true
	return r.c.Object(r.member)
}

// top reads a member beside the events, or of the only one.
func (r *reader) top(name []byte) error {
	switch string(name) {
	case "batch", "data":
		switch r.c.Peek() {
		case '[':
			r.req.batch = true
			return r.c.Array(r.element)
		case '{': // {hook, data}
			r.e = &r.req.single
			r.e.group = true
			return r.c.Object(r.member)
		}
		return r.c.Skip()
	case "sent_at":
		return r.moment(&r.req.sentAt)
	case "api_key", "token":
		return r.text(&r.req.token)
	case "event":
		if r.c.Peek() == '{' { // {event, person}
			r.e = &r.req.single
			r.e.group = true
			return r.c.Object(r.member)
		}
	}
	r.e = &r.req.single
	return r.member(name)
}

// member reads a member of an event.
func (r *reader) member(name []byte) error {
	e := r.e
	switch string(name) {
	case "event", "name":
		if e.name != "" && string(name) == "name" {
			return r.c.Skip()
		}
		return r.text(&e.name)
	case "uuid", "eventUuid":
		return r.text(&e.uuid)
	case "distinct_id", "$distinct_id", "distinctId":
		return r.id(&e.distinct)
	case "timestamp":
		return r.moment(&e.at)
	case "offset":
		return r.moment(&e.offset)
	case "api_key", "token", "$token":
		return r.text(&e.token)
	case "properties":
		if r.c.Peek() == '{' {
			return r.c.Object(r.property)
		}
	case "options":
		if r.c.Peek() == '{' {
			return r.c.Object(r.option)
		}
	}
	return r.c.Skip()
}

func (r *reader) option(name []byte) error {
	switch string(name) {
	case "disable_skew_correction":
		return r.flag(&r.e.noSkew)
	case "cookieless_mode":
		return r.flag(&r.e.cookieless)
	}
	return r.c.Skip()
}

// property reads one property of an event.
func (r *reader) property(name []byte) error {
	e := r.e
	if len(name) > 0 && name[0] == '$' {
		return r.own(name)
	}
	if err := r.ask(name); err != nil {
		return err
	}
	if r.o.value != "" && string(name) == r.o.value {
		return r.scalar(&e.named)
	}
	if rank := r.o.orderRank(name); rank > 0 {
		return r.order(rank)
	}
	if attribute := kept(name); attribute != "" {
		return r.keep(attribute)
	}
	switch string(name) {
	case "distinct_id":
		return r.id(&e.distinctIn)
	case "token":
		return r.text(&e.token)
	case "alias":
		return r.id(&e.alias)
	case "value":
		return r.scalar(&e.value)
	case "revenue":
		return r.scalar(&e.revenue)
	case "total":
		return r.scalar(&e.total)
	case "currency":
		return r.scalar(&e.currency)
	case "scope":
		return r.text(&e.log.scope)
	case "item_id":
		return r.id(&e.log.item)
	case "detail":
		return r.object(r.detail)
	}
	return r.c.Skip()
}

// own reads a property of PostHog's own.
func (r *reader) own(name []byte) error {
	e := r.e
	if err := r.ask(name); err != nil {
		return err
	}
	if attribute := kept(name); attribute != "" {
		return r.keep(attribute)
	}
	switch string(name) {
	case "$groups":
		return r.object(r.group)
	case "$device_id":
		return r.id(&e.device)
	case "$os", "$os_name":
		return r.text(&e.system)
	case "$time":
		return r.moment(&e.clock)
	case "$feature_flag":
		return r.text(&e.flag)
	case "$feature_flag_response":
		e.responds = r.c.Peek() == '"'
		return r.text(&e.response)
	case "$feature_flag_has_experiment":
		return r.truth(&e.experiment)
	case "$feature_flag_original_response":
		e.overridden = r.c.Peek() != 'n'
		return r.c.Skip()
	case "$insert_id":
		return r.text(&e.insertID)
	case "$anon_distinct_id":
		return r.id(&e.anonymous)
	case "$is_identified":
		return r.truth(&e.identified)
	case "$process_person_profile":
		return r.truth(&e.person)
	case "$user_id":
		return r.id(&e.userID)
	case "$lib":
		return r.text(&e.lib)
	case "$raw_user_agent", "$user_agent":
		return r.text(&e.agent)
	case "$cookieless_mode":
		return r.flag(&e.cookieless)
	case "$ignore_sent_at":
		return r.flag(&e.noSkew)
	}
	if len(r.o.exposures) > 0 && r.c.Peek() == '"' {
		return r.stamp(name)
	}
	return r.c.Skip()
}

func (r *reader) stamp(name []byte) error {
	flag, ok := strings.CutPrefix(string(name), "$feature/")
	for _, of := range r.o.exposures {
		if ok && of == flag {
			if r.e.stamps == nil {
				r.e.stamps = map[string]string{}
			}
			value := ""
			err := r.text(&value)
			r.e.stamps[flag] = value
			return err
		}
	}
	return r.c.Skip()
}

func (r *reader) object(member func([]byte) error) error {
	if r.c.Peek() != '{' {
		return r.c.Skip()
	}
	return r.c.Object(member)
}

// detail reads an activity's detail: {name, changes: [{field, before, after}]}.
func (r *reader) detail(name []byte) error {
	switch string(name) {
	case "name":
		return r.text(&r.e.log.title)
	case "changes":
		if r.c.Peek() == '[' {
			return r.c.Array(func(int) error {
				r.e.log.changes = append(r.e.log.changes, change{})
				return r.object(r.change)
			})
		}
	}
	return r.c.Skip()
}

func (r *reader) change(name []byte) error {
	c := &r.e.log.changes[len(r.e.log.changes)-1]
	switch string(name) {
	case "field":
		return r.text(&c.field)
	case "before":
		return r.text(&c.before)
	case "after":
		return r.text(&c.after)
	}
	return r.c.Skip()
}

// The readers of single values. Each consumes exactly one value; one of another type is as good as missing.

// moment reads a time. Null and the empty text are as good as none.
func (r *reader) moment(dst *moment) error {
	kind := r.c.Peek()
	*dst = moment{set: kind != 'n', number: kind == '0'}
	err := r.id(&dst.text)
	if dst.text = strings.TrimSpace(dst.text); kind == '"' && dst.text == "" {
		dst.set = false
	}
	return err
}

func (r *reader) scalar(dst *scalar) error {
	kind := r.c.Peek()
	if kind != '"' && kind != '0' {
		return r.c.Skip()
	}
	dst.set = true
	return r.id(&dst.text)
}

func (r *reader) truth(dst *field.Tri) error {
	said := false
	k := r.c.Peek()
	if err := r.flag(&said); err != nil || k != 't' && k != 'f' {
		return err
	}
	if *dst = field.No; said {
		*dst = field.Yes
	}
	return nil
}
