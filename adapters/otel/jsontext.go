package otel

import (
	"strconv"
	"strings"

	"github.com/tracklayer/tracklayer/adapters/field"
	"github.com/tracklayer/tracklayer/canonical/jsonscan"
)

// reader walks the JSON encoding of OTLP (OTLP specification, JSON Protobuf Encoding: lowerCamelCase names, 64-bit
// numbers as strings, ids in hex). Its members consume exactly one value of whatever type and fail only on a syntax
// error: a wrong type is as good as nothing, because most members are not needed for most records.
type reader struct {
	c   jsonscan.Cursor
	key string // of the attribute being read
	v   value  // of the attribute being read
}

// containers are the arrays that lead to the records.
var containers = [...]string{"resourceLogs", "scopeLogs", "logRecords"}

// json reads an ExportLogsServiceRequest.
func (d *decoder) json() error {
	if err := d.container(0); err != nil {
		return err
	}
	return d.c.End()
}

// container reads an object that holds records at some depth. Where it should hold an array and holds something else, one
// item is rejected: it is not known how many were meant.
func (d *decoder) container(depth int) error {
	return d.c.Object(func(name []byte) error {
		if string(name) != containers[depth] {
			return d.c.Skip()
		}
		switch d.c.Peek() {
		case '[':
		case 'n':
			return d.c.Skip()
		default:
			d.reject(field.Fault(containers[depth], "must be an array"))
			return d.c.Skip()
		}
		return d.c.Array(func(int) error {
			switch {
			case d.c.Peek() != '{':
				d.reject(field.Fault(containers[depth], "must hold objects"))
				return d.c.Skip()
			case depth+1 < len(containers):
				return d.container(depth + 1)
			}
			d.record = record{}
			if err := d.c.Object(d.recordMember); err != nil {
				return err
			}
			d.item()
			return nil
		})
	})
}

func (d *decoder) recordMember(name []byte) (err error) {
	r := &d.record
	switch string(name) {
	case "timeUnixNano":
		r.time, err = d.nanos()
	case "observedTimeUnixNano":
		r.observed, err = d.nanos()
	case "eventName":
		r.event, err = d.word()
	case "traceId":
		r.trace, err = d.word()
		r.trace = strings.ToLower(r.trace)
	case "spanId":
		r.span, err = d.word()
		r.span = strings.ToLower(r.span)
	case "attributes":
		if d.c.Peek() == '[' {
			return d.c.Array(d.attributesElement)
		}
		return d.c.Skip()
	default:
		return d.c.Skip()
	}
	return err
}

func (d *decoder) attributesElement(int) error {
	if d.c.Peek() != '{' {
		return d.c.Skip()
	}
	d.key, d.v = "", value{}
	err := d.c.Object(d.attributeMember)
	if err == nil {
		d.record.set(d.key, d.settings, d.v)
	}
	return err
}

func (d *decoder) attributeMember(name []byte) (err error) {
	switch string(name) {
	case "key":
		d.key, err = d.word()
		return err
	case "value":
		d.v = value{}
		if d.c.Peek() == '{' {
			return d.c.Object(d.valueMember)
		}
	}
	return d.c.Skip()
}

// valueMember reads the one member of an AnyValue.
func (d *decoder) valueMember(name []byte) (err error) {
	switch string(name) {
	case "stringValue":
		if d.c.Peek() != '"' {
			return d.c.Skip()
		}
		d.v.kind = text
		d.v.text, err = d.c.String()
		return err
	case "boolValue":
		if first := d.c.Peek(); first != 't' && first != 'f' {
			return d.c.Skip()
		}
		var b bool
		b, err = d.c.Bool()
		d.v = value{strconv.FormatBool(b), scalar}
		return err
	case "intValue":
		s, err := d.word()
		if n, perr := strconv.ParseInt(s, 10, 64); perr == nil {
			d.v = value{strconv.FormatInt(n, 10), scalar}
		}
		return err
	case "doubleValue":
		s, err := d.word()
		if f, perr := strconv.ParseFloat(s, 64); perr == nil {
			d.v = value{double(f), scalar}
		}
		return err
	case "arrayValue", "kvlistValue", "bytesValue":
		d.v = value{kind: compound}
	}
	return d.c.Skip()
}

// word is a string or a number as text, "" for all else.
func (d *decoder) word() (string, error) {
	switch d.c.Peek() {
	case '"':
		return d.c.String()
	case '0':
		s, err := d.c.Number()
		return string(s), err
	}
	return "", d.c.Skip()
}

// nanos reads a time; what is none is 0, as a missing one is.
func (d *decoder) nanos() (uint64, error) {
	s, err := d.word()
	if n, perr := strconv.ParseUint(s, 10, 64); perr == nil {
		return n, err
	}
	if f, perr := strconv.ParseFloat(s, 64); perr == nil && f > 0 && f < 1<<63 {
		return uint64(f), err
	}
	return 0, err
}
