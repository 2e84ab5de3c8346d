package vwo

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
)

// hookHeader carries a webhook's secret as it is. VWO's page on webhooks speaks of an HMAC in one line; its description
// and its samples compare the key itself.
const hookHeader = "X-Vwo-Auth"

// verify accepts the secret of the settings webhook, or an SDK's key: batches name it in Authorization, every other
// request in the query's env (NODE, GO, FME), those for settings in i. A request with a webhook's secret stands or falls
// by it.
func verify(_ adapters.Source, secret []byte, e adapters.Envelope) error {
	if given := e.Header.Values(hookHeader); len(given) > 0 {
		if adapters.SameSecret(secret, strings.TrimSpace(given[0])) {
			return nil
		}
		return fmt.Errorf("%w: x-vwo-auth is not the webhook's secret", adapters.ErrUnauthorized)
	}
	given := []string{e.Header.Get("Authorization"), param(e.RawQuery, "env"), param(e.RawQuery, "i")}
	for i := range given {
		given[i] = strings.TrimSpace(given[i])
	}
	if adapters.SameSecret(secret, given...) {
		return nil
	}
	return fmt.Errorf("%w: neither an SDK key in Authorization nor one in the query's env", adapters.ErrUnauthorized)
}

// reply answers 200 with JSON. FME counts nothing else as success: after a 204 it sends the same again and then reports
// the failure (FME NetworkClient.js, FMEGO network_client.go, GO connection.go). NODE tries again after everything that
// is no 2xx, FME after everything but 400, so what may pass is 503.
func reply(_ adapters.Envelope, o adapters.Outcome) adapters.Response {
	body := `{"status":"failure"}`
	if o.Err == nil {
		body = `{"status":"success"}`
	}
	return adapters.Response{Status: o.Status(http.StatusOK), ContentType: "application/json", Body: []byte(body)}
}
