package statsig

import (
	"strings"

	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// kind is what an event says it is. Text that is none of ours never becomes a word, so a sender cannot make up metric
// labels.
type kind uint8

const (
	noKind kind = iota // no name, or one that is no string
	custom             // a customer's own event: a conversion
	configExposure
	layerExposure
	gateExposure
	experimentExposure // in webhooks only
	configChange       // in webhooks only
	diagnostics
	nonExposedChecks
	logLine
	valueMismatch
	autoCapture // of @statsig/web-analytics
	internal    // any other name that is Statsig's own
)

// kinds are the words for events that do not count, by kind.
var kinds = [...]string{
	noKind: "nameless", custom: "custom", configExposure: "not_an_experiment", layerExposure: "layer_default", gateExposure: "gate_exposure",
	experimentExposure: "experiment_exposure", configChange: "config_change", diagnostics: "diagnostics",
	nonExposedChecks: "non_exposed_checks", logLine: "log_line", valueMismatch: "default_value_type_mismatch", autoCapture: "auto_capture", internal: "statsig_internal",
}

// parseKind knows the names that begin with "statsig::" (GO logger.go; WEB EventNames; DOCS
// snippets/integration_event_formats.mdx for the two of webhooks). Everything else is a customer's.
func parseKind(name string) kind {
	rest, ok := strings.CutPrefix(name, "statsig::")
	if !ok {
		if strings.HasPrefix(name, "auto_capture::") {
			return autoCapture
		}
		return custom
	}
	switch rest {
	case "config_exposure":
		return configExposure
	case "layer_exposure":
		return layerExposure
	case "gate_exposure":
		return gateExposure
	case "experiment_exposure":
		return experimentExposure
	case "config_change":
		return configChange
	case "diagnostics":
		return diagnostics
	case "non_exposed_checks":
		return nonExposedChecks
	case "log_line":
		return logLine
	case "default_value_type_mismatch":
		return valueMismatch
	}
	return internal
}

// person is a user object. What may be private is never read: email, ip, privateAttributes, which GO LogImmediate does send,
// and of custom what is not kept.
type person struct {
	given     bool
	userID    field.Scalar // a number where NODE was given one
	userAgent field.Scalar
	name      field.Scalar // of who changed something in the console
	ids       []customID
	names     []byte // of ids, one after the other: a member's name is valid only while it is read
	kept      []keptAttribute
}

// keptAttribute is an attribute of a user that becomes one of the event.
type keptAttribute struct {
	name string
	raw  []byte // of a JSON text, number or boolean; aliases the body
}

type customID struct {
	from, to int // its name in names
	value    field.Scalar
}

func (p *person) reset() { *p = person{ids: p.ids[:0], names: p.names[:0], kept: p.kept[:0]} }

// of is a custom id by its name, whose case does not matter (GO evaluator.go getUnitID looks it up as given, then in
// lower case).
func (p *person) of(name string) string {
	for i := len(p.ids) - 1; i >= 0; i-- {
		id := &p.ids[i]
		if id.value.S != "" && len(name) == id.to-id.from && strings.EqualFold(string(p.names[id.from:id.to]), name) {
			return id.value.S
		}
	}
	return ""
}

func isUserID(unit string) bool   { return strings.EqualFold(unit, "userID") }
func isStableID(unit string) bool { return strings.EqualFold(unit, "stableID") }

// metadata are the members that are read of an event's metadata: NODE and WEB send numbers and objects among them, GO
// and CORE texts alone.
type metadata struct {
	config, gate, gateValue, ruleID, rulePassed, reason     field.Scalar
	allocatedExperiment, parameterName, isManual, groupName field.Scalar
	kind, name, description, action                         field.Scalar // of a config change
	raw                                                     []byte
}

// wire is one item in the vendor's words: the members that are read, the others were passed over.
type wire struct {
	kind  kind
	name  field.Scalar
	value field.Scalar
	time  field.Scalar
	who   person
	meta  metadata

	userID, stableID field.Scalar // of webhooks, beside the user
	unitID           field.Scalar // webhooks: the name of the unit's kind
	timeUUID         field.Scalar // webhooks: the event's id
	samplingRate     field.Scalar
	secondary        []byte // the gates that were checked on the way

	experimentName, gateName, group, ruleID, passes field.Scalar // of an exposure logged by hand over HTTP
}

func (w *wire) reset() {
	who := w.who
	*w = wire{who: who}
	w.who.reset()
}

// reader walks a body and holds one item at a time. Of members with one name the last one wins.
type reader struct {
	c   jsonscan.Cursor
	all []byte // what c walks over
	w   wire
	who *person // the user being read

	wanted map[string]string // attributes of users that are kept: the name of the event's by the user's
}

// keep reads an attribute of the user being read, if it is to be kept and is a text, a number or a boolean.
func (r *reader) keep(name []byte) error {
	kept, wanted := r.wanted[string(name)]
	first := r.c.Peek()
	if !wanted || first != '"' && first != '0' && first != 't' && first != 'f' {
		return r.c.Skip()
	}
	raw, err := r.c.Raw()
	r.who.kept = append(r.who.kept, keptAttribute{kept, raw})
	return err
}

func (r *reader) scalar(dst *field.Scalar) error { return field.ReadScalar(&r.c, dst) }

// object reads the members of an object with fn and passes over anything else.
func (r *reader) object(fn func(name []byte) error) error {
	_, err := field.ReadObject(&r.c, fn)
	return err
}

func (r *reader) item() error {
	r.w.reset()
	return r.c.Object(r.member)
}

func (r *reader) member(name []byte) error {
	w := &r.w
	switch string(name) {
	case "eventName", "event": // "event": the incoming webhook, and the form of Segment and Stitch
		if err := r.scalar(&w.name); err != nil {
			return err
		}
		w.kind = noKind
		if w.name.First == '"' && w.name.S != "" {
			w.kind = parseKind(w.name.S)
		}
		return nil
	case "user":
		return r.user(&w.who)
	case "metadata":
		return r.metadata()
	case "value":
		return r.scalar(&w.value)
	case "time", "timestamp":
		return r.scalar(&w.time)
	case "statsigMetadata":
		return r.object(r.statsigMember)
	case "secondaryExposures":
		raw, err := r.c.Raw()
		w.secondary = raw
		return err
	case "context": // Segment and Stitch: {user, value, metadata}
		return r.object(r.contextMember)
	}
	if dst := w.rare(name); dst != nil {
		return r.scalar(dst)
	}
	return r.c.Skip()
}

func (w *wire) rare(name []byte) *field.Scalar {
	switch string(name) {
	case "timeUUID":
		return &w.timeUUID
	case "unitID":
		return &w.unitID
	case "userID", "userId":
		return &w.userID
	case "stableId", "stableID":
		return &w.stableID
	case "experimentName":
		return &w.experimentName
	case "gateName":
		return &w.gateName
	case "group":
		return &w.group
	case "ruleID":
		return &w.ruleID
	case "passes":
		return &w.passes
	}
	return nil
}

func (r *reader) contextMember(name []byte) error {
	switch string(name) {
	case "user":
		return r.user(&r.w.who)
	case "metadata":
		return r.metadata()
	case "value":
		return r.scalar(&r.w.value)
	}
	return r.c.Skip()
}

func (r *reader) statsigMember(name []byte) error {
	if string(name) == "samplingRate" {
		return r.scalar(&r.w.samplingRate)
	}
	return r.c.Skip()
}

func (r *reader) user(dst *person) error {
	dst.reset()
	dst.given = r.c.Peek() == '{'
	r.who = dst
	return r.object(r.userMember)
}

func (r *reader) userMember(name []byte) error {
	switch string(name) {
	case "userID":
		return r.scalar(&r.who.userID)
	case "userAgent":
		return r.scalar(&r.who.userAgent)
	case "name":
		return r.scalar(&r.who.name)
	case "customIDs":
		r.who.ids, r.who.names = r.who.ids[:0], r.who.names[:0]
		return r.object(r.customIDMember)
	case "custom":
		return r.object(r.keep)
	case "email", "ip", "privateAttributes":
		return r.c.Skip()
	}
	return r.keep(name)
}

// maxCustomIDs bounds what is kept of a user. Projects have a handful of unit kinds.
const maxCustomIDs = 32

func (r *reader) customIDMember(name []byte) error {
	if len(r.who.ids) == maxCustomIDs {
		return r.c.Skip()
	}
	p := r.who
	from := len(p.names)
	p.names = append(p.names, name...)
	p.ids = append(p.ids, customID{from: from, to: len(p.names)})
	return r.scalar(&p.ids[len(p.ids)-1].value)
}

func (r *reader) metadata() error {
	r.w.meta = metadata{}
	r.c.Peek() // moves to the value
	from := r.c.Offset()
	err := r.object(r.metadataMember)
	r.w.meta.raw = r.all[from:r.c.Offset()]
	return err
}

func (r *reader) metadataMember(name []byte) error {
	if dst := r.w.meta.member(name); dst != nil {
		return r.scalar(dst)
	}
	return r.c.Skip()
}

func (m *metadata) member(name []byte) *field.Scalar {
	switch string(name) {
	case "config":
		return &m.config
	case "gate":
		return &m.gate
	case "gateValue":
		return &m.gateValue
	case "ruleID":
		return &m.ruleID
	case "rulePassed":
		return &m.rulePassed
	case "reason":
		return &m.reason
	case "allocatedExperiment":
		return &m.allocatedExperiment
	case "parameterName":
		return &m.parameterName
	case "isManualExposure":
		return &m.isManual
	case "experimentGroupName":
		return &m.groupName
	case "type":
		return &m.kind
	case "name":
		return &m.name
	case "description":
		return &m.description
	case "action":
		return &m.action
	}
	return nil
}
