package otel

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// decoder is one request being decoded.
type decoder struct {
	reader
	source   adapters.Source
	envelope adapters.Envelope
	settings *options
	batch    adapters.Batch
	record   record
	browser  string // the user agent of a browser that sends itself
	kept     adapters.Attributes
}

func (o *options) decode(s adapters.Source, e adapters.Envelope) (adapters.Batch, error) {
	if e.Method != http.MethodPost || isOtherSignal(e.Path) {
		return adapters.Batch{}, fmt.Errorf("%w; point the exporter of logs alone here", adapters.ErrNotServed)
	}
	d := decoder{source: s, envelope: e, settings: o}
	if ua := e.Header.Get("User-Agent"); field.IsBrowser(ua) {
		d.browser = ua
	}
	var err error
	if isJSON(e) {
		d.c = jsonscan.New(e.Body)
		err = d.json()
	} else {
		err = d.protobuf(message{b: e.Body, s: string(e.Body)})
	}
	if errors.Is(err, adapters.ErrTooLarge) {
		return adapters.Batch{}, err
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

func (d *decoder) reject(err error) {
	d.batch.Reject(d.batch.Items, err)
	d.batch.Items++
}

// ignored counts a record that is no exposure, and reports whether it is one. The conventions leave most attributes to the
// provider, so only what is certain counts: the reasons that the source's options name, by default countedReasons. default,
// disabled, static and error are no decisions about a unit; cached repeats an earlier evaluation, or a static one; unknown
// and nothing tell nothing.
func (d *decoder) ignored() bool {
	r := &d.record
	if !r.isEvaluation() {
		d.batch.Ignore("other_event")
		return true
	}
	why := reasonOf(r)
	switch failure := r.values[errorType]; {
	case failure.kind == compound || failure.text != "" || why == "error":
		d.batch.Ignore("error")
	case d.settings.sets != nil && !d.settings.sets[r.first(setID)]:
		d.batch.Ignore("other_set")
	case d.settings.flags != nil && !d.settings.flags[r.first(flagKey)]:
		d.batch.Ignore("other_flag")
	case !d.settings.counts(why, r.first(provider, providerOld)):
		if knownReasons[why] {
			d.batch.Ignore(why)
		} else {
			d.batch.IgnoreWord("other_reason", why)
		}
	case d.variant() == "":
		d.batch.Ignore("no_variant")
	default:
		return false
	}
	return true
}

// reasonOf is a record's reason in lower case: OpenFeature writes it in capitals, the conventions do not.
func reasonOf(r *record) string {
	if why := strings.ToLower(strings.TrimSpace(r.first(reason, reasonOld))); why != "" {
		return why
	}
	return "unknown"
}

// knownReasons are the reasons of the conventions and those of countedReasons. Ignored evaluations are counted under them as
// they are; any other is a provider's own word.
var knownReasons = map[string]bool{
	"cached": true, "default": true, "disabled": true, "split": true, "stale": true, "static": true, "targeting_match": true, "unknown": true,
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
	if d.ignored() {
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
		d.reject(field.Fault("feature_flag.key", "is required: a string"))
		return
	case who == "":
		d.reject(field.Fault("feature_flag.context.id", "is required: the evaluation has no targeting key, so it cannot be counted for anyone; pass one in the evaluation context"))
		return
	case nanos == 0:
		d.reject(field.Fault("timeUnixNano", "is required"))
		return
	}
	x.At = canonical.Time(nanos / 1_000_000)
	switch user := r.first(person); {
	case user != "" && user != who:
		x.UserID, x.AnonymousID = user, who
	case user != "" || d.settings.contexts == "user":
		x.UserID = who
	case d.settings.contexts == "anonymous" || d.settings.userAttribute != "":
		x.AnonymousID = who
	default: // a targeting key does not tell
		x.UserID, x.AmbiguousID = who, true
	}
	if uid := r.first(recordUID); field.IsLabel(uid) {
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
	path := d.batch.RejectedField(i)
	if path == nil {
		return
	}
	switch *path {
	case "experiment_id", "source_experiment":
		*path = "feature_flag.key"
	case "variant", "source_variant":
		*path = "feature_flag.result.variant"
	case "user_id", "anonymous_id":
		*path = "feature_flag.context.id"
	case "exposed_at":
		*path = "timeUnixNano"
	}
}

// attributes are what an analyst may want to know of an exposure.
func (d *decoder) attributes() json.RawMessage {
	r := &d.record
	ua := r.first(agent)
	if ua == "" {
		ua = d.browser
	}
	d.kept.Reset()
	d.kept.Text("user_agent", ua)
	d.kept.Text("provider_name", r.first(provider, providerOld))
	d.kept.Text("flag_set_id", r.first(setID))
	d.kept.Text("flag_version", r.first(version))
	d.kept.Text("reason", strings.ToLower(r.first(reason, reasonOld)))
	for _, k := range r.kept {
		d.kept.Text(k.name, k.text)
	}
	return d.kept.JSON()
}
