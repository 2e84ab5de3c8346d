package pages

import (
	"html/template"
)

// pulse pictures requests by minute.
func pulse(minutes []int64) template.HTML {
	d := &drawing{width: 180, height: 28}
	most, sum := int64(1), int64(0)
	for _, n := range minutes {
		most, sum = max(most, n), sum+n
	}
	for i, n := range minutes {
		height := 1.0
		class := "none"
		if n > 0 {
			height, class = 2+24*float64(n)/float64(most), "some"
		}
		d.tag("rect", "x", float64(3*i), "y", d.height-height, "width", 2.0, "height", height, "class", class)
	}
	return d.done("pulse", many(sum, "request", "requests"), "in the last hour, by minute.")
}
