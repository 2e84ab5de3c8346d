package otel

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"
)

var errProtobuf = errors.New("not a valid protobuf message")

// message is a position in a message of protobuf's wire format (protobuf.dev, Encoding). It walks a string, so that what is
// read needs no memory of its own.
type message struct {
	s string
}

// The wire types.
const (
	varintType  = 0
	fixed64Type = 1
	bytesType   = 2
	fixed32Type = 5
)

func (m *message) varint() (uint64, error) {
	var n uint64
	for i := 0; i < len(m.s) && i < 10; i++ {
		b := m.s[i]
		if i == 9 && b > 1 {
			break
		}
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			m.s = m.s[i+1:]
			return n, nil
		}
	}
	return 0, errProtobuf
}

func (m *message) fixed64() (uint64, error) {
	if len(m.s) < 8 {
		return 0, errProtobuf
	}
	var n uint64
	for i := range 8 {
		n |= uint64(m.s[i]) << (8 * i)
	}
	m.s = m.s[8:]
	return n, nil
}

func (m *message) bytes() (string, error) {
	n, err := m.varint()
	if err != nil || n > uint64(len(m.s)) {
		return "", errProtobuf
	}
	b := m.s[:n]
	m.s = m.s[n:]
	return b, nil
}

// field is one field of a message, whatever its type.
type field struct {
	number uint64
	kind   uint64
	bytes  string // of bytesType
	n      uint64 // of the others
}

// next reads a field; groups, which proto3 does not have, are a fault.
func (m *message) next() (f field, err error) {
	tag, err := m.varint()
	if err != nil {
		return f, err
	}
	f.number, f.kind = tag>>3, tag&7
	if f.number == 0 || f.number >= 1<<29 {
		return f, errProtobuf
	}
	switch f.kind {
	case varintType:
		f.n, err = m.varint()
	case fixed64Type:
		f.n, err = m.fixed64()
	case bytesType:
		f.bytes, err = m.bytes()
	case fixed32Type:
		if len(m.s) < 4 {
			return f, errProtobuf
		}
		m.s = m.s[4:]
	default:
		return f, errProtobuf
	}
	return f, err
}

// each calls fn for every field of a message.
func each(s string, fn func(f *field) error) error {
	m := message{s}
	for m.s != "" {
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
func (d *decoder) protobuf(s string) error {
	return each(s, func(f *field) error {
		if f.number != 1 || f.kind != bytesType {
			return nil
		}
		return each(f.bytes, func(f *field) error {
			if f.number != 2 || f.kind != bytesType {
				return nil
			}
			return each(f.bytes, func(f *field) error {
				if f.number != 2 || f.kind != bytesType {
					return nil
				}
				if d.batch.Items >= d.source.Limits.MaxItems() { // a record may take two bytes
					return d.source.Limits.ErrItems()
				}
				d.record = record{}
				if err := d.protobufRecord(f.bytes); err != nil {
					return err
				}
				d.item()
				return nil
			})
		})
	})
}

// protobufRecord reads a LogRecord (opentelemetry-proto logs/v1/logs.proto).
func (d *decoder) protobufRecord(s string) error {
	m := message{s}
	r := &d.record
	for m.s != "" {
		f, err := m.next()
		if err != nil {
			return err
		}
		switch {
		case f.number == 1 && f.kind == fixed64Type:
			r.time = f.n
		case f.number == 11 && f.kind == fixed64Type:
			r.observed = f.n
		case f.number == 12 && f.kind == bytesType:
			r.event = f.bytes
		case f.number == 9 && f.kind == bytesType:
			r.trace = hexOf(f.bytes)
		case f.number == 10 && f.kind == bytesType:
			r.span = hexOf(f.bytes)
		case f.number == 6 && f.kind == bytesType:
			if err := d.protobufAttribute(f.bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

func hexOf(id string) string { return hex.EncodeToString([]byte(id)) }

// protobufAttribute reads a KeyValue (opentelemetry-proto common/v1/common.proto).
func (d *decoder) protobufAttribute(s string) error {
	m := message{s}
	key, raw := "", ""
	for m.s != "" {
		f, err := m.next()
		if err != nil {
			return err
		}
		switch {
		case f.number == 1 && f.kind == bytesType:
			key = f.bytes
		case f.number == 2 && f.kind == bytesType:
			raw = f.bytes
		}
	}
	v, err := protobufValue(raw)
	if err == nil {
		d.record.set(key, d.settings, v)
	}
	return err
}

// protobufValue reads an AnyValue. An empty one is no value.
func protobufValue(s string) (v value, err error) {
	m := message{s}
	for m.s != "" {
		f, err := m.next()
		if err != nil {
			return v, err
		}
		switch {
		case f.number == 1 && f.kind == bytesType:
			v = value{f.bytes, text}
		case f.number == 2 && f.kind == varintType:
			v = value{strconv.FormatBool(f.n != 0), scalar}
		case f.number == 3 && f.kind == varintType:
			v = value{strconv.FormatInt(int64(f.n), 10), scalar}
		case f.number == 4 && f.kind == fixed64Type:
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
