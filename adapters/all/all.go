// Package all is the list of the vendors' adapters, one line a vendor. It is apart from package adapters because that
// is what every adapter imports. The program imports it; no adapter may.
package all

import (
	"slices"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/adapters/custom"
	"github.com/tracklayer/tracklayer/adapters/growthbook"
	"github.com/tracklayer/tracklayer/adapters/launchdarkly"
	"github.com/tracklayer/tracklayer/adapters/optimizely"
	"github.com/tracklayer/tracklayer/adapters/otel"
	"github.com/tracklayer/tracklayer/adapters/posthog"
	"github.com/tracklayer/tracklayer/adapters/statsig"
	"github.com/tracklayer/tracklayer/adapters/vwo"
)

// All lists the adapters, in the order of their vendors' names.
func All() []adapters.Adapter {
	return []adapters.Adapter{
		custom.Adapter,
		growthbook.Adapter,
		launchdarkly.Adapter,
		optimizely.Adapter,
		otel.Adapter,
		posthog.Adapter,
		statsig.Adapter,
		vwo.Adapter,
	}
}

// Vendors lists the vendors' names, for a sentence that says which there are.
func Vendors() []string {
	list := All()
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Vendor
	}
	return names
}

// ByVendor finds the adapter of a vendor.
func ByVendor(name string) (adapters.Adapter, bool) {
	list := All()
	i := slices.IndexFunc(list, func(a adapters.Adapter) bool { return a.Vendor == name })
	if i < 0 {
		return adapters.Adapter{}, false
	}
	return list[i], true
}
