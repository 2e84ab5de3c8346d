package core

import (
	"slices"
	"strconv"

	"github.com/tracklayer/tracklayer/canonical"
)

// Cell is one column of an association row. Text that is empty is absent.
type Cell struct {
	Name string
	Text string
	Raw  bool // a number or a truth value, which JSON writes as it stands
}

// Cells are the row's columns in their fixed order, put on top of dst.
func (a *Association) Cells(dst []Cell) []Cell {
	text := func(name, s string) { dst = append(dst, Cell{name, s, false}) }
	raw := func(name, s string) { dst = append(dst, Cell{name, s, true}) }
	at := func(name string, t canonical.Time) {
		s := ""
		if t != 0 {
			s = t.String()
		}
		text(name, s)
	}
	text("association_id", a.ID)
	text("experiment_id", a.ExperimentID)
	raw("run", strconv.Itoa(a.Run))
	text("run_status", string(a.RunStatus))
	text("variant", a.Variant)
	at("exposed_at", a.ExposedAt)
	at("converted_at", a.ConvertedAt)
	text("conversion_event", a.ConversionEvent)
	raw("value", a.Value.String())
	text("currency", a.Currency)
	raw("metric_value", a.MetricValue.String())
	text("user_key", a.Key.ID)
	text("unit_kind", a.Key.Kind.String())
	text("anonymous_id", a.AnonymousID)
	text("status", a.Status)
	text("dedup_status", a.DedupStatus)
	text("duplicate_of", a.DuplicateOf)
	text("adjusts", a.Adjusts)
	text("destination_source", a.Destination)
	text("source_tool", a.SourceTool)
	text("identity_method", a.Identity)
	raw("exposure_count", strconv.FormatInt(a.Exposures, 10))
	raw("crossover", strconv.FormatBool(a.Crossover))
	raw("ended_early", strconv.FormatBool(a.EndedEarly))
	raw("filtered", strconv.FormatBool(a.Filtered))
	text("exposure_event_id", a.ExposureEvent)
	text("conversion_event_id", a.ConversionID)
	raw("first_stream_seq", strconv.FormatUint(a.FirstSeq, 10))
	raw("last_stream_seq", strconv.FormatUint(a.LastSeq, 10))
	raw("row_version", strconv.FormatUint(a.Version, 10))
	raw("deleted", "false") // what does not exist has no row
	raw("schema_version", strconv.Itoa(RowVersion))
	return dst
}

// AppendJSON writes the row as one JSON object, absent columns as null.
func (a *Association) AppendJSON(dst []byte) []byte {
	var room [32]Cell
	for i, c := range a.Cells(room[:0]) {
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		dst = append(append(append(dst, sep, '"'), c.Name...), '"', ':')
		switch {
		case c.Text == "":
			dst = append(dst, "null"...)
		case c.Raw:
			dst = append(dst, c.Text...)
		default:
			dst = appendQuoted(dst, c.Text)
		}
	}
	return append(dst, '}')
}

// appendQuoted writes a JSON string. Ids are valid UTF-8.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(slices.Grow(dst, len(s)+2), '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
