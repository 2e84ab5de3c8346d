package launchdarkly

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical"
)

// auditEntry is an audit log entry, which is what a webhook carries (api-client-go docs/AuditLogEntryRep.md).
type auditEntry struct {
	ID       string      `json:"_id"`
	Date     json.Number `json:"date"` // Unix milliseconds
	Accesses []struct {
		Action   string `json:"action"`
		Resource string `json:"resource"`
	} `json:"accesses"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Comment     string `json:"comment"`
	Verb        string `json:"titleVerb"`
	Title       string `json:"title"`
	Member      *struct {
		First string `json:"firstName"`
		Last  string `json:"lastName"`
	} `json:"member"`
	Current json.RawMessage `json:"currentVersion"`
}

// auditVersion is the part of an experiment in an entry that says where it stands (docs/IterationRep.md). No public
// sample shows whether an entry of an experiment has it.
type auditVersion struct {
	Iteration *struct {
		Status  string                     `json:"status"`
		Started json.Number                `json:"startedAt"`
		Ended   json.Number                `json:"endedAt"`
		Reason  string                     `json:"winningReason"`
		Flags   map[string]json.RawMessage `json:"flags"`
	} `json:"currentIteration"`
}

// decisive are the actions of a flag that may begin or end what an experiment on it measures.
var decisive = map[string]bool{
	"updateOn": true, "updateFallthrough": true, "updateRules": true, "updateScheduledChanges": true, "updateGlobalArchived": true,
	"deleteFlag": true, "stopMeasuredRolloutOnFlagFallthrough": true, "stopMeasuredRolloutOnFlagRule": true,
}

// resource is what an entry is about: proj/P:env/E:experiment/K or proj/P:env/E:flag/K, tags behind semicolons.
func resource(text string) (environment, kind, key string) {
	for part := range strings.SplitSeq(text, ":") {
		name, id, _ := strings.Cut(part, "/")
		id, _, _ = strings.Cut(id, ";")
		switch name {
		case "env":
			environment = id
		case "experiment", "flag":
			kind, key = name, id
		}
	}
	return environment, kind, key
}

// audit is a webhook. Starting and stopping an experiment is an update of it and not an action of its own, so that only
// the state in the entry, where it is there, makes it certain; all else is a remark.
func (d *decoder) audit(i int, raw []byte) {
	var a auditEntry
	if json.Unmarshal(raw, &a) != nil {
		d.batch.Reject(i, field.Fault("accesses", "is not what an audit log entry has"))
		return
	}
	for _, access := range a.Accesses {
		environment, kind, key := resource(access.Resource)
		if key == "" || kind == "flag" && !decisive[access.Action] {
			continue
		}
		if d.options.environments != nil && environment != "" && !d.options.environments[environment] {
			d.batch.Ignore("other_environment")
			return
		}
		l := canonical.Life{ID: a.ID, Kind: canonical.Remarked, ExperimentID: key, Text: a.text(environment), By: a.by()}
		at, err := canonical.ParseMillis(a.Date.String())
		if err != nil {
			d.batch.Reject(i, field.Fault("date", "must be Unix milliseconds"))
			return
		}
		l.At = at
		switch {
		case kind == "experiment":
			a.judge(&l)
		case access.Action == "updateOn" && d.options.offEndsEarly && strings.Contains(a.Verb, "turned off"):
			l.Kind = canonical.Broken
		}
		d.batch.Tell(d.source, d.envelope, i, l)
		return
	}
	d.batch.Ignore("audit_log")
}

// soon is how far the moment of a start or stop may lie from its entry: what is further was reported by an earlier one.
const soon = time.Minute

// judge says what an experiment's entry tells. SDK events call the experiment by its flag.
func (a *auditEntry) judge(l *canonical.Life) {
	var v auditVersion
	if len(a.Current) == 0 || json.Unmarshal(a.Current, &v) != nil || v.Iteration == nil {
		return
	}
	if len(v.Iteration.Flags) == 1 {
		for flag := range v.Iteration.Flags {
			if field.IsLabel(flag) && flag != l.ExperimentID {
				l.SourceExperiment, l.ExperimentID = l.ExperimentID, flag
			}
		}
	}
	kind, moment := canonical.Remarked, json.Number("")
	switch v.Iteration.Status {
	case "running":
		kind, moment = canonical.Started, v.Iteration.Started
	case "stopped":
		kind, moment = canonical.Stopped, v.Iteration.Ended
	}
	at, err := canonical.ParseMillis(moment.String())
	if err != nil || at < l.At.Add(-soon) || at > l.At.Add(soon) {
		return
	}
	l.Kind, l.At = kind, at
	if kind == canonical.Stopped && v.Iteration.Reason != "" {
		l.Text = shortened(l.Text + " Winning reason: " + v.Iteration.Reason)
	}
}

func (a *auditEntry) by() string {
	if a.Member == nil {
		return ""
	}
	if name := strings.TrimSpace(a.Member.First + " " + a.Member.Last); field.IsLabel(name) {
		return name
	}
	return ""
}

// text is the entry as the vendor puts it into words.
func (a *auditEntry) text(environment string) string {
	text := a.Title
	if text == "" {
		text = "LaunchDarkly reports a change of " + strconv.Quote(a.Name)
	}
	if environment != "" && !strings.Contains(strings.ToLower(text), strings.ToLower(environment)) {
		text += " in " + environment
	}
	text += "."
	if a.Description != "" {
		text += " " + a.Description
	}
	if a.Comment != "" {
		text += " Comment: " + a.Comment
	}
	return shortened(text)
}

// shortened keeps a text within what a report may say.
func shortened(text string) string {
	const most = 1000
	if len(text) <= most {
		return text
	}
	text = text[:most]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text
}
