package storagetest

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/signin"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// Access checks the guarantees of access.Store and its rows.
func Access(t *testing.T, open Opener) {
	for name, check := range map[string]func(*world){
		"users":            checkUsers,
		"tokens":           checkTokens,
		"token projects":   checkTokenProjects,
		"minted tokens":    checkMinted,
		"token lists":      checkTokenLists,
		"token changes":    checkTokenChanges,
		"token ends":       checkTokenEnds,
		"upload tokens":    checkTokensTouching,
		"expired tokens":   checkExpired,
		"grants":           checkGrants,
		"marks of grants":  checkGrantMarks,
		"project by names": checkProjectID,
		"user race":        checkUserRace,
		"sessions":         checkSessions,
		"standing":         checkStanding,
		"second factors":   checkFactors,
		"service accounts": checkServices,
		"replaced tokens":  checkReplacedTokens,
	} {
		t.Run(name, func(t *testing.T) { check(newWorld(t, open)) })
	}
}

// token inserts t, with a new id and hash, bound to projects.
func (w *world) token(t access.Token, bound ...access.TokenProject) access.Token {
	w.Helper()
	t.ID, t.CreatedAt = w.id("token"), at.Add(time.Duration(w.n)*time.Second)
	t.Hash = digest(t.ID)
	w.updateAccess(func(tx access.Tx) error {
		w.must(tx.InsertToken(w.ctx, t))
		for _, b := range bound {
			b.TokenID = t.ID
			w.must(tx.InsertTokenProject(w.ctx, b))
		}
		return nil
	})
	return t
}

func checkUsers(w *world) {
	zoe := w.user("zoe")
	amy := access.User{
		ID:           w.id("user"),
		Name:         "amy",
		Admin:        true,
		PasswordHash: "$argon2id$…",
		CreatedAt:    at,
		DisabledAt:   at.Add(time.Hour),
	}
	w.updateAccess(func(tx access.Tx) error {
		w.want("InsertUser(taken name)", tx.InsertUser(w.ctx, access.User{ID: "x", Name: "zoe"}), fault.Conflict)
		w.must(tx.InsertUser(w.ctx, amy))
		zoe.Admin, zoe.PasswordHash, zoe.DisabledAt = true, "hash", at
		w.must(tx.UpdateUser(w.ctx, zoe))
		w.want("UpdateUser(nothing)", tx.UpdateUser(w.ctx, access.User{ID: "nothing"}), fault.NotFound)
		return nil
	})
	w.must(w.b.Access.View(w.ctx, func(tx access.Tx) error {
		got, err := tx.UserByName(w.ctx, "zoe")
		w.must(err)
		w.same("UserByName()", got, zoe)
		got, err = tx.UserByID(w.ctx, amy.ID)
		w.must(err)
		w.same("UserByID()", got, amy)
		_, err = tx.UserByName(w.ctx, "ZOE")
		w.want("UserByName(ZOE)", err, fault.NotFound)
		all, err := tx.Users(w.ctx)
		w.same("Users()", all, []access.User{amy, zoe})
		return err
	}))
}

func checkTokens(w *world) {
	full := w.token(access.Token{
		Kind: access.TokenMinted, Scope: access.ScopeUpload, Description: "für CI", Limited: true,
		ExpiresAt:  at.Add(time.Minute),
		LastUsedAt: at, RevokedAt: at, Publisher: "workflow x",
		Claims:    map[string]any{"sub": "repo:a/b", "id": json.Number("123456789012345678")},
		SingleUse: true, SpentAt: at.Add(time.Second),
	})
	bare := w.token(access.Token{Kind: access.TokenAPI, UserID: "u"})
	w.updateAccess(func(tx access.Tx) error {
		w.want("InsertToken(taken hash)",
			tx.InsertToken(w.ctx, access.Token{ID: "x", Kind: access.TokenAPI, Hash: bare.Hash}), fault.Conflict)
		got, err := tx.TokenByHash(w.ctx, full.Hash)
		w.must(err)
		w.same("TokenByHash()", got, full)
		got, err = tx.TokenByID(w.ctx, bare.ID)
		w.must(err)
		w.same("TokenByID()", got, bare)
		_, err = tx.TokenByHash(w.ctx, digest("nothing"))
		w.want("TokenByHash(nothing)", err, fault.NotFound)
		_, err = tx.TokenByID(w.ctx, "nothing")
		w.want("TokenByID(nothing)", err, fault.NotFound)
		return nil
	})
}

// checkTokenEnds checks that expiring tokens are found and warned about once, and that a user's tokens end together.
func checkTokenEnds(w *world) {
	ann, zoe := w.user("ann"), w.user("zoe")
	issue := func(u access.User, ends time.Duration) access.Token {
		t := access.Token{Kind: access.TokenAPI, UserID: u.ID, Scope: access.ScopeRead, CreatedAt: at}
		if ends != 0 {
			t.ExpiresAt = at.Add(ends)
		}
		return w.token(t)
	}
	over, later, soon, endless, far := issue(ann, -time.Hour), issue(ann, 2*time.Hour), issue(zoe, time.Hour),
		issue(ann, 0), issue(ann, 48*time.Hour)
	minted := w.token(access.Token{
		Kind: access.TokenMinted, Scope: access.ScopeUpload, CreatedAt: at, ExpiresAt: at.Add(time.Hour),
	})
	expiring := func(tx access.Tx) (ids []string) {
		all, err := tx.TokensExpiring(w.ctx, at, at.Add(24*time.Hour))
		w.must(err)
		for _, t := range all {
			ids = append(ids, t.ID)
		}
		return ids
	}
	w.updateAccess(func(tx access.Tx) error {
		w.same("TokensExpiring()", expiring(tx), []string{soon.ID, later.ID})
		for _, want := range []bool{true, false} {
			did, err := tx.WarnToken(w.ctx, soon.ID, at)
			w.must(err)
			w.same("WarnToken()", did, want)
		}
		w.same("TokensExpiring(after a warning)", expiring(tx), []string{later.ID})
		w.must(tx.UnwarnToken(w.ctx, soon.ID))
		w.same("TokensExpiring(after a warning that was taken back)", expiring(tx), []string{soon.ID, later.ID})
		for _, want := range []int64{4, 0} {
			n, err := tx.RevokeTokensOf(w.ctx, ann.ID, at)
			w.must(err)
			w.same("RevokeTokensOf()", n, want)
		}
		w.same("TokensExpiring(after revoking)", expiring(tx), []string{soon.ID})
		for _, t := range []access.Token{over, later, endless, far} {
			got, err := tx.TokenByID(w.ctx, t.ID)
			w.must(err)
			w.same("revoked", got.RevokedAt.Equal(at), true)
		}
		for _, t := range []access.Token{soon, minted} {
			got, err := tx.TokenByID(w.ctx, t.ID)
			w.must(err)
			w.same("somebody else's is revoked", got.RevokedAt.IsZero(), true)
		}
		return nil
	})
	w.once("one warning", func(tx account.Tx) (bool, error) { return tx.WarnToken(w.ctx, soon.ID, at) })
}

func (w *world) bound(t access.Token) []string {
	w.Helper()
	var out []string
	w.must(w.b.Access.View(w.ctx, func(tx access.Tx) (err error) {
		out, err = tx.TokenProjects(w.ctx, t.ID)
		return err
	}))
	return out
}

// checkTokensTouching checks that exactly the tokens that could affect a project are returned.
func checkTokensTouching(w *world) {
	one, two := w.project("one"), w.project("two")
	zoe, amy, root, bob := w.user("zoe"), w.user("amy"),
		access.User{ID: w.id("user"), Name: "root", Admin: true, CreatedAt: at}, w.user("bob")
	w.updateAccess(func(tx access.Tx) error {
		w.must(tx.InsertUser(w.ctx, root))
		w.must(tx.PutGrant(w.ctx,
			access.Grant{UserID: zoe.ID, RepositoryID: one.Repository.ID, ProjectID: one.ID, Role: access.Owner, CreatedAt: at}))
		w.must(tx.PutGrant(w.ctx,
			access.Grant{UserID: bob.ID, RepositoryID: one.Repository.ID, ProjectID: two.ID, Role: access.Owner, CreatedAt: at}))
		return tx.PutGrant(w.ctx,
			access.Grant{UserID: amy.ID, RepositoryID: one.Repository.ID, Role: access.Reader, CreatedAt: at})
	})
	api := func(user string, scope access.Scope) access.Token {
		return access.Token{Kind: access.TokenAPI, UserID: user, Scope: scope}
	}
	bound := api(zoe.ID, access.ScopeUpload)
	bound.Limited = true
	revoked := api(root.ID, access.ScopeAdmin)
	revoked.RevokedAt = at
	want := []access.Token{
		w.token(api(zoe.ID, access.ScopeUpload)), w.token(api(amy.ID, access.ScopeAdmin)),
		w.token(api(root.ID, access.ScopeUpload)),
		w.token(bound, access.TokenProject{ProjectID: two.ID}, access.TokenProject{ProjectID: one.ID}),
	}
	w.token(api(bob.ID, access.ScopeUpload))
	w.token(api(root.ID, access.ScopeRead))
	w.token(bound, access.TokenProject{ProjectID: two.ID})
	w.token(revoked)
	w.token(access.Token{Kind: access.TokenMinted, Scope: access.ScopeUpload, Limited: true},
		access.TokenProject{ProjectID: one.ID, PublisherID: "p"})
	w.update(func(tx publishers.Tx) error {
		got, err := tx.TokensTouching(w.ctx, one.Repository.ID, one.ID)
		w.must(err)
		w.same("TokensTouching()", got, want)
		got, err = tx.TokensTouching(w.ctx, "elsewhere", "nothing")
		w.same("TokensTouching(nothing)", got, want[2:3])
		return err
	})
}

func checkTokenProjects(w *world) {
	one, two := w.project("one"), w.project("two")
	t := w.token(access.Token{Kind: access.TokenAPI}, access.TokenProject{ProjectID: two.ID},
		access.TokenProject{ProjectID: one.ID}, access.TokenProject{ProjectID: one.ID})
	w.same("TokenProjects()", w.bound(t), []string{one.ID, two.ID})
	w.same("TokenProjects(nothing)", w.bound(access.Token{ID: "nothing"}), []string{})
}

// checkMinted checks that a binding ends when its publisher is detached, and is not revived by attaching it again.
func checkMinted(w *world) {
	one, two, p := w.project("one"), w.project("two"), w.publisher("p")
	w.attach(p, one)
	w.attach(p, two)
	t := w.token(access.Token{Kind: access.TokenMinted},
		access.TokenProject{ProjectID: one.ID, PublisherID: p.ID}, access.TokenProject{ProjectID: two.ID, PublisherID: p.ID})
	w.same("TokenProjects(attached)", w.bound(t), []string{one.ID, two.ID})
	w.update(func(tx publishers.Tx) error { _, err := tx.Detach(w.ctx, p.ID, one.ID); return err })
	w.same("TokenProjects(one detached)", w.bound(t), []string{two.ID})
	w.attach(p, one)
	w.same("TokenProjects(attached again)", w.bound(t), []string{two.ID})
	never := w.token(access.Token{Kind: access.TokenMinted},
		access.TokenProject{ProjectID: one.ID, PublisherID: "no such publisher"})
	w.same("TokenProjects(publisher unknown)", w.bound(never), []string{})
}

func checkTokenLists(w *world) {
	p, q := w.project("p"), w.project("q")
	ann := w.token(access.Token{Kind: access.TokenAPI, UserID: "ann", Limited: true},
		access.TokenProject{ProjectID: q.ID}, access.TokenProject{ProjectID: p.ID})
	bob := w.token(access.Token{Kind: access.TokenAPI, UserID: "bob"})
	w.token(access.Token{Kind: access.TokenMinted})
	w.must(w.a.Access.View(w.ctx, func(tx access.Tx) error {
		all, names, err := tx.Tokens(w.ctx, "")
		w.must(err)
		w.same("Tokens(everybody)", all, []access.Token{ann, bob})
		w.same("projects of Tokens(everybody)", names, map[string][]string{ann.ID: {"p", "q"}})
		some, names, err := tx.Tokens(w.ctx, "bob")
		w.same("Tokens(bob)", some, []access.Token{bob})
		w.same("projects of Tokens(bob)", names, map[string][]string{})
		return err
	}))
}

func checkTokenChanges(w *world) {
	t := w.token(access.Token{Kind: access.TokenAPI})
	w.updateAccess(func(tx access.Tx) error {
		for i, want := range []bool{true, false} {
			did, err := tx.RevokeToken(w.ctx, t.ID, at.Add(time.Duration(i)*time.Hour))
			w.must(err)
			w.same("RevokeToken()", did, want)
		}
		did, err := tx.RevokeToken(w.ctx, "nothing", at)
		w.must(err)
		w.same("RevokeToken(nothing)", did, false)
		w.must(tx.TouchTokens(w.ctx, map[string]time.Time{t.ID: at.Add(time.Minute), "nothing": at}))
		w.must(tx.TouchTokens(w.ctx, map[string]time.Time{t.ID: at}))
		got, err := tx.TokenByID(w.ctx, t.ID)
		w.same("revoked and used", []time.Time{got.RevokedAt, got.LastUsedAt}, []time.Time{at, at.Add(time.Minute)})
		return err
	})
}

func checkExpired(w *world) {
	p := w.project("p")
	minted := func(expires time.Time) access.Token {
		return w.token(access.Token{Kind: access.TokenMinted, ExpiresAt: expires},
			access.TokenProject{ProjectID: p.ID, PublisherID: "x"})
	}
	old, young, never := minted(at), minted(at.Add(time.Hour)), minted(time.Time{})
	personal := w.token(access.Token{Kind: access.TokenAPI, ExpiresAt: at})
	w.updateAccess(func(tx access.Tx) error {
		n, err := tx.DeleteTokensExpiredBefore(w.ctx, at.Add(time.Minute))
		w.must(err)
		w.same("DeleteTokensExpiredBefore()", n, int64(1))
		_, err = tx.TokenByID(w.ctx, old.ID)
		w.want("TokenByID(expired)", err, fault.NotFound)
		for _, t := range []access.Token{young, never, personal} {
			_, err = tx.TokenByID(w.ctx, t.ID)
			w.must(err)
		}
		return nil
	})
}

func checkGrants(w *world) {
	u, p := w.user("ann"), w.project("p")
	g := access.Grant{UserID: u.ID, RepositoryID: w.main.ID, ProjectID: p.ID, Role: access.Uploader, CreatedAt: at}
	whole := access.Grant{UserID: u.ID, RepositoryID: w.main.ID, Role: access.Reader, CreatedAt: at}
	w.updateAccess(func(tx access.Tx) error {
		w.must(tx.PutGrant(w.ctx, g))
		w.must(tx.PutGrant(w.ctx, whole))
		g.Role = access.Owner
		w.must(tx.PutGrant(w.ctx, g))
		got, err := tx.GrantsOf(w.ctx, u.ID)
		w.must(err)
		w.same("GrantsOf()", got, []access.Grant{whole, g})
		for _, want := range []bool{true, false} {
			did, err := tx.RemoveGrant(w.ctx, access.Grant{UserID: u.ID, RepositoryID: w.main.ID, ProjectID: p.ID})
			w.must(err)
			w.same("RemoveGrant()", did, want)
		}
		got, err = tx.GrantsOf(w.ctx, u.ID)
		w.same("GrantsOf(after removal)", got, []access.Grant{whole})
		return err
	})
}

// checkGrantMarks checks that a change of a user's grants, in any way, gives them a new mark, and that the changes of
// others keep it.
func checkGrantMarks(w *world) {
	ann, bob, cat := w.user("ann"), w.user("bob"), w.user("cat")
	p, gone := w.project("p"), w.project("gone")
	other := w.other("other")
	g := access.Group{ID: w.id("group"), Name: "team", CreatedAt: at}
	grant := func(u access.User, repository, project string, role access.Role) access.Grant {
		return access.Grant{UserID: u.ID, RepositoryID: repository, ProjectID: project, Role: role, CreatedAt: at}
	}
	ofGroup := access.GroupGrant{GroupID: g.ID, RepositoryID: w.main.ID, Role: access.Reader, CreatedAt: at}
	did := func(ok bool, err error) error {
		w.same("removed", ok, true)
		return err
	}
	marks := map[string]int64{}
	for _, c := range []struct {
		name    string
		change  func(publishers.Tx) error
		changed []access.User
	}{
		{"grant", func(tx publishers.Tx) error {
			return tx.PutGrant(w.ctx, grant(ann, w.main.ID, p.ID, access.Uploader))
		}, []access.User{ann}},
		{"another role", func(tx publishers.Tx) error {
			return tx.PutGrant(w.ctx, grant(ann, w.main.ID, p.ID, access.Owner))
		}, []access.User{ann}},
		{"grant to another", func(tx publishers.Tx) error {
			return tx.PutGrant(w.ctx, grant(bob, w.main.ID, gone.ID, access.Owner))
		}, []access.User{bob}},
		{"removal", func(tx publishers.Tx) error {
			return did(tx.RemoveGrant(w.ctx, grant(ann, w.main.ID, p.ID, access.Owner)))
		}, []access.User{ann}},
		{"deleted project", func(tx publishers.Tx) error { return tx.DeleteProject(w.ctx, gone.ID) }, []access.User{bob}},
		{"grant in a repository", func(tx publishers.Tx) error {
			return tx.PutGrant(w.ctx, grant(bob, other.ID, "", access.Reader))
		}, []access.User{bob}},
		{
			"deleted repository",
			func(tx publishers.Tx) error { return tx.DeleteRepository(w.ctx, other.ID) },
			[]access.User{bob},
		},
	} {
		w.update(c.change)
		w.sameMarks(c.name, marks, []access.User{ann, bob, cat}, c.changed)
	}
	for _, c := range []struct {
		name    string
		change  func(access.Tx) error
		changed []access.User
	}{
		{"group", func(tx access.Tx) error { return tx.InsertGroup(w.ctx, g) }, nil},
		{"member", func(tx access.Tx) error { return tx.PutMember(w.ctx, g.ID, ann.ID, "", at) }, []access.User{ann}},
		{"other member", func(tx access.Tx) error { return tx.PutMember(w.ctx, g.ID, cat.ID, "", at) }, []access.User{cat}},
		{"grant of the group", func(tx access.Tx) error { return tx.PutGroupGrant(w.ctx, ofGroup) }, []access.User{ann, cat}},
		{"other role of the group", func(tx access.Tx) error {
			ofGroup.Role = access.Owner
			return tx.PutGroupGrant(w.ctx, ofGroup)
		}, []access.User{ann, cat}},
		{"former member", func(tx access.Tx) error { return did(tx.RemoveMember(w.ctx, g.ID, cat.ID)) }, []access.User{cat}},
		{
			"removal from the group",
			func(tx access.Tx) error { return did(tx.RemoveGroupGrant(w.ctx, ofGroup)) },
			[]access.User{ann},
		},
		{
			"grant of the group again",
			func(tx access.Tx) error { return tx.PutGroupGrant(w.ctx, ofGroup) },
			[]access.User{ann},
		},
		{"deleted group", func(tx access.Tx) error { return tx.DeleteGroup(w.ctx, g.ID) }, []access.User{ann}},
	} {
		w.updateAccess(c.change)
		w.sameMarks(c.name, marks, []access.User{ann, bob, cat}, c.changed)
	}
}

// sameMarks compares the marks of users with those of before, and what GrantsUnless returns for both.
func (w *world) sameMarks(after string, marks map[string]int64, all, changed []access.User) {
	w.Helper()
	w.must(w.a.Access.View(w.ctx, func(tx access.Tx) error {
		for _, u := range all {
			want, err := tx.GrantsOf(w.ctx, u.ID)
			w.must(err)
			got, now, err := tx.GrantsUnless(w.ctx, u.ID, marks[u.ID])
			w.must(err)
			is := slices.ContainsFunc(changed, func(c access.User) bool { return c.ID == u.ID })
			if (now != marks[u.ID]) != is {
				w.Errorf("after %q: mark of %s = %d, was %d, changed: %v", after, u.Name, now, marks[u.ID], is)
			}
			if !is {
				want = nil // of users who never had a grant as well
			}
			w.same("GrantsUnless() of "+u.Name+" after "+after, got, want)
			marks[u.ID] = now
			got, _, err = tx.GrantsUnless(w.ctx, u.ID, now)
			w.must(err)
			if now != 0 {
				w.same("GrantsUnless(mark) of "+u.Name+" after "+after, got, []access.Grant{})
			}
		}
		return nil
	}))
}

func checkProjectID(w *world) {
	p := w.project("p")
	w.must(w.a.Access.View(w.ctx, func(tx access.Tx) error {
		got, err := tx.ProjectID(w.ctx, "main", "p")
		w.must(err)
		w.same("ProjectID(main, p)", got, p.ID)
		for _, names := range [][2]string{{"main", "q"}, {"other", "p"}, {"", ""}} {
			_, err := tx.ProjectID(w.ctx, names[0], names[1])
			w.want("ProjectID(nothing)", err, fault.NotFound)
		}
		return nil
	}))
}

func checkUserRace(w *world) {
	won := w.race(16, func(s Stores, i int) error {
		return s.Access.Update(w.ctx, func(tx access.Tx) error {
			return tx.InsertUser(w.ctx, access.User{ID: digest(string(rune(i))), Name: "wanted", CreatedAt: at})
		})
	})
	w.same("winners of one user name", won, int64(1))
}

func checkFactors(w *world) {
	amy, zoe, kim := w.user("amy"), w.user("zoe"), w.user("kim")
	s := access.Session{
		ID:          w.id("session"),
		Hash:        digest("s"),
		UserID:      amy.ID,
		Method:      "sso",
		CreatedAt:   at,
		SeenAt:      at,
		ConfirmedAt: at,
		ExpiresAt:   at.Add(time.Hour),
	}
	w.updateAccess(func(tx access.Tx) error { return tx.InsertSession(w.ctx, s) })
	w.updateAccounts(func(tx account.Tx) error {
		w.must(tx.PutTOTP(w.ctx, signin.TOTP{UserID: amy.ID, Secret: "KEY", CreatedAt: at}))
		w.must(tx.InsertPasskey(w.ctx, signin.Passkey{ID: w.id("passkey"), UserID: zoe.ID, CredentialID: "c", CreatedAt: at}))
		has := func(want ...bool) {
			for i, id := range []string{amy.ID, zoe.ID, kim.ID, "nobody"} {
				got, err := tx.HasSecondFactor(w.ctx, id)
				w.must(err)
				w.same("HasSecondFactor()", got, want[i])
			}
		}
		has(false, true, false, false)
		_, err := tx.UseTOTP(w.ctx, amy.ID, 7, at)
		w.must(err)
		has(true, true, false, false)
		w.must(tx.NoteFactor(w.ctx, s.ID, at))
		s.FactorAt = at
		got, err := tx.SessionByHash(w.ctx, s.Hash)
		w.must(err)
		w.same("SessionByHash(with a second factor)", got, s)
		return nil
	})
	members := func(want access.Role) {
		w.updateAccess(func(tx access.Tx) error {
			got, err := tx.MembersRole(w.ctx)
			w.same("MembersRole()", got, want)
			return err
		})
	}
	members(w.main.Members)
	closed := w.main
	closed.Members = access.NoRole
	w.update(func(tx publishers.Tx) error { return tx.UpdateRepository(w.ctx, closed) })
	members(access.NoRole)
	w.update(func(tx publishers.Tx) error {
		return tx.InsertRepository(w.ctx,
			catalog.Repository{ID: "team-id", Name: "team", Members: access.Reader, CreatedAt: at})
	})
	members(access.Reader)
}

func checkSessions(w *world) {
	amy, zoe := w.user("amy"), w.user("zoe")
	session := func(u access.User, n int) access.Session {
		s := access.Session{
			ID: w.id("session"), UserID: u.ID, Method: "password", Agent: "Firefox", Address: "192.0.2.1",
			CreatedAt: at.Add(time.Duration(n) * time.Minute), SeenAt: at, ConfirmedAt: at,
			ExpiresAt: at.Add(access.SessionLifetime),
		}
		s.Hash = digest(s.ID)
		w.updateAccess(func(tx access.Tx) error { return tx.InsertSession(w.ctx, s) })
		return s
	}
	a, b, other := session(amy, 1), session(amy, 2), session(zoe, 3)
	later := at.Add(time.Hour)
	w.updateAccess(func(tx access.Tx) error {
		w.want("InsertSession(again)", tx.InsertSession(w.ctx, a), fault.Conflict)
		w.must(tx.TouchSessions(w.ctx, map[string]time.Time{a.ID: later, b.ID: at.Add(-time.Hour), "nothing": later}))
		w.must(tx.ConfirmSession(w.ctx, b.ID, later))
		did, err := tx.EndSession(w.ctx, zoe.ID, a.ID, later)
		w.must(err)
		w.same("EndSession of somebody else's", did, false)
		return nil
	})
	a.SeenAt, b.ConfirmedAt = later, later
	w.must(w.b.Access.View(w.ctx, func(tx access.Tx) error {
		got, err := tx.SessionsOf(w.ctx, amy.ID)
		w.must(err)
		w.same("SessionsOf", got, []access.Session{b, a})
		one, err := tx.SessionByHash(w.ctx, other.Hash)
		w.must(err)
		w.same("SessionByHash", one, other)
		_, err = tx.SessionByHash(w.ctx, "nothing")
		w.want("SessionByHash(nothing)", err, fault.NotFound)
		return nil
	}))
	w.updateAccess(func(tx access.Tx) error {
		n, err := tx.EndSessionsOf(w.ctx, amy.ID, b.ID, later)
		w.must(err)
		w.same("EndSessionsOf", n, int64(1))
		did, err := tx.EndSession(w.ctx, amy.ID, a.ID, later)
		w.must(err)
		w.same("EndSession of an ended one", did, false)
		for want, id := range []string{zoe.ID, amy.ID} {
			u, err := tx.UserByID(w.ctx, id)
			w.must(err)
			w.same("CredentialChanges after EndSessionsOf", u.CredentialChanges, int64(want))
		}
		w.must(tx.EndSignIns(w.ctx, amy.ID, later))
		u, err := tx.UserByID(w.ctx, amy.ID)
		w.must(err)
		w.same("CredentialChanges after EndSignIns", u.CredentialChanges, int64(2))
		u.Admin, u.CredentialChanges = true, 0
		w.must(tx.UpdateUser(w.ctx, u))
		u, err = tx.UserByID(w.ctx, amy.ID)
		w.must(err)
		w.same("CredentialChanges after UpdateUser", u.CredentialChanges, int64(2))
		n, err = tx.DeleteSessionsBefore(w.ctx, later.Add(time.Second))
		w.must(err)
		w.same("DeleteSessionsBefore", n, int64(1))
		n, err = tx.DeleteSessionsBefore(w.ctx, at.Add(access.SessionLifetime+time.Second))
		w.must(err)
		w.same("DeleteSessionsBefore of what expired", n, int64(2))
		return nil
	})
}
