package canonical

import (
	"cmp"
	"strings"
)

// Record is one message of the log, decoded, as it is handed from the log to its consumers. It is an event if it is
// nothing else.
type Record struct {
	Seq        uint64 // its sequence in the log, from 1
	Event      Event
	Definition []byte    // the text of a change of the registry
	Readout    []byte    // a stored readout
	Erasure    []byte    // the text of a receipt: a person was erased
	Clock      []byte    // the text of a correction of the clock
	Rejected   *Rejected // the items of a request that are not counted as events
	Err        error     // why the message is none of these; it is passed on so that it can be counted, never skipped in silence
}

// Rejected says how many items of a request are not counted as events, and why. It holds no id of a person: an erasure
// does not reach it. The dead letter of the request has the items themselves.
type Rejected struct {
	Source     string `json:"source"`
	ReceivedAt Time   `json:"received_at"`
	Items      int64  `json:"rejected"`          // items that could not be counted
	Ignored    int64  `json:"ignored,omitempty"` // items that are not meant to count
	// Reasons say why, in the order of Compare, each once. Records written before reasons were stored have none.
	Reasons []Uncounted `json:"reasons,omitempty"`
}

// DeadLetter is a request of which something could not be counted, kept as it came so that a fixed adapter can have
// another try.
type DeadLetter struct {
	Seq        uint64 `json:"seq,omitempty"` // its number among the dead letters, from 1; 0: it is not stored yet
	Source     string `json:"source"`
	ReceivedAt Time   `json:"received_at"`
	Reason     string `json:"reason"`             // of the first fault, with its field
	Rejected   int    `json:"rejected,omitempty"` // how many items of the request; 0: the whole request
	Items      []int  `json:"items,omitempty"`    // which, by index; none: the whole request
	Cut        bool   `json:"cut,omitempty"`      // the request is not whole: it was larger than what is kept
	// Request is HTTP/1.1 text, its headers by allow-list, its body compressed as Content-Encoding says; nil in a list.
	Request []byte `json:"-"`
}

// Outcomes of items that are not counted as events.
const (
	OutcomeIgnored  = "ignored"
	OutcomeRejected = "rejected"
)

// OtherReasons is the reason that stands for all reasons that have no entry of their own.
const OtherReasons = "other"

// MaxReasons is how many reasons of an outcome have an entry of their own, in a request and in a line of the ledger.
const MaxReasons = 50

// Uncounted is how many items are not counted for one reason.
type Uncounted struct {
	Outcome string   `json:"outcome"`         // OutcomeIgnored or OutcomeRejected
	Field   string   `json:"field,omitempty"` // that was at fault, in the sender's words
	Reason  string   `json:"reason"`
	Items   int64    `json:"items"`
	Example *Example `json:"example,omitempty"` // of a rejected item
}

// Example is one item.
type Example struct {
	Index  int    `json:"index"`  // of the item in its request, from 0
	Detail string `json:"detail"` // what is wrong with it, without ids of persons
}

// Compare orders reasons by outcome, field and reason. Reasons for ignoring that hold a sender's word, such as
// "other_reason: fallthrough", come after those that do not, so that no number of words displaces the others.
func (u *Uncounted) Compare(o *Uncounted) int {
	return cmp.Or(strings.Compare(u.Outcome, o.Outcome), u.worded()-o.worded(), strings.Compare(u.Field, o.Field), strings.Compare(u.Reason, o.Reason))
}

func (u *Uncounted) worded() int {
	if u.Outcome == OutcomeIgnored && strings.Contains(u.Reason, ": ") {
		return 1
	}
	return 0
}
