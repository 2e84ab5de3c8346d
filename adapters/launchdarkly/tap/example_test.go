package tap_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldbuilders"
	ld "github.com/launchdarkly/go-server-sdk/v7"
	"github.com/launchdarkly/go-server-sdk/v7/ldcomponents"
	"github.com/launchdarkly/go-server-sdk/v7/ldhooks"
	"github.com/launchdarkly/go-server-sdk/v7/testhelpers/ldtestdata"

	"github.com/tracklayer/tracklayer/adapters/launchdarkly/tap"
	tracklayer "github.com/tracklayer/tracklayer/sdk/go"
)

// A client of LaunchDarkly's SDK that reports to TrackLayer as well.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // stands for TrackLayer
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprint(w, `{"accepted":1,"rejected":0}`)
	}))
	defer server.Close()
	flags := ldtestdata.DataSource() // stands for LaunchDarkly
	flags.UsePreconfiguredFlag(ldbuilders.NewFlagBuilder("checkout").On(true).Variations(ldvalue.String("old"), ldvalue.String("new")).
		Fallthrough(ldbuilders.Experiment(ldvalue.NewOptionalInt(61), ldbuilders.Bucket(1, 100000))).Build())

	t, err := tap.New(tracklayer.Options{URL: server.URL, Source: "launchdarkly"})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := ld.MakeCustomClient("sdk-1", ld.Config{
		Hooks:      []ldhooks.Hook{t},
		DataSource: flags, Events: ldcomponents.NoEvents(), Logging: ldcomponents.NoLogging(),
	}, time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	variant, err := client.StringVariation("checkout", ldcontext.New("user-1"), "old")
	if err != nil {
		fmt.Println(err)
	}
	if err := t.Close(context.Background()); err != nil { // sends what waits
		fmt.Println(err)
	}
	fmt.Println(variant, t.Counts().Sent)
	// Output: new 1
}
