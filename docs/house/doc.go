// Package house holds the tests of what no single package can see: who imports
// whom, and whether the container image can be built. It has no code of its
// own, imports nothing of this module, and nothing may import it.
package house
