// Package config turns a file, the environment and the command line into one
// checked value, so that no other package ever looks a setting up by name.
//
// It is a leaf: it imports nothing of this module and names no vendor. Only
// cmd imports it and hands the typed fields on; a package that wants a setting
// takes it as an argument instead.
//
// Every fault of every reader is reported at once, each with its key, where it
// came from and what to write instead. A value of [Config] that [Load]
// returned without an error has passed [Config.Validate].
package config
