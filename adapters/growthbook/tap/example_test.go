package tap_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	growthbook "github.com/growthbook/growthbook-golang"

	"github.com/tracklayer/tracklayer/adapters/growthbook/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// A client of GrowthBook's SDK that reports to TrackLayer as well.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // stands for TrackLayer
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprint(w, `{"accepted":2,"rejected":0}`) // one exposure, one conversion
	}))
	defer server.Close()

	t, err := tap.New(tracklayer.Options{URL: server.URL, Source: "growthbook"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	client, err := growthbook.NewClient(ctx,
		growthbook.WithClientKey("sdk-1"),
		growthbook.WithJsonFeatures(`{"buy-button":{"rules":[{"key":"checkout-cta","variations":["Buy","Buy now"]}]}}`),
		growthbook.WithAttributes(growthbook.Attributes{"id": "user-1", "user_id": "user-1"}),
		growthbook.WithPlugins(t),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	client.EvalFeature(ctx, "buy-button")
	client.LogEvent(ctx, "purchase", growthbook.EventProperties{"value": 49.9, "currency": "EUR"})
	if err := client.Close(); err != nil { // closes its plugins, which send what waits
		fmt.Println(err)
	}
	fmt.Println("sent:", t.Counts().Sent)
	// Output: sent: 2
}
