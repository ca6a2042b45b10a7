// Package help serves the manual, with the names and URLs of this server filled in.
package help

import (
	"pyindex/web/ui"
)

// Options configure the manual.
type Options struct {
	Settings  []ui.Setting
	Authority []byte // PEM certificate of the server's own certificate authority; empty if there is none
	Audience  string // that clients of trusted publishing request; "" for the host of the base URL
}

// Section serves the manual. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o         Options
	manual    []chapter
	parts     []part // of manual
	platforms []platform
}

// New returns the manual. It returns an error if a chapter is not a valid template.
func New(kit *ui.Kit, o Options) (*Section, error) {
	s := &Section{Kit: kit, o: o}
	return s, s.loadManual()
}
