// Package projects serves the pages on which people find and read projects: home, search, releases and files.
//
// Package catalog checks the permissions. A project that the caller may not read looks as if it did not exist. Pages
// change nothing but subscriptions.
package projects

import (
	"pyindex/internal/account"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/follow"
	"pyindex/internal/holds"
	"pyindex/internal/pictures"
	"pyindex/internal/resolve"
	"pyindex/internal/roles"
	"pyindex/web/ui"
)

// Options configure the pages. Authority and Mail are optional.
type Options struct {
	Index     *catalog.Index
	Reader    *resolve.Reader // of Index and of what its repositories draw on
	Instance  string          // id of this index, as it appears in Via headers
	Browser   *browse.Browser
	Roles     *roles.Roles
	Followers *follow.Followers
	Holds     *holds.Holds // nil if nobody decides about held files
	Accounts  *account.Accounts
	Mail      bool   // whether the index sends e-mail
	Authority []byte // PEM certificate of the server's own certificate authority; empty if there is none
	Pictures  Pictures
}

// Pictures says how pictures of other sites in descriptions are shown. The zero value shows their texts.
type Pictures struct {
	Direct bool              // browsers load them from their hosts
	Proxy  *pictures.Fetcher // this server fetches them
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
