// Package wire holds the parts that stored records are written from: integers as varints, and text, units and exact sums.
// Its Decoder reads them again.
//
// Only package core and the packages below it may import it: the form of the records is private to the state.
package wire
