// Package manage is the pages on which people change a project: its releases, people, settings and history, and the
// upload.
//
// Package catalog decides what a caller may change. What cannot be undone asks the caller to confirm who they are.
package manage

import (
	"pyindex/internal/account"
	"pyindex/internal/assembly"
	"pyindex/web/letters"
	"pyindex/web/ui"
)

// Options are what the pages are made from. All are needed.
type Options struct {
	Index    *assembly.Index
	Accounts *account.Accounts
	Letters  *letters.Sender
}

// Section is the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o       Options
	letters *letters.Sender
}

// New returns the pages.
func New(kit *ui.Kit, o Options) *Section { return &Section{kit, o, o.Letters} }
