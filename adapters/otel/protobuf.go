package otel

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

var errProtobuf = errors.New("not a valid protobuf message")

// message is a message of protobuf's wire format: the same bytes twice, once as protowire reads them and once as a string, so that
// what is read needs no memory of its own.
type message struct {
	b   []byte
	s   string
	pos int
}

// member is one field of a message, whatever its type.
type member struct {
	number   protowire.Number
	kind     protowire.Type
	from, to int    // where its content is, of protowire.BytesType
	n        uint64 // of the others
}

// next reads a field; groups, which proto3 does not have, are a fault.
func (m *message) next() (f member, err error) {
	size := 0
	if f.number, f.kind, size = protowire.ConsumeTag(m.b[m.pos:]); size < 0 || !f.number.IsValid() {
		return f, errProtobuf
	}
	m.pos += size
	var content []byte
	switch f.kind {
	case protowire.VarintType:
		f.n, size = protowire.ConsumeVarint(m.b[m.pos:])
	case protowire.Fixed64Type:
		f.n, size = protowire.ConsumeFixed64(m.b[m.pos:])
	case protowire.BytesType:
		content, size = protowire.ConsumeBytes(m.b[m.pos:])
	case protowire.Fixed32Type:
		_, size = protowire.ConsumeFixed32(m.b[m.pos:])
	default:
		return f, errProtobuf
	}
	if size < 0 {
		return f, errProtobuf
	}
	m.pos += size
	f.from, f.to = m.pos-len(content), m.pos
	return f, nil
}

func (m *message) ended() bool { return m.pos == len(m.b) }

// text is the content of a field of protowire.BytesType.
func (m *message) text(f *member) string { return m.s[f.from:f.to] }

// inner is the same as a message.
func (m *message) inner(f *member) message { return message{b: m.b[f.from:f.to], s: m.s[f.from:f.to]} }

// each calls fn for every message in a field of a number, and passes over the other fields.
func (m message) each(number protowire.Number, fn func(inner message) error) error {
	for !m.ended() {
		f, err := m.next()
		if err == nil && f.number == number && f.kind == protowire.BytesType {
			err = fn(m.inner(&f))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// The fields that lead to the records (opentelemetry-proto collector/logs/v1/logs_service.proto, logs/v1/logs.proto).
const (
	resourceLogs protowire.Number = 1
	scopeLogs    protowire.Number = 2
	logRecords   protowire.Number = 2
)

// protobuf reads an ExportLogsServiceRequest.
func (d *decoder) protobuf(m message) error {
	return m.each(resourceLogs, func(m message) error {
		return m.each(scopeLogs, func(m message) error {
			return m.each(logRecords, func(m message) error {
				if d.batch.Items >= d.source.Limits.MaxItems() { // a record may take two bytes
					return d.source.Limits.ErrItems()
				}
				d.record = record{}
				if err := d.protobufRecord(m); err != nil {
					return err
				}
				d.item()
				return nil
			})
		})
	})
}

// protobufRecord reads a LogRecord (opentelemetry-proto logs/v1/logs.proto).
func (d *decoder) protobufRecord(m message) error {
	r := &d.record
	for !m.ended() {
		f, err := m.next()
		if err != nil {
			return err
		}
		switch {
		case f.number == 1 && f.kind == protowire.Fixed64Type:
			r.time = f.n
		case f.number == 11 && f.kind == protowire.Fixed64Type:
			r.observed = f.n
		case f.number == 12 && f.kind == protowire.BytesType:
			r.event = m.text(&f)
		case f.number == 9 && f.kind == protowire.BytesType:
			r.trace = hex.EncodeToString(m.b[f.from:f.to])
		case f.number == 10 && f.kind == protowire.BytesType:
			r.span = hex.EncodeToString(m.b[f.from:f.to])
		case f.number == 6 && f.kind == protowire.BytesType:
			if err := d.protobufAttribute(m.inner(&f)); err != nil {
				return err
			}
		}
	}
	return nil
}

// protobufAttribute reads a KeyValue (opentelemetry-proto common/v1/common.proto).
func (d *decoder) protobufAttribute(m message) error {
	key, raw := "", message{}
	for !m.ended() {
		f, err := m.next()
		if err != nil {
			return err
		}
		switch {
		case f.number == 1 && f.kind == protowire.BytesType:
			key = m.text(&f)
		case f.number == 2 && f.kind == protowire.BytesType:
			raw = m.inner(&f)
		}
	}
	v, err := protobufValue(raw)
	if err == nil {
		d.record.set(key, d.settings, v)
	}
	return err
}

// protobufValue reads an AnyValue. An empty one is no value.
func protobufValue(m message) (v value, err error) {
	for !m.ended() {
		f, err := m.next()
		if err != nil {
			return v, err
		}
		switch {
		case f.number == 1 && f.kind == protowire.BytesType:
			v = value{m.text(&f), text}
		case f.number == 2 && f.kind == protowire.VarintType:
			v = value{strconv.FormatBool(f.n != 0), scalar}
		case f.number == 3 && f.kind == protowire.VarintType:
			v = value{strconv.FormatInt(int64(f.n), 10), scalar}
		case f.number == 4 && f.kind == protowire.Fixed64Type:
			v = value{double(math.Float64frombits(f.n)), scalar}
		case f.number >= 5 && f.number <= 7:
			v = value{kind: compound}
		}
	}
	return v, nil
}

// double writes a number in one way however it was sent, "" for what is none.
func double(f float64) string {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return ""
	case f == 0:
		return "0" // and -0
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
