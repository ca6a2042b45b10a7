package web

import "net/http"

// ways are the ways to sign in without a password of this index.
func (s *Site) ways(*http.Request) []Way { return nil }

// loginScripts are the scripts of pages on which people prove who they are.
func (s *Site) loginScripts() []string {
	if s.o.Accounts.Passkeyed() {
		return []string{"passkey.js"}
	}
	return nil
}
