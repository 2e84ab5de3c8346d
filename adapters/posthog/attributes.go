package posthog

import (
	"strings"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// kept is the name here of a property that is kept with an event by default, "" for all others. None of them tells who a
// person is. The system and the platform, which servers' SDKs have too, are read apart.
func kept(property []byte) string {
	switch string(property) {
	case "$geoip_country_code":
		return "country"
	case "$geoip_subdivision_1_code":
		return "region"
	case "$browser_language", "$locale":
		return "language"
	case "$device_type":
		return "device_type"
	case "$browser":
		return "browser"
	case "$app_version":
		return "app_version"
	case "plan":
		return "plan"
	case "utm_source":
		return "utm_source"
	case "utm_medium":
		return "utm_medium"
	case "utm_campaign":
		return "utm_campaign"
	case "utm_term":
		return "utm_term"
	case "utm_content":
		return "utm_content"
	}
	return ""
}

// keep reads a property that is kept by default.
func (r *reader) keep(attribute string) error {
	raw, err := r.c.Raw()
	if err == nil {
		r.e.attributes.Raw(attribute, raw)
	}
	return err
}

// ask notes a property that the option attributes names, and leaves the cursor where it was.
func (r *reader) ask(name []byte) error {
	if len(r.o.attributes) == 0 || !r.o.attributes[string(name)] {
		return nil
	}
	before := r.c
	raw, err := r.c.Raw()
	if err == nil {
		r.e.asked.Raw(string(name), raw)
	}
	r.c = before
	return err
}

// group reads a member of $groups: what the person belongs to, by kind. One that cannot be a group of ours is left out.
func (r *reader) group(kind []byte) error {
	id := ""
	if err := r.id(&id); err != nil {
		return err
	}
	if usable(string(kind)) && usable(id) {
		r.e.groups = append(r.e.groups, canonical.Group{Kind: string(kind), ID: id})
	}
	return nil
}

// groupsOf are the event's groups in order, ten at most.
func groupsOf(e *event) []canonical.Group {
	groups := canonical.SortGroups(e.groups)
	return groups[:min(len(groups), canonical.MaxGroups)]
}

// order reads a property that may be an order's id. The one that stands first in the list counts.
func (r *reader) order(rank int) error {
	id := ""
	if err := r.id(&id); err != nil {
		return err
	}
	if id = strings.TrimSpace(id); usable(id) && rank > r.e.orderRank {
		r.e.order, r.e.orderRank = id, rank
	}
	return nil
}

// usable reports whether a text can be a group or a key of ours.
func usable(s string) bool {
	return s != "" && len(s) <= canonical.MaxID && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f || r == 0xfffd })
}

// attributesOf are the event's attributes: what the option names, the default ones, and the user agent, by which bots are
// known: the event's own, else that of the browser that sends it. A server's own system is not kept.
func (d *decoder) attributesOf(e *event) []byte {
	a := adapters.Attributes{}
	a.Add(&e.asked)
	if e.client() {
		a.Text("platform", platformOf(e))
		a.Text("os", e.system)
	}
	agent := e.agent
	if agent == "" && e.client() && !e.group {
		agent = d.envelope.Header.Get("User-Agent")
	}
	a.Text("user_agent", agent)
	a.Add(&e.attributes)
	return a.JSON()
}

// platformOf is web for the SDKs of browsers, else the system that an app runs on, such as ios.
func platformOf(e *event) string {
	switch e.lib {
	case "web", "js", "posthog-js", "posthog-js-lite":
		return "web"
	case "posthog-ios":
		return "ios"
	case "posthog-android":
		return "android"
	}
	return strings.ToLower(e.system)
}
