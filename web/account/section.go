// Package account serves the pages on which people sign in and manage their account, its sessions and its tokens.
//
// The internal packages access and account check passwords, codes and permissions. A page never shows a secret twice.
package account

import (
	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/signin"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/follow"
	"pyindex/web/letters"
	"pyindex/web/ui"
)

// Options configure the pages. Index, Browser, Directory, Accounts, SignIn, Letters and Followers are required.
type Options struct {
	Index     *catalog.Index
	Browser   *browse.Browser
	Directory *access.Directory
	Accounts  *account.Accounts
	SignIn    *signin.Methods
	Letters   *letters.Sender
	Followers *follow.Followers

	SignOn        SignOn // single sign-on provider; nil for none
	SignOnName    string // display name of the provider
	SignOnCreates bool   // create an account on the first sign-on of a person
}

// Section serves the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o       Options
	letters *letters.Sender
}

// New returns a section.
func New(kit *ui.Kit, o Options) *Section {
	kit.SetSealForm(o.SignIn.HoldForm)
	return &Section{kit, o, o.Letters}
}
