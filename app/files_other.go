//go:build !unix

package app

func openFiles() (int, bool) { return 0, false }
