package otel

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// decoder is one request being decoded.
type decoder struct {
	reader
	source   adapters.Source
	envelope adapters.Envelope
	settings options
	batch    adapters.Batch
	record   record
	browser  string // the user agent of a browser that sends itself
	made     []byte // memory of attributes that were written
}

func decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	if e.Method != http.MethodPost || isOtherSignal(e.Path) {
		return adapters.Batch{}, fmt.Errorf("%w; point the exporter of logs alone here", adapters.ErrNotServed)
	}
	o, err := readOptions(s.Options)
	if err != nil {
		return adapters.Batch{}, adapters.Unreadable("options of source %s: %v", s.Name, err)
	}
	d := decoder{source: s, envelope: e, settings: o}
	if ua := e.Header.Get("User-Agent"); strings.HasPrefix(ua, "Mozilla/") {
		d.browser = ua
	}
	if isJSON(e) {
		d.c = jsonscan.New(e.Body)
		err = d.json()
	} else {
		err = d.protobuf(string(e.Body))
	}
	if err != nil {
		return adapters.Batch{}, adapters.Unreadable("must be an ExportLogsServiceRequest of OTLP: %v", err)
	}
	return d.batch, nil
}

// isOtherSignal knows the paths of traces, metrics and profiles, which an exporter that knows one address only sends there
// as well (OTLP specification, OTLP/HTTP Request).
func isOtherSignal(path string) bool {
	return strings.HasSuffix(path, "/traces") || strings.HasSuffix(path, "/metrics") || strings.HasSuffix(path, "/profiles")
}

func fault(field, detail string) error { return &canonical.FieldError{Field: field, Detail: detail} }

func (d *decoder) reject(err error) {
	d.batch.Reject(d.batch.Items, err)
	d.batch.Items++
}

// notAnExposure says why a record is none, "" for one that is. The conventions leave most attributes to the provider, so
// only what is certain counts: reasons that the source's options name, by default split, a random assignment, and
// targeting_match, a rule's result. default, disabled, static and error are no decisions about a person; cached repeats
// an earlier evaluation, or a static one; unknown and nothing tell nothing.
func (d *decoder) notAnExposure() string {
	r := &d.record
	if !r.isEvaluation() {
		return "other_event"
	}
	why := strings.ToLower(r.first(reason, reasonOld)) // OpenFeature writes it in capitals, the conventions do not
	if why == "" {
		why = "unknown"
	}
	switch failure := r.values[errorType]; {
	case failure.kind == compound || failure.text != "" || why == "error":
		return "error"
	case d.settings.sets != nil && !d.settings.sets[r.first(setID)]:
		return "other_set"
	case d.settings.flags != nil && !d.settings.flags[r.first(flagKey)]:
		return "other_flag"
	case !d.settings.counts(why):
		return reasonWord(why)
	case d.variant() == "":
		return "no_variant"
	}
	return ""
}

// reasonWord is a reason as the reason of an ignore. A reason that the conventions do not know is not repeated, so that
// no sender can make up metric labels.
func reasonWord(why string) string {
	switch why {
	case "cached", "default", "disabled", "split", "stale", "static", "targeting_match", "unknown":
		return why
	}
	return "other_reason"
}

// variant is the provider's name of what was served, or the value where the provider has no variants.
func (d *decoder) variant() string {
	r := &d.record
	if s := r.first(variant, variantOld); s != "" {
		return s
	}
	if v := r.values[result]; v.kind == text || v.kind == scalar {
		return v.text
	}
	return ""
}

// item gives the record its outcome.
func (d *decoder) item() {
	if why := d.notAnExposure(); why != "" {
		d.batch.Ignore(why)
		d.batch.Items++
		return
	}
	r := &d.record
	x := canonical.Event{Kind: canonical.Exposed, IDOrigin: canonical.FromContent, ExperimentID: r.first(flagKey), Variant: d.variant()}
	x.SourceExperiment, x.SourceVariant = inSet(r.first(setID), x.ExperimentID), r.first(variant, variantOld)
	nanos := r.time
	if nanos == 0 {
		nanos = r.observed
	}
	who := r.first(contextID)
	switch {
	case x.ExperimentID == "":
		d.reject(fault("feature_flag.key", "is required: a string"))
		return
	case who == "":
		d.reject(fault("feature_flag.context.id", "is required: without it nobody knows whom the evaluation was for"))
		return
	case nanos == 0:
		d.reject(fault("timeUnixNano", "is required"))
		return
	}
	x.At = canonical.Time(nanos / 1_000_000)
	if user := r.first(person); user != "" {
		x.UserID, x.AnonymousID = user, who
	} else if d.settings.anonymous || d.settings.userAttribute != "" {
		x.AnonymousID = who
	} else {
		x.UserID = who
	}
	if uid := r.first(recordUID); isLabel(uid) {
		x.ID, x.IDOrigin = uid, canonical.FromSender
	} else {
		x.ID = canonical.DeriveID("otel", r.trace, r.span, strconv.FormatUint(nanos, 10), r.first(setID), x.ExperimentID, x.Variant, who)
	}
	x.Attributes = d.attributes()
	d.accept(x)
}

// inSet names a flag together with its set, since two sets may have flags of one key: then the readout tells that two
// experiments are counted as one.
func inSet(set, key string) string {
	if set == "" || len(set)+len(key) >= canonical.MaxID {
		return key
	}
	return set + "/" + key
}

// accept hands the event of an item to the batch. Where the contract refuses it, the field is named as the conventions
// name it.
func (d *decoder) accept(x canonical.Event) {
	i := d.batch.Items
	d.batch.Items++
	d.batch.Accept(d.source, d.envelope, i, x)
	last := len(d.batch.Rejected) - 1
	if last < 0 || d.batch.Rejected[last].Index != i {
		return
	}
	field := &d.batch.Rejected[last].Field
	switch *field {
	case "experiment_id", "source_experiment":
		*field = "feature_flag.key"
	case "variant", "source_variant":
		*field = "feature_flag.result.variant"
	case "user_id", "anonymous_id":
		*field = "feature_flag.context.id"
	case "exposed_at":
		*field = "timeUnixNano"
	}
}

// attributes are what an analyst may want to know of an exposure.
func (d *decoder) attributes() json.RawMessage {
	r := &d.record
	ua := r.first(agent)
	if ua == "" {
		ua = d.browser
	}
	start := len(d.made)
	for _, a := range [...]struct{ name, text string }{
		{"user_agent", ua},
		{"provider_name", r.first(provider, providerOld)},
		{"flag_set_id", r.first(setID)},
		{"flag_version", r.first(version)},
		{"reason", strings.ToLower(r.first(reason, reasonOld))},
	} {
		if a.text == "" {
			continue
		}
		separator := byte(',')
		if len(d.made) == start {
			separator = '{'
		}
		d.made = appendQuoted(append(d.made, separator), a.name)
		d.made = appendQuoted(append(d.made, ':'), a.text)
	}
	if len(d.made) == start {
		return nil
	}
	d.made = append(d.made, '}')
	return d.made[start:len(d.made):len(d.made)]
}

func appendQuoted(dst []byte, s string) []byte {
	plain := true
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\'
	}
	if plain {
		return append(append(append(dst, '"'), s...), '"')
	}
	raw, err := json.Marshal(s)
	if err != nil { // a string
		return append(dst, `""`...)
	}
	return append(dst, raw...)
}

// isLabel reports whether a text can be an id of ours: 1 to 200 bytes without control characters.
func isLabel(s string) bool {
	control := func(c rune) bool { return c < ' ' || c >= 0x7f && c <= 0x9f }
	return s != "" && len(s) <= canonical.MaxID && utf8.ValidString(s) && strings.IndexFunc(s, control) < 0
}
