package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tracklayer/tracklayer/canonical"
)

// Official says of a stored readout what it is, who stored it and why.
type Official struct {
	SHA256       string         `json:"sha256"` // of the readout's bytes, hexadecimal
	ExperimentID string         `json:"experiment_id"`
	Run          *int           `json:"run"` // null: of a draft that has no run
	AsOf         Basis          `json:"as_of"`
	By           string         `json:"by"`
	Key          string         `json:"key,omitempty"` // fingerprint of the key; By is what its holder wrote
	At           canonical.Time `json:"at"`
	Note         string         `json:"note,omitempty"`
}

// ErrOfficial is wrapped where a record is no official readout.
var ErrOfficial = errors.New("not an official readout")

// HashOf names the bytes of a readout.
func HashOf(readout []byte) string {
	sum := sha256.Sum256(readout)
	return hex.EncodeToString(sum[:])
}

// Check says what is wrong with what people said about the readout.
func (o *Official) Check() error {
	var c checker
	c.that(o.By != "", "/by", "is required")
	c.by(o.By)
	c.note("/note", o.Note, false)
	return c.done()
}

// Encode is the readout as the log keeps it: a line of JSON about it, and its bytes.
func (o *Official) Encode(readout []byte) ([]byte, error) {
	about, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("describe a readout: %w", err)
	}
	return append(append(about, '\n'), readout...), nil
}

// ParseOfficial reads what Encode wrote. The readout is part of data.
func ParseOfficial(data []byte) (o Official, readout []byte, err error) {
	about, readout, found := bytes.Cut(data, []byte{'\n'})
	if !found {
		return o, nil, fmt.Errorf("%w: it has no second line", ErrOfficial)
	}
	if err := json.Unmarshal(about, &o); err != nil {
		return o, nil, fmt.Errorf("%w: %w", ErrOfficial, err)
	}
	if o.ExperimentID == "" || o.SHA256 != HashOf(readout) {
		return o, nil, fmt.Errorf("%w: its bytes are not those of its hash", ErrOfficial)
	}
	return o, readout, nil
}
