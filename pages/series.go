package pages

import "github.com/tracklayer/tracklayer/readout"

// charts are the pictures over time.
func (p *Pages) charts(_ *request, _ string, _ shown, _ *readout.Readout) ([]chart, error) {
	return nil, nil
}
