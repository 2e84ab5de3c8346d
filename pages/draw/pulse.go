package draw

import "html/template"

// Pulse pictures numbers by minute, as small as a line of a list.
func Pulse(minutes []int64, name, words string) template.HTML {
	d := &drawing{width: 180, height: 28}
	most := int64(1)
	for _, n := range minutes {
		most = max(most, n)
	}
	for i, n := range minutes {
		height := 1.0
		class := "none"
		if n > 0 {
			height, class = 2+24*float64(n)/float64(most), "some"
		}
		d.tag("rect", "x", float64(3*i), "y", d.height-height, "width", 2.0, "height", height, "class", class)
	}
	return d.done("pulse", name, words)
}
