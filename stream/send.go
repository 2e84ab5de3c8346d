package stream

import (
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

func size(r *request) (messages, bytes int) {
	for _, m := range r.messages {
		bytes += len(m.data)
	}
	return len(r.messages), bytes
}

// few reports whether the group is faster, and no less safe, without a batch.
func few(group []*request) bool {
	n := 0
	for _, r := range group {
		if n += len(r.messages); r.whole || n > maxSingles {
			return false
		}
	}
	return true
}

// singles stores every message of the group by itself, all of them under way at once.
func (l *lane) singles(group []*request) {
	acks := make(map[string]result, maxSingles)
	replies := make([]string, 0, maxSingles)
	var failed error
	for _, r := range group {
		for _, m := range r.messages {
			l.count++
			reply := l.inbox + "." + strconv.FormatUint(l.count, 36)
			replies = append(replies, reply)
			acks[reply] = result{err: errNoAck}
			if failed == nil {
				failed = l.nc.PublishMsg(&nats.Msg{Subject: m.subject, Reply: reply, Data: m.data})
			}
		}
	}
	deadline := time.Now().Add(ackTimeout)
	for open := len(replies); open > 0 && failed == nil; {
		var msg *nats.Msg
		if msg, failed = l.singly.NextMsg(time.Until(deadline)); failed != nil {
			break
		}
		if _, ours := acks[msg.Subject]; ours { // else a late answer to a group that gave up on it
			seq, err := parseAck(msg.Data)
			acks[msg.Subject] = result{seq, err}
			open--
		}
	}
	unsynced := l.log.dirs.sync(l.log.name(eventsStream))
	for _, r := range group {
		last := result{err: unsynced}
		for range r.messages {
			ack := acks[replies[0]]
			replies = replies[1:]
			if last.seq = max(last.seq, ack.seq); ack.err != nil {
				last.err = ack.err
			}
		}
		if errors.Is(last.err, errNoAck) && failed != nil {
			last.err = failed
		}
		l.answer(r, last.seq, last.err)
	}
}

// batch stores all messages of the group in one atomic batch and returns the sequence of the last one.
func (l *lane) batch(group []*request) (uint64, error) {
	l.count++
	seq := []string{""}
	header := nats.Header{
		"Nats-Batch-Id":       {l.name + "." + strconv.FormatInt(time.Now().UnixNano(), 36) + "." + strconv.FormatUint(l.count, 36)},
		"Nats-Batch-Sequence": seq,
	}
	n := 0
	for i, r := range group {
		for j, m := range r.messages {
			n++
			seq[0] = strconv.Itoa(n)
			msg := &nats.Msg{Subject: m.subject, Header: header, Data: m.data}
			if i == len(group)-1 && j == len(r.messages)-1 {
				header["Nats-Batch-Commit"] = []string{"1"}
				return l.request(msg)
			}
			if err := l.nc.PublishMsg(msg); err != nil {
				return 0, err
			}
		}
	}
	return 0, errors.New("an empty group") // no request is empty
}
