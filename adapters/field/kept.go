package field

import (
	"cmp"
	"maps"
)

// kept are the attributes that are kept by default, by the names that customers and SDKs give them.
var kept = map[string]string{
	"country": "country", "region": "region", "language": "language", "locale": "language", "platform": "platform", "deviceType": "device_type",
	"device_type": "device_type", "os": "os", "browser": "browser", "appVersion": "app_version", "app_version": "app_version", "plan": "plan",
	"utm_source": "utm_source", "utm_medium": "utm_medium", "utm_campaign": "utm_campaign", "utm_term": "utm_term", "utm_content": "utm_content",
}

// Kept are the attributes that a source keeps: the name of an event's attribute by the sender's. They are the default ones, those
// of the vendor's own spelling in also, and those that the source's options name.
func Kept(also map[string]string, named []string) map[string]string {
	all := maps.Clone(kept)
	maps.Copy(all, also)
	for _, name := range named {
		all[name] = cmp.Or(all[name], name)
	}
	return all
}
