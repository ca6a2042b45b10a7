package access_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// TestAuthorizeRemembers: a value that was accepted is not parsed again until something changes, and one that was
// refused is parsed each time.
func TestAuthorizeRemembers(t *testing.T) {
	o := newOffice(t)
	_, s := o.token("alice", access.NewAPIToken{Scope: access.ScopeUpload})
	parsed := 0
	authorize := func(value string) error {
		_, err := o.keys.Authorize(t.Context(), value, func(v string) (string, access.Secret, error) {
			parsed++
			return bearer(v)
		})
		return err
	}
	value := "Bearer " + s.Reveal()
	for range 5 {
		if err := authorize(value); err != nil {
			t.Fatal(err)
		}
	}
	if parsed != 1 {
		t.Errorf("an unchanged value was parsed %d times, want once", parsed)
	}
	for _, wrong := range []string{
		"", "Bearer", value + " ", " " + value, strings.ToLower(value), value[:len(value)-1], "Bearer " + access.NewToken().Reveal(),
	} {
		for range 2 {
			parsed = 0
			if err := authorize(wrong); !fault.Is(err, fault.Unauthenticated) && wrong != value+" " && wrong != " "+value {
				t.Errorf("Authorize(%q) = %v, want unauthenticated", wrong, err)
			}
			if parsed != 1 {
				t.Errorf("%q was parsed %d times, want each time", wrong, parsed)
			}
		}
	}
	malformed := errors.New("malformed")
	_, err := o.keys.Authorize(t.Context(), "Digest x", func(string) (string, access.Secret, error) { return "", s, malformed })
	if !errors.Is(err, malformed) {
		t.Errorf("Authorize() of a value that cannot be parsed = %v", err)
	}
}

// TestAuthorizeEnds: a remembered value ends with its token, in every process, also at the moment of its expiry, when
// nothing changes in the database.
func TestAuthorizeEnds(t *testing.T) {
	o := newOffice(t)
	authorize := func(keys *access.Keyring, s access.Secret) (access.Caller, error) {
		return keys.Authorize(t.Context(), "Bearer "+s.Reveal(), bearer)
	}
	both := func(s access.Secret, word string) {
		t.Helper()
		for _, keys := range []*access.Keyring{o.keys, o.beside} {
			who, err := authorize(keys, s)
			if word == "" && err != nil || word != "" && (!fault.Is(err, fault.Unauthenticated) || who.Known() ||
				!strings.Contains(err.Error(), word)) {
				t.Errorf("Authorize() = %v, %v, want %q", who.Name(), err, word)
			}
		}
	}
	revoked, s := o.token("alice", access.NewAPIToken{Scope: access.ScopeUpload})
	_, brief := o.token("alice", access.NewAPIToken{Scope: access.ScopeUpload, Expires: time.Hour})
	_, other := o.token("bob", access.NewAPIToken{Scope: access.ScopeUpload})
	for range 2 {
		both(s, "")
		both(brief, "")
		both(other, "")
	}
	if err := o.RevokeToken(t.Context(), o.boss, revoked.ID); err != nil {
		t.Fatal(err)
	}
	both(s, "revoked")
	both(brief, "")
	o.now = o.now.Add(time.Hour)
	both(brief, "expired")
	both(other, "")
	if err := o.DisableUser(t.Context(), o.boss, "bob"); err != nil {
		t.Fatal(err)
	}
	both(other, "disabled")
}

// TestAuthorizeFollowsRoles: the rights of a remembered value are those of now.
func TestAuthorizeFollowsRoles(t *testing.T) {
	o := newOffice(t)
	demo := o.project("demo")
	_, s := o.token("alice", access.NewAPIToken{Scope: access.ScopeUpload})
	for _, role := range []access.Role{access.Owner, access.NoRole, access.Maintainer, access.NoRole, access.Uploader} {
		o.grant("alice", demo, role)
		for range 2 {
			for _, keys := range []*access.Keyring{o.keys, o.beside} {
				who, err := keys.Authorize(t.Context(), "Bearer "+s.Reveal(), bearer)
				object := access.Object{RepositoryID: demo.RepositoryID, ProjectID: demo.ProjectID}
				if err != nil || who.May(access.Uploader, object) != (role >= access.Uploader) {
					t.Errorf("with the role %v: May() = %v, %v", role, who.May(access.Uploader, object), err)
				}
			}
		}
	}
}

// TestAuthorizeDuringRevocation: once RevokeToken has returned, no request that begins later is accepted.
func TestAuthorizeDuringRevocation(t *testing.T) {
	o := newOffice(t)
	for range 5 {
		token, s := o.token("alice", access.NewAPIToken{Scope: access.ScopeUpload})
		done := make(chan struct{})
		var wg sync.WaitGroup
		for i := range 4 {
			keys := []*access.Keyring{o.keys, o.beside}[i%2]
			wg.Go(func() {
				for accepted := 0; ; accepted++ {
					ended := false
					select {
					case <-done:
						ended = true
					default:
					}
					_, err := keys.Authorize(t.Context(), "Bearer "+s.Reveal(), bearer)
					if ended {
						if !fault.Is(err, fault.Unauthenticated) {
							t.Errorf("after the revocation, and %d requests: %v", accepted, err)
						}
						return
					}
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
		if err := o.RevokeToken(t.Context(), o.boss, token.ID); err != nil {
			t.Error(err)
		}
		close(done)
		wg.Wait()
	}
}

// TestAuthorizeAllocatesNothing: a remembered value is accepted without allocation.
func TestAuthorizeAllocatesNothing(t *testing.T) {
	o := newOffice(t)
	_, s := o.token("alice", access.NewAPIToken{Scope: access.ScopeUpload})
	value, ctx := "Bearer "+s.Reveal(), t.Context()
	accept := func() {
		if _, err := o.keys.Authorize(ctx, value, bearer); err != nil {
			t.Fatal(err)
		}
	}
	accept()
	if n := testing.AllocsPerRun(200, accept); n > 0 {
		t.Errorf("Authorize() allocates %v times", n)
	}
}
