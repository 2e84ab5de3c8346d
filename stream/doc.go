// Package stream is the event log: NATS JetStream, embedded in the process or in a cluster somewhere, with one
// durable publish that many requests share and one ordered consume. The log is the truth; everything else can be
// made again from it.
//
// It is the only package that knows NATS. It imports canonical, and neither the ingest endpoints that publish nor the core that
// consumes may be imported here: each of them declares the interface that it needs.
package stream
