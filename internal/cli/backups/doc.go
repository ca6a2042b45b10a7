// Package backups has the commands that make backups of an index, verify them and restore them.
package backups
