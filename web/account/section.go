// Package account is the pages on which people sign in and look after their account, its sessions and its tokens.
//
// Packages access and account of the middle ring check passwords, codes and rights. A page never shows a secret twice.
package account

import (
	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/signin"
	"pyindex/internal/assembly"
	"pyindex/web/letters"
	"pyindex/web/ui"
)

// Options are what the pages are made from. Index, Directory, Accounts, SignIn and Letters are needed.
type Options struct {
	Index     *assembly.Index
	Directory *access.Directory
	Accounts  *account.Accounts
	SignIn    *signin.Methods
	Letters   *letters.Sender

	SignOn        SignOn // provider of single sign-on; nil for none
	SignOnName    string // of the provider, as people know it
	SignOnCreates bool   // whether a person gets an account at the first sign-on
}

// Section is the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o       Options
	letters *letters.Sender
}

// New returns the pages.
func New(kit *ui.Kit, o Options) *Section { return &Section{kit, o, o.Letters} }
