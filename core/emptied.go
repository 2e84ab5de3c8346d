package core

// keepEmptied is the size up to which an emptied map is used again: emptying one takes as long each time as it was large
// once.
const keepEmptied = 4096

// emptied returns the map without its entries, or another one if it was large.
func emptied[K comparable, V any](m map[K]V) map[K]V {
	if len(m) > keepEmptied {
		return map[K]V{}
	}
	clear(m)
	return m
}
