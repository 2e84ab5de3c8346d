package tap

import (
	"encoding/json"
	"strings"

	"github.com/posthog/posthog-go"

	"github.com/tracklayer/tracklayer/canonical"
)

// plain is a value that is a text or a number as text, "" for anything else.
func plain(value any) string {
	if text, ok := value.(string); ok {
		return strings.TrimSpace(text)
	}
	raw, err := json.Marshal(value)
	if err != nil || len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return ""
	}
	return string(raw)
}

// text is the first of the properties that is a text or a number.
func text(p posthog.Properties, names ...string) string {
	for _, name := range names {
		if value := plain(p[name]); value != "" && len(value) <= canonical.MaxID {
			return value
		}
	}
	return ""
}

// number reads a property that is a number or the text of one; anything else is no number.
func number(p posthog.Properties, name string) canonical.Number {
	n, err := canonical.ParseNumber(plain(p[name]))
	if err != nil {
		return canonical.Number{}
	}
	return n
}

// currency is an ISO 4217 code in upper case, or "".
func currency(code string) string {
	if code = strings.ToUpper(code); canonical.IsCurrency(code) {
		return code
	}
	return ""
}

// groups are what the person belongs to, ten at most.
func groups(m *posthog.Capture) []canonical.Group {
	var all []canonical.Group
	add := func(kind string, id any) {
		if text := plain(id); kind != "" && text != "" && len(kind) <= canonical.MaxID && len(text) <= canonical.MaxID {
			all = append(all, canonical.Group{Kind: kind, ID: text})
		}
	}
	for kind, id := range m.Groups {
		add(kind, id)
	}
	switch more := m.Properties["$groups"].(type) {
	case posthog.Groups:
		for kind, id := range more {
			add(kind, id)
		}
	case map[string]any:
		for kind, id := range more {
			add(kind, id)
		}
	}
	all = canonical.SortGroups(all)
	return all[:min(len(all), canonical.MaxGroups)]
}

// kept are the properties that are sent as attributes, and their names there. The system is the server's own and stays.
var kept = map[string]string{
	"$geoip_country_code": "country", "$geoip_subdivision_1_code": "region", "$browser_language": "language", "$device_type": "device_type",
	"$browser": "browser", "$app_version": "app_version", "plan": "plan",
	"utm_source": "utm_source", "utm_medium": "utm_medium", "utm_campaign": "utm_campaign", "utm_term": "utm_term", "utm_content": "utm_content",
}

func attributes(p posthog.Properties) json.RawMessage {
	found := map[string]string{}
	for property, name := range kept {
		if value, ok := p[property].(string); ok && strings.TrimSpace(value) != "" && len(value) <= 200 {
			found[name] = strings.TrimSpace(value)
		}
	}
	for _, property := range []string{"$user_agent", "$raw_user_agent"} {
		if value, ok := p[property].(string); ok && value != "" && len(value) <= 1024 {
			found["user_agent"] = value
		}
	}
	if len(found) == 0 {
		return nil
	}
	raw, err := json.Marshal(found) // sorted by name
	if err != nil {
		return nil
	}
	return raw
}
