//go:build unix

package main

import "syscall"

// keepPrivate makes what the process writes from now on unreadable for other users of the machine: the log and the state
// hold the ids of persons.
func keepPrivate() { syscall.Umask(0o077) }
