// Package canonical is the contract between everything that sends and everything that counts: four kinds of event,
// what makes each of them valid, how they are written on the log, and where. All other packages meet here, so it
// depends on none of them, and on nothing but the standard library.
//
// An event is plain data. Nothing in this package reads a clock or draws a random number by itself: the time of
// receipt and the source of randomness are arguments, so that the same bytes always give the same event.
package canonical
