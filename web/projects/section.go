// Package projects serves the pages on which people find and read projects: home, search, releases and files.
//
// Package catalog checks the permissions. A project that the caller may not read looks as if it did not exist. The
// pages are read-only.
package projects

import (
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/roles"
	"pyindex/web/ui"
)

// Options configure the pages. Index, Browser and Roles are required.
type Options struct {
	Index     *catalog.Index
	Browser   *browse.Browser
	Roles     *roles.Roles
	Authority []byte // PEM certificate of the server's own certificate authority; empty if there is none
}

// Section serves the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o            Options
	descriptions *descriptions
}

// New returns a section.
func New(kit *ui.Kit, o Options) *Section {
	return &Section{Kit: kit, o: o, descriptions: newDescriptions(kit.Now)}
}
