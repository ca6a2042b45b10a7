// Package projects is the pages on which people find and read projects: home, search, a project's releases and files.
//
// What a caller may not read is missing, as if it did not exist; package catalog decides. Nothing here changes
// anything.
package projects

import (
	"pyindex/internal/assembly"
	"pyindex/web/ui"
)

// Options are what the pages are made from. Index is needed.
type Options struct {
	Index     *assembly.Index
	Authority []byte // certificate in PEM of the authority that this server created for itself; empty if it did not
}

// Section is the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o            Options
	descriptions *descriptions
}

// New returns the pages.
func New(kit *ui.Kit, o Options) *Section {
	return &Section{Kit: kit, o: o, descriptions: newDescriptions(kit.Now)}
}
