package otel

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

var errProtobuf = errors.New("not a valid protobuf message")

// message is a position in a message of protobuf's wire format: the same bytes twice, once as protowire reads them and once as
// a string, so that what is read needs no memory of its own.
type message struct {
	b []byte
	s string
}

// member is one field of a message, whatever its type.
type member struct {
	number protowire.Number
	kind   protowire.Type
	inner  message // of protowire.BytesType
	n      uint64  // of the others
}

// next reads a field; groups, which proto3 does not have, are a fault.
func (m *message) next() (f member, err error) {
	size := 0
	f.number, f.kind, size = protowire.ConsumeTag(m.b)
	if size < 0 || !f.number.IsValid() {
		return f, errProtobuf
	}
	m.skip(size)
	switch f.kind {
	case protowire.VarintType:
		f.n, size = protowire.ConsumeVarint(m.b)
	case protowire.Fixed64Type:
		f.n, size = protowire.ConsumeFixed64(m.b)
	case protowire.BytesType:
		f.inner.b, size = protowire.ConsumeBytes(m.b)
	case protowire.Fixed32Type:
		_, size = protowire.ConsumeFixed32(m.b)
	default:
		return f, errProtobuf
	}
	if size < 0 {
		return f, errProtobuf
	}
	if f.kind == protowire.BytesType {
		f.inner.s = m.s[size-len(f.inner.b) : size]
	}
	m.skip(size)
	return f, nil
}

func (m *message) skip(n int) { m.b, m.s = m.b[n:], m.s[n:] }

// each calls fn for every field of a message.
func (m message) each(fn func(f *member) error) error {
	for len(m.b) > 0 {
		f, err := m.next()
		if err == nil {
			err = fn(&f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// protobuf reads an ExportLogsServiceRequest (opentelemetry-proto collector/logs/v1/logs_service.proto): resource_logs, in
// them scope_logs, in those log_records.
func (d *decoder) protobuf(m message) error {
	return m.each(func(f *member) error {
		if f.number != 1 || f.kind != protowire.BytesType {
			return nil
		}
		return f.inner.each(func(f *member) error {
			if f.number != 2 || f.kind != protowire.BytesType {
				return nil
			}
			return f.inner.each(func(f *member) error {
				if f.number != 2 || f.kind != protowire.BytesType {
					return nil
				}
				if d.batch.Items >= d.source.Limits.MaxItems() { // a record may take two bytes
					return d.source.Limits.ErrItems()
				}
				d.record = record{}
				if err := d.protobufRecord(f.inner); err != nil {
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
	for len(m.b) > 0 {
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
			r.event = f.inner.s
		case f.number == 9 && f.kind == protowire.BytesType:
			r.trace = hex.EncodeToString(f.inner.b)
		case f.number == 10 && f.kind == protowire.BytesType:
			r.span = hex.EncodeToString(f.inner.b)
		case f.number == 6 && f.kind == protowire.BytesType:
			if err := d.protobufAttribute(f.inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// protobufAttribute reads a KeyValue (opentelemetry-proto common/v1/common.proto).
func (d *decoder) protobufAttribute(m message) error {
	key, raw := "", message{}
	for len(m.b) > 0 {
		f, err := m.next()
		if err != nil {
			return err
		}
		switch {
		case f.number == 1 && f.kind == protowire.BytesType:
			key = f.inner.s
		case f.number == 2 && f.kind == protowire.BytesType:
			raw = f.inner
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
	for len(m.b) > 0 {
		f, err := m.next()
		if err != nil {
			return v, err
		}
		switch {
		case f.number == 1 && f.kind == protowire.BytesType:
			v = value{f.inner.s, text}
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
