// Package manage serves the pages on which people manage a project: releases, collaborators, settings, history and
// uploads.
//
// Package catalog checks the permissions. Actions that cannot be undone require re-authentication.
package manage

import (
	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/roles"
	"pyindex/web/letters"
	"pyindex/web/ui"
)

// Options configure the pages. All fields are required.
type Options struct {
	Index    *catalog.Index
	Browser  *browse.Browser
	Roles    *roles.Roles
	Intake   *ingest.Intake
	Accounts *account.Accounts
	Letters  *letters.Sender

	Directory *access.Directory // of service accounts
}

// Section serves the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o Options
}

// New returns a section.
func New(kit *ui.Kit, o Options) *Section { return &Section{kit, o} }
