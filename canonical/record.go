package canonical

// Record is one message of the log, decoded, as it is handed from the log to whoever consumes it. It is an event where
// it is nothing else.
type Record struct {
	Seq        uint64 // where it lies on the log, from 1
	Event      Event
	Definition []byte    // the text of a change of the registry
	Readout    []byte    // a readout that somebody stored
	Erasure    []byte    // the text of a receipt: a person was erased
	Rejected   *Rejected // how many items of a request could not be counted
	Err        error     // why the message is none of these; it is passed on so that it can be counted, never skipped in silence
}

// Rejected tells that a request had items that could not be counted. It says nothing of who they were about; the
// dead letter does.
type Rejected struct {
	Source     string `json:"source"`
	ReceivedAt Time   `json:"received_at"`
	Items      int64  `json:"rejected"` // how many
}
