package stats

import "math"

// walk is the recursion of Armitage, McPherson and Rowe (1969): the density of a
// Brownian motion at a time among the paths that crossed no bound so far, as
// weights on quadrature nodes. The zero walk is at its start. The process is
// standardised at every step, so that the unit of time does not matter.
type walk struct {
	time  float64
	nodes []weighted // place and probability weight; ascending
}

// beyond is how many standard deviations are followed where there is no bound:
// 2e-17 of the probability is further out.
const beyond = 8.5

// above is the probability to be alive until t and then above bound standard
// deviations.
func (w *walk) above(t, bound float64) float64 {
	if w.time == 0 {
		return normalCDF(-bound)
	}
	sd, place := math.Sqrt(t-w.time), bound*math.Sqrt(t)
	var p float64
	for i := range w.nodes {
		p += w.nodes[i].w * normalCDF((w.nodes[i].t-place)/sd)
	}
	return p
}

// boundFor finds the bound which is exceeded at t with a probability. The
// probability falls with the bound, so halving finds it; the tail is exact at
// any size, so the probability may be as small as float64 allows.
func (w *walk) boundFor(t, probability float64) float64 {
	low, high := -beyond, 40.0
	for range 100 {
		mid := low + (high-low)/2
		if mid == low || mid == high {
			break
		}
		if w.above(t, mid) > probability {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// step goes on to time t, where paths outside the bounds (in standard
// deviations) end.
func (w *walk) step(t, lower, upper float64) {
	sd := math.Sqrt(t)
	low, high := math.Max(lower, -beyond)*sd, math.Min(upper, beyond)*sd
	step := math.Sqrt(t - w.time)
	// The density changes within one step's standard deviation.
	panels := max(4, int(math.Ceil((high-low)/(1.5*step))))
	r := gauss()
	next := make([]weighted, 0, panels*nodes)
	half := (high - low) / float64(panels) / 2
	first := 0
	for i := range panels {
		mid := low + float64(2*i+1)*half
		for j, x := range r.x {
			place := mid + half*x
			next = append(next, weighted{t: place, w: half * r.w[j] * w.density(place, step, &first)})
		}
	}
	w.time, w.nodes = t, next
}

// density is that of the paths at a place one step later. First is the first
// node from which the place can be reached; it follows the place upwards.
func (w *walk) density(place, step float64, first *int) float64 {
	if w.time == 0 {
		return normalPDF(place/step) / step
	}
	for *first < len(w.nodes) && w.nodes[*first].t < place-beyond*step {
		*first++
	}
	var sum float64
	for _, n := range w.nodes[*first:] {
		z := (place - n.t) / step
		if z < -beyond {
			break
		}
		sum += n.w * math.Exp(-z*z/2)
	}
	return sum / (step * math.Sqrt(2*math.Pi))
}
