package webhooks

import (
	"net/http"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/problem"
)

// Kinds of refused credentials, as Options.Refused is called with.
const (
	RefusedKey       = "key"       // a key that is none of the installation's
	RefusedSignature = "signature" // a vendor's request that no secret of its source verifies
)

// Where a write key may stand, beside the Authorization header. A beacon can set no header, so it has the query.
const (
	headerKey = "X-Tracklayer-Key"
	paramKey  = "key"
)

const challenge = `Bearer realm="tracklayer"`

// authorize asks for a key that may write to the source. Every key that is presented is tried: a proxy may have put its
// own into Authorization.
func (d *Ingest) authorize(r *http.Request, source string) error {
	if d.WriteKey == nil {
		return nil
	}
	presented, origin := false, r.Header.Get("Origin")
	for _, key := range [...]string{r.Header.Get(headerKey), problem.Bearer(r.Header.Get("Authorization")), queryKey(r)} {
		if key == "" {
			continue
		}
		if d.WriteKey(key, source, origin) || d.EditKey != nil && d.EditKey(key) {
			return nil
		}
		presented = true
	}
	if presented {
		d.refused(r, RefusedKey)
		return problem.Forbidden("This key does not open writing here. Send one of keys.write; one that is bound to sources or origins opens those only.")
	}
	return problem.Unauthorized(challenge,
		"Send a write key: Authorization: Bearer KEY, or X-Tracklayer-Key: KEY, or ?key=KEY where no header can be set.")
}

// refused reports wrong credentials, and comes back when the caller may have its answer.
func (d *Ingest) refused(r *http.Request, kind string) {
	if d.Refused != nil {
		d.Refused(r, kind)
	}
}

// mayEdit reports whether the request comes from a caller who may change experiments: one with an admin key, or, if none
// is needed, any that is no web page from elsewhere.
func (d *Ingest) mayEdit(r *http.Request) bool {
	if d.EditKey == nil {
		asked := *r
		asked.Method = http.MethodPost // a GET is checked as strictly
		return http.NewCrossOriginProtection().Check(&asked) == nil
	}
	for _, key := range [...]string{r.Header.Get(headerKey), problem.Bearer(r.Header.Get("Authorization"))} {
		if key != "" && d.EditKey(key) {
			return true
		}
	}
	return false
}

// undeclared reports whether an event is ignored because its source takes those of declared experiments only.
func (d *Ingest) undeclared(e *canonical.Event) bool {
	if e.ExperimentID == "" || d.Experiments == nil {
		return false
	}
	if !d.DeclaredOnly {
		if s := d.sources[e.Source]; s == nil || !s.DeclaredOnly {
			return false
		}
	}
	return !d.Experiments.Declared(e.Source, e.ExperimentID, e.SourceExperiment)
}

func queryKey(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.Query().Get(paramKey)
}
