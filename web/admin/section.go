// Package admin is the pages of administrators: users, groups, repositories, tokens, the audit log and lockouts.
//
// Everybody else gets the answer for an address that does not exist.
package admin

import (
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/assembly"
	"pyindex/internal/lockout"
	"pyindex/internal/publishers/exchange"
	"pyindex/web/letters"
	"pyindex/web/ui"
)

// Options are what the pages are made from. Version and Settings are shown.
type Options struct {
	Index     *assembly.Index
	Directory *access.Directory
	Exchange  *exchange.Minter
	Accounts  *account.Accounts
	Desk      *lockout.Desk
	Letters   *letters.Sender
	Version   string // of the program
	Settings  []ui.Setting
}

// Section is the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o       Options
	letters *letters.Sender
	started time.Time
}

// New returns the pages.
func New(kit *ui.Kit, o Options) *Section { return &Section{kit, o, o.Letters, kit.Now()} }
