package optimizely

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// hook is the envelope that the vendor's webhooks share ("Create webhooks"): event names what happened, data is an object
// for a new datafile and an array for the change history.
type hook struct {
	event     string
	timestamp string // Unix seconds
	data      []byte
}

// datafileUpdated announces a new datafile (agent pkg/handlers/webhook.go).
const datafileUpdated = "project.datafile_updated"

// historyEntry is one element of a change history's data.
type historyEntry struct {
	ID      json.RawMessage `json:"id"`
	Created string          `json:"created"`
	Summary string          `json:"summary"`
	Entity  struct {
		Type   string          `json:"type"`
		ID     json.RawMessage `json:"id"`
		APIURL string          `json:"api_url"`
	} `json:"entity"`
	Changes []struct {
		Property string          `json:"property"`
		Before   json.RawMessage `json:"before"`
		After    json.RawMessage `json:"after"`
	} `json:"changes"`
	User struct {
		Email string `json:"email"`
	} `json:"user"`
}

// change reads a webhook. Any of them may mean another datafile, so that is read again.
func (d *decoder) change() error {
	d.batch.CatalogChanged = true
	data := bytes.TrimSpace(d.hook.data)
	if d.hook.event == datafileUpdated || len(data) == 0 || data[0] != '[' {
		reason := "change_history"
		if d.hook.event == datafileUpdated {
			reason = "datafile_updated"
		}
		d.ignore(reason)
		return nil
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(data, &entries); err != nil { // it was read before
		d.ignore("change_history")
		return nil
	}
	for i, raw := range entries {
		d.entry(i, raw)
	}
	return nil
}

func (d *decoder) entry(i int, raw json.RawMessage) {
	var h historyEntry
	if err := json.Unmarshal(raw, &h); err != nil {
		d.reject(field.Fault("data", "must hold entries of the change history"))
		return
	}
	flag, environment := place(h.Entity.APIURL)
	ids := d.concerned(&h, flag)
	if len(ids) == 0 {
		d.ignore("change_history")
		return
	}
	ours, known := d.source.Catalog.Name(environmentName)
	if environment != "" && known && environment != ours {
		d.ignore("other_environment") // one webhook serves all environments of a project
		return
	}
	at, err := d.changedAt(&h)
	if err != nil {
		d.reject(err)
		return
	}
	kind, what := verdict(&h, environment != "" && known)
	text := subject(&h, flag, environment) + what + short(h.Summary)
	entry := scalar(h.ID)
	if !field.IsLabel(entry) || len(entry) > 100 {
		entry = canonical.DeriveID("optimizely", d.hook.event, d.hook.timestamp, strconv.Itoa(i), string(raw))
	}
	lives := make([]canonical.Life, 0, len(ids))
	for _, id := range ids {
		l := canonical.Life{ID: "change:" + entry + ":" + id, Kind: kind, At: at, ExperimentID: id, Text: text}
		if len(l.ID) > canonical.MaxID {
			l.ID = canonical.DeriveID("optimizely", l.ID)
		}
		if field.IsLabel(h.User.Email) {
			l.By = h.User.Email
		}
		lives = append(lives, l)
	}
	d.batch.Tell(d.source, d.envelope, d.batch.Items, lives...)
	d.batch.Items++
}

// concerned are the experiments that an entry is about: the one whose id it names, else those of the flag in its
// address. Only the datafile knows them.
func (d *decoder) concerned(h *historyEntry, flag string) []string {
	if id := scalar(h.Entity.ID); id != "" {
		if x, known := d.source.Catalog.Experiment(id); known && x.Exposes {
			return []string{id}
		}
	}
	list, _ := d.source.Catalog.Name(flagName + flag)
	var ids []string
	for _, id := range strings.Fields(list) {
		if field.IsLabel(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// place finds flag and environment in an entry's address, the only place where they stand:
// …/flags/FLAG/rules/ENVIRONMENT or …/flags/FLAG/environments/ENVIRONMENT/….
func place(address string) (flag, environment string) {
	u, err := url.Parse(address)
	if err != nil {
		return "", ""
	}
	parts := strings.Split(u.Path, "/")
	for i := 0; i+1 < len(parts); i++ {
		switch parts[i] {
		case "flags":
			flag = parts[i+1] // the last one: the address begins with another, api.optimizely.com/flags/v1/
		case "environments", "rules":
			environment = parts[i+1]
		}
	}
	return flag, environment
}

const changed = " was changed."

// verdict says what an entry means. Only a ruleset that is switched off or on in the datafile's own environment is
// certain to stop or start its experiments; all else is a remark and changes nothing. sure: that environment is known.
func verdict(h *historyEntry, sure bool) (canonical.LifeKind, string) {
	if h.Entity.Type != "ruleset" {
		return canonical.Remarked, changed
	}
	for _, c := range h.Changes {
		if c.Property != "enabled" {
			continue
		}
		before, after := scalar(c.Before), scalar(c.After)
		switch {
		case before == "true" && after == "false" && sure:
			return canonical.Stopped, " was switched off."
		case before == "false" && after == "true" && sure:
			return canonical.Started, " was switched on."
		}
	}
	return canonical.Remarked, changed
}

// subject is what an entry is about, for a sentence.
func subject(h *historyEntry, flag, environment string) string {
	s := "A setting"
	if field.IsLabel(h.Entity.Type) && len(h.Entity.Type) <= 40 {
		s = "The " + h.Entity.Type
	}
	if field.IsLabel(flag) {
		s += " of flag " + flag
	}
	if field.IsLabel(environment) {
		s += " in " + environment
	}
	return s
}

// short is a summary behind a space, cut to what a report holds.
func short(summary string) string {
	if summary == "" {
		return ""
	}
	if len(summary) > 400 {
		summary = strings.ToValidUTF8(summary[:400], "") + "…"
	}
	return " " + summary
}

// changedAt is when an entry was made, by its own word or by the envelope's.
func (d *decoder) changedAt(h *historyEntry) (canonical.Time, error) {
	if at, err := canonical.ParseTime(h.Created); err == nil {
		return at, nil
	}
	seconds, err := strconv.ParseInt(d.hook.timestamp, 10, 40)
	if err != nil {
		return 0, field.Fault("created", "must be a time")
	}
	return canonical.Time(seconds * 1000), nil
}

// scalar is a string's text, or a number or boolean as it is written.
func scalar(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	if len(raw) > 0 && raw[0] != '{' && raw[0] != '[' && string(raw) != "null" {
		return string(raw)
	}
	return ""
}
