// Package admin serves the pages for administrators: users, groups, repositories, tokens, audit log and lockouts.
//
// Other callers get 404, as if the pages did not exist.
package admin

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/doctor"
	"pyindex/internal/ingest"
	"pyindex/internal/lockout"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/roles"
	"pyindex/internal/upstream"
	"pyindex/web/letters"
	"pyindex/web/ui"
)

// Options configure the pages. Version and Settings are shown on them.
type Options struct {
	Index     *catalog.Index
	Browser   *browse.Browser
	Roles     *roles.Roles
	Intake    *ingest.Intake
	Registry  *publishers.Registry
	Directory *access.Directory
	Exchange  *exchange.Minter
	Accounts  *account.Accounts
	Desk      *lockout.Desk
	Upstreams *upstream.Registry
	Health    upstream.Monitor // nil if nobody measures upstreams
	Doctor    Doctor           // nil for a site without checks
	Letters   *letters.Sender
	Version   string // of the program
	Settings  []ui.Setting
}

// Doctor examines the server. *doctor.Examiner implements it.
type Doctor interface {
	// Examine returns a report within a few seconds, which may be a minute old.
	Examine(ctx context.Context) (doctor.Report, error)
}

// Section serves the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o       Options
	letters *letters.Sender
	started time.Time
}

// New returns a section.
func New(kit *ui.Kit, o Options) *Section { return &Section{kit, o, o.Letters, kit.Now()} }
