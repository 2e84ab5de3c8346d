// Package demo makes up the traffic of a shop that runs experiments with six tools at once, each in the tool's own wire
// format, so that a newcomer sees what weeks of use look like.
//
// It is a program without side effects: the same seed and the same moment give the same requests, in order of time. Who
// sends them, and by which clock they are received, is the caller's business. It imports nothing of ours, and only cmd may
// import it: what it knows of the formats it knows from outside, like any sender.
package demo
