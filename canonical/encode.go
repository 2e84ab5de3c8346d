package canonical

import (
	"strconv"
	"unicode/utf8"
)

// AppendJSON writes the event in its wire form, fields in a fixed order, absent ones left out. The same event always
// gives the same bytes, and ParseWire reads them back.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = e.appendFields(append(dst, '{'), e.At)
	if e.BatchIndex != 0 {
		dst = strconv.AppendInt(append(dst, `,"batch_index":`...), int64(e.BatchIndex), 10)
	}
	if e.Batch != 0 {
		dst = strconv.AppendUint(append(dst, `,"batch":`...), uint64(e.Batch), 10)
	}
	if e.ClockOffset != 0 {
		dst = strconv.AppendInt(append(dst, `,"clock_offset_ms":`...), e.ClockOffset, 10)
	}
	dst = append(e.ReceivedAt.appendTo(append(dst, `,"received_at":"`...)), '"')
	return append(dst, '}')
}

// MarshalJSON is AppendJSON.
func (e *Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// AppendBody writes what the sender said, without what the gateway saw of the delivery: two deliveries of one event
// have the same body, and two bodies under one id are a conflict.
func (e *Event) AppendBody(dst []byte) []byte {
	return append(e.appendFields(append(dst, '{'), e.At-Time(e.ClockOffset)), '}')
}

func (e *Event) appendFields(dst []byte, at Time) []byte {
	dst = appendQuoted(append(dst, `"event_name":`...), e.Kind.String())
	dst = appendField(dst, `,"event_id":`, e.ID)
	dst = appendField(dst, `,"id_origin":`, string(e.IDOrigin))
	dst = appendField(dst, `,"source":`, e.Source)
	dst = strconv.AppendInt(append(dst, `,"schema_version":`...), int64(e.SchemaVersion), 10)
	dst = appendField(dst, `,"experiment_id":`, e.ExperimentID)
	dst = appendField(dst, `,"variant":`, e.Variant)
	dst = appendField(dst, `,"experiment_kind":`, e.ExperimentKind)
	dst = appendField(dst, `,"held_out_of":`, e.HeldOutOf)
	dst = appendField(dst, `,"user_id":`, e.UserID)
	dst = appendField(dst, `,"anonymous_id":`, e.AnonymousID)
	if e.AmbiguousID {
		dst = append(dst, `,"ambiguous_id":true`...)
	}
	dst = appendField(dst, `,"previous_user_id":`, e.PreviousUserID)
	dst = appendField(dst, `,"conversion_event":`, e.ConversionEvent)
	if e.Value.Set {
		dst = e.Value.appendTo(append(dst, `,"value":`...))
	}
	dst = appendField(dst, `,"currency":`, e.Currency)
	if e.MetricValue.Set {
		dst = e.MetricValue.appendTo(append(dst, `,"metric_value":`...))
	}
	dst = appendField(dst, `,"dedup_key":`, e.DedupKey)
	dst = appendField(dst, `,"adjusts":`, e.Adjusts)
	dst = appendField(dst, `,"channel":`, string(e.Channel))
	dst = appendField(dst, `,"ended_reason":`, e.EndedReason)
	dst = append(append(dst, ',', '"'), e.Kind.TimeField()...)
	dst = append(at.appendTo(append(dst, `":"`...)), '"')
	dst = appendField(dst, `,"source_experiment":`, e.SourceExperiment)
	dst = appendField(dst, `,"source_variant":`, e.SourceVariant)
	if len(e.Groups) > 0 {
		dst = appendGroups(dst, e.Groups)
	}
	if len(e.Attributes) > 0 {
		dst = append(append(dst, `,"attributes":`...), e.Attributes...)
	}
	return dst
}

func appendGroups(dst []byte, groups []Group) []byte {
	dst = append(dst, `,"groups":{`...)
	for i, g := range groups {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(append(appendQuoted(dst, g.Kind), ':'), g.ID)
	}
	return append(dst, '}')
}

func appendField(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return appendQuoted(append(dst, name...), value)
}

// appendQuoted writes a JSON string. Bytes that are not UTF-8 become U+FFFD; no valid event has any.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			const digits = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, "\uFFFD"...)
		}
		i += size
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
