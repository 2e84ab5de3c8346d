package adaptertest_test

import (
	"fmt"
	"os"

	"github.com/tracklayer/tracklayer/adapters/adaptertest"
)

// The adapter of docs/adapters.md decodes one of its requests and keeps the laws.
func Example() {
	text, err := os.ReadFile("testdata/toy/orders.txtar")
	if err != nil {
		fmt.Println(err)
		return
	}
	request, err := adaptertest.ParseGolden("orders", text)
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := request.Decode(Adapter)
	fmt.Println(batch.Items, "orders:", len(batch.Events), "event,", batch.Ignored, batch.Rejected[0].Field, batch.Rejected[0].Reason, err)
	var broken notes
	adaptertest.Check(&broken, Adapter, request)
	fmt.Println("broken laws:", len(broken))
	// Output:
	// 3 orders: 1 event, map[test_order:1] user is required, or anonymous_id <nil>
	// broken laws: 0
}
