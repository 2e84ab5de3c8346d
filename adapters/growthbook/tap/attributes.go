package tap

import (
	"encoding/json"
	"fmt"
	"strings"

	growthbook "github.com/growthbook/growthbook-golang"

	"github.com/tracklayer/tracklayer/canonical"
)

// text is a plain value as text, "" for anything else.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64, float32: // as JavaScript writes it, which is how the adapter reads a number
		raw, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(raw)
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v)
	case fmt.Stringer: // json.Number and the like
		return v.String()
	}
	return ""
}

// groups are the groups among a user's attributes.
func (t *Tap) groups(a growthbook.Attributes) []canonical.Group {
	var groups []canonical.Group
	for name, value := range a {
		unit, declared := t.units[name]
		switch name {
		case "company", "organization", "organisation", "organizationId", "organization_id", "companyId", "company_id":
			if !declared {
				unit = Group
			}
		}
		if id := text(value); unit == Group && id != "" && len(id) <= canonical.MaxID && !t.rules.IsNonID(id) {
			groups = append(groups, canonical.Group{Kind: name, ID: id})
		}
	}
	groups = canonical.SortGroups(groups)
	return groups[:min(len(groups), canonical.MaxGroups)]
}

// kept are the attributes that are sent, the more trusted name first, and their names there. None of them tells who a
// person is.
var kept = [][2]string{
	{"country", "country"},
	{"region", "region"},
	{"language", "language"},
	{"locale", "language"},
	{"platform", "platform"},
	{"os", "os"},
	{"browser", "browser"},
	{"plan", "plan"},
	{"deviceType", "device_type"},
	{"device_type", "device_type"},
	{"appVersion", "app_version"},
	{"app_version", "app_version"},
	{"utmSource", "utm_source"},
	{"utm_source", "utm_source"},
	{"utmMedium", "utm_medium"},
	{"utm_medium", "utm_medium"},
	{"utmCampaign", "utm_campaign"},
	{"utm_campaign", "utm_campaign"},
	{"utmTerm", "utm_term"},
	{"utm_term", "utm_term"},
	{"utmContent", "utm_content"},
	{"utm_content", "utm_content"},
	{"user_agent", "user_agent"},
	{"userAgent", "user_agent"},
}

func attributes(a growthbook.Attributes) json.RawMessage {
	found := map[string]string{}
	for _, k := range kept {
		value := strings.TrimSpace(text(a[k[0]]))
		if _, there := found[k[1]]; !there && value != "" && (len(value) <= 200 || k[1] == "user_agent" && len(value) <= 1024) {
			found[k[1]] = value
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
