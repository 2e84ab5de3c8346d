package canonical

// Record is one message of the log, decoded, as it is handed from the log to whoever consumes it.
type Record struct {
	Seq        uint64 // where it lies on the log, from 1
	Event      Event
	Definition []byte // the text of a change of the registry, where the message is one and no event
	Readout    []byte // a readout that somebody stored, where the message is one
	Err        error  // why the message is none of these; it is passed on so that it can be counted, never skipped in silence
}
