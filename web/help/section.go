// Package help is the manual, filled in with this server's names and addresses.
package help

import (
	"pyindex/web/ui"
)

// Options are what the manual is made from.
type Options struct {
	Settings  []ui.Setting
	Authority []byte // certificate in PEM of the authority that this server created for itself; empty if it did not
}

// Section is the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o      Options
	manual []chapter
}

// New returns the manual. It returns an error if a chapter cannot be filled in.
func New(kit *ui.Kit, o Options) (*Section, error) {
	s := &Section{Kit: kit, o: o}
	return s, s.loadManual()
}
