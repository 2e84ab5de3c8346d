package stream

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// parseAck reads JetStream's answer to a publish. A refusal is a *nats.APIError: then nothing was stored.
func parseAck(data []byte) (uint64, error) {
	var ack struct {
		Seq   uint64         `json:"seq"`
		Error *nats.APIError `json:"error"`
	}
	if err := json.Unmarshal(data, &ack); err != nil {
		return 0, fmt.Errorf("an answer from JetStream that cannot be read: %w", err)
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	if ack.Seq == 0 {
		return 0, errors.New("an answer from JetStream without a sequence")
	}
	return ack.Seq, nil
}
