//go:build !windows

package main

import (
	"strings"
	"testing"

	"pyindex/internal/access"
)

// TestPasswordCost checks that the program hashes passwords at the cost that it documents, whichever way they are set.
// Tests of its packages take a lower one.
func TestPasswordCost(t *testing.T) {
	const usual = "$argon2id$v=19$m=19456,t=2,p=1$"
	x := newFixture(t, "http://h.example", true)
	user, err := x.app.Directory.AddUser(t.Context(), x.app.Operator,
		access.NewUser{Name: "carol", Password: "correct horse battery staple"})
	if err != nil || !strings.HasPrefix(user.PasswordHash, usual) {
		t.Errorf("AddUser(carol) made the hash %.40q, %v, want %s…", user.PasswordHash, err, usual)
	}
	hash, err := x.app.SignIn.Hash(t.Context(), "correct horse battery staple")
	if err != nil || !strings.HasPrefix(hash, usual) {
		t.Errorf("Hash() = %.40q, %v, want %s…", hash, err, usual)
	}
}
