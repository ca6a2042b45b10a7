// Package recovery loses an index and restores it from a backup, with the real program.
package recovery
