package pages

import (
	"html/template"

	"github.com/tracklayer/tracklayer/pages/draw"
)

// pulse pictures requests by minute.
func pulse(minutes []int64) template.HTML {
	var sum int64
	for _, n := range minutes {
		sum += n
	}
	return draw.Pulse(minutes, many(sum, "request", "requests"), "in the last hour, by minute.")
}
