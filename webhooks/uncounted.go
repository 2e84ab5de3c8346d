package webhooks

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tracklayer/tracklayer/canonical"
)

// maxReason is how many bytes of a field, a reason or an example's detail are stored.
const maxReason = 200

// maxSentences is how many different sentences about faults of one request are read. Items with further ones are counted
// under canonical.OtherReasons.
const maxSentences = 1000

// uncounted describes for the log what became of the items of a request that are no events: how many for which reason,
// with the first rejected item of each as an example. It reports false if every item is an event.
func (d *Ingest) uncounted(v *visit, p *parcel) (canonical.Rejected, bool) {
	r := canonical.Rejected{Source: v.meter.name, ReceivedAt: v.at, Items: int64(len(p.faults))}
	type fieldAndReason struct{ field, reason string }
	known, same := map[fieldAndReason]int{}, map[fieldAndReason]int{} // by the reason, and by the sentence it is made of
	others := int64(0)
	for _, f := range p.faults {
		exact := fieldAndReason{f.field, f.detail}
		if i, ok := same[exact]; ok {
			r.Reasons[i].Items++
			continue
		}
		if len(same) >= maxSentences {
			others++
			continue
		}
		key := fieldAndReason{cutText(f.field), cutText(withoutValues(f.detail, nil))}
		if i, ok := known[key]; ok {
			same[exact] = i
			r.Reasons[i].Items++
			continue
		}
		known[key], same[exact] = len(r.Reasons), len(r.Reasons)
		example := withoutValues(f.detail, func(value string) bool { return d.impersonal(f.field, value) })
		r.Reasons = append(r.Reasons, canonical.Uncounted{
			Outcome: canonical.OutcomeRejected, Field: key.field, Reason: key.reason, Items: 1,
			Example: &canonical.Example{Index: f.index, Detail: cutText(example)},
		})
	}
	if others > 0 {
		r.Reasons = append(r.Reasons, canonical.Uncounted{Outcome: canonical.OutcomeRejected, Reason: canonical.OtherReasons, Items: others})
	}
	for _, reason := range slices.Sorted(maps.Keys(p.ignored)) {
		n := int64(p.ignored[reason])
		if n <= 0 {
			continue
		}
		r.Ignored += n
		r.Reasons = append(r.Reasons, canonical.Uncounted{Outcome: canonical.OutcomeIgnored, Reason: cutText(reason), Items: n})
	}
	r.Reasons = limitReasons(r.Reasons)
	return r, r.Items+r.Ignored > 0
}

// limitReasons sorts the reasons, merges equal ones, and merges those of each outcome past canonical.MaxReasons into one.
func limitReasons(all []canonical.Uncounted) []canonical.Uncounted {
	slices.SortStableFunc(all, func(a, b canonical.Uncounted) int { return a.Compare(&b) })
	var kept []canonical.Uncounted
	number, others := map[string]int{}, map[string]int64{}
	for i := range all {
		switch last := len(kept) - 1; {
		case last >= 0 && kept[last].Compare(&all[i]) == 0:
			kept[last].Items += all[i].Items
		case number[all[i].Outcome] < canonical.MaxReasons:
			number[all[i].Outcome]++
			kept = append(kept, all[i])
		default:
			others[all[i].Outcome] += all[i].Items
		}
	}
	for _, outcome := range slices.Sorted(maps.Keys(others)) {
		kept = append(kept, canonical.Uncounted{Outcome: outcome, Reason: canonical.OtherReasons, Items: others[outcome]})
	}
	return kept
}

// values matches what a sentence about a fault says of one item only: quoted text, times and long numbers.
var values = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\d{4}-\d\d-\d\dT\S*|\d{5,}|\bis \d+\b`)

// withoutValues replaces the values in a sentence, so that the same fault of two items has the same reason and no id
// of a person is stored. It keeps the values for which keep returns true, and those that the sentence gives as an
// example of what is right. A nil keep keeps none.
func withoutValues(sentence string, keep func(value string) bool) string {
	var out strings.Builder
	done := 0
	for _, at := range values.FindAllStringIndex(sentence, -1) {
		value := sentence[at[0]:at[1]]
		if strings.HasSuffix(sentence[:at[0]], "such as ") || strings.HasSuffix(sentence[:at[0]], "is before ") || keep != nil && keep(value) {
			continue
		}
		out.WriteString(sentence[done:at[0]])
		switch {
		case value[0] == '"':
			out.WriteString(`"…"`)
		case strings.HasPrefix(value, "is "):
			out.WriteString("is …")
		default:
			out.WriteString("…")
		}
		done = at[1]
	}
	return out.String() + sentence[done:]
}

// impersonalFields are parts of the names of fields, in lower case, whose values name no person.
var impersonalFields = []string{"time", "date", "_at", "value", "currency", "revenue", "price", "amount", "event_name", "kind", "channel"}

// impersonal reports whether a value in a sentence about a field can be stored: it is a placeholder for an id, or the
// field is one that holds no ids.
func (d *Ingest) impersonal(field, value string) bool {
	if strings.Contains(value, "@") {
		return false
	}
	if d.Rules.IsNonID(strings.Trim(value, `"`)) {
		return true
	}
	name := strings.ToLower(field[strings.LastIndexAny(field, "./")+1:])
	return slices.ContainsFunc(impersonalFields, func(part string) bool { return strings.Contains(name, part) })
}

// cutText is s in UTF-8 and at most maxReason bytes.
func cutText(s string) string {
	s = strings.ToValidUTF8(s, "")
	for len(s) > maxReason {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
