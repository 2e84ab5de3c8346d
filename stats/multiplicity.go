package stats

import (
	"math"
	"slices"
)

// Bonferroni returns each p value times the number of them, at most 1, in the
// order of p. It bounds the probability of any false rejection (Dunn 1961,
// "Multiple comparisons among means"); [Holm] does the same and rejects more.
//
// An undefined entry stays undefined and is not counted, and a value outside
// [0, 1] becomes undefined with [ReasonInvalidInput]; so in all three
// corrections.
func Bonferroni(p []Number) []Number {
	return adjust(p, func(sorted []float64) {
		for i := range sorted {
			sorted[i] = math.Min(1, float64(len(sorted))*sorted[i])
		}
	})
}

// Holm returns the step-down adjusted p values, in the order of p: for the i-th
// smallest of m the largest of min(1, (m-j+1) p_(j)) over j <= i (Holm 1979, "A
// simple sequentially rejective multiple test procedure"). Rejecting what is
// below alpha bounds the probability of any false rejection by alpha, however
// the tests depend on one another. Always-valid p values may go in.
func Holm(p []Number) []Number {
	return adjust(p, func(sorted []float64) {
		var most float64
		for i, v := range sorted {
			most = math.Max(most, math.Min(1, float64(len(sorted)-i)*v))
			sorted[i] = most
		}
	})
}

// BenjaminiHochberg returns the step-up adjusted p values, in the order of p:
// for the i-th smallest of m the smallest of min(1, m p_(j)/j) over j >= i
// (Benjamini and Hochberg 1995, "Controlling the false discovery rate").
// Rejecting what is below q keeps the expected share of false ones among the
// rejected below q when the tests are independent or positively dependent.
func BenjaminiHochberg(p []Number) []Number {
	return adjust(p, func(sorted []float64) {
		least, m := 1.0, float64(len(sorted))
		for i := len(sorted) - 1; i >= 0; i-- {
			least = math.Min(least, m/float64(i+1)*sorted[i])
			sorted[i] = least
		}
	})
}

// adjust hands the existing p values to correct in ascending order and puts
// what it makes of them where they were.
func adjust(p []Number, correct func(sorted []float64)) []Number {
	out := make([]Number, len(p))
	order := make([]int, 0, len(p))
	for i, v := range p {
		switch {
		case !v.OK:
			out[i] = Undefined(orInvalid(v.Reason))
		case !(v.Value >= 0 && v.Value <= 1):
			out[i] = Undefined(ReasonInvalidInput)
		default:
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a].Value < p[b].Value:
			return -1
		case p[a].Value > p[b].Value:
			return 1
		}
		return 0
	})
	sorted := make([]float64, len(order))
	for rank, i := range order {
		sorted[rank] = p[i].Value
	}
	correct(sorted)
	for rank, i := range order {
		out[i] = Known(sorted[rank])
	}
	return out
}
