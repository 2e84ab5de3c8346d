package stats

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mathext"
)

// Either side of the switch the two ways to a tail must agree, near the middle
// and far out.
func TestStudentTailIsOneCurve(t *testing.T) {
	for _, nu := range []float64{manyDegrees, 300, 1000} {
		for _, x := range []float64{0.01, 0.5, 1.96, 4, 8, 15} {
			exact := mathext.RegIncBeta(nu/2, 0.5, nu/(nu+x*x)) / 2
			expanded := normalCDF(-studentAsNormal(x, nu))
			tol := 1e-11
			if x > 8 { // p below 1e-30
				tol = 2e-8
			}
			if off := math.Abs(expanded/exact - 1); off > tol {
				t.Errorf("nu %v, t %v: %v and %v, relative difference %.1g", nu, x, exact, expanded, off)
			}
		}
	}
}

// The quantile's own expansion in 1/nu (Fisher and Cornish) is exact to the
// last digit where there are very many degrees of freedom.
func TestStudentCriticalOfManyDegrees(t *testing.T) {
	z := ZCritical(0.95).Value
	for _, nu := range []float64{1e5, 1e7, 1e9, 1e15} {
		want := z + (z*z*z+z)/(4*nu) + (5*math.Pow(z, 5)+16*z*z*z+3*z)/(96*nu*nu)
		if got := studentCritical(0.95, nu); math.Abs(got-want) > 1e-13 {
			t.Errorf("nu %v: got %.16g, want %.16g", nu, got, want)
		}
	}
}
