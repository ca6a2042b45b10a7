// Package help serves the manual, with the names and URLs of this server filled in.
package help

import (
	"sync"

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
	o    Options
	book func() (*book, error) // the first call fills in the chapters
}

// book is the manual, filled in for this server.
type book struct {
	chapters  []chapter
	parts     []part // of chapters
	platforms []platform
}

// New returns the manual. Its chapters are filled in when someone first opens it.
func New(kit *ui.Kit, o Options) *Section {
	s := &Section{Kit: kit, o: o}
	s.book = sync.OnceValues(s.load)
	return s
}
