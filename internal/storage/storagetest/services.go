package storagetest

import (
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// service inserts a service account of a project or a group.
func (w *world) service(s access.Service) access.Service {
	w.Helper()
	s.ID, s.CreatedAt = w.id("service"), at
	w.updateAccess(func(tx access.Tx) error {
		w.must(tx.InsertUser(w.ctx, access.User{ID: s.ID, Name: s.Name, CreatedAt: at, Service: true}))
		return tx.InsertService(w.ctx, s)
	})
	return s
}

// checkServices checks that service accounts are found by project and group, and that a removed one keeps its rows and
// loses its rights.
func checkServices(w *world) {
	demo, zoe := w.project("demo"), w.user("zoe")
	g := access.Group{ID: w.id("group"), Name: "release", CreatedAt: at}
	w.updateAccess(func(tx access.Tx) error { return tx.InsertGroup(w.ctx, g) })
	one := w.service(access.Service{
		Name: "svc:one", Description: "nightly", ProjectID: demo.ID, Project: "demo", RepositoryID: w.main.ID,
		Repository: w.main.Name, CreatedBy: zoe.ID, Creator: "zoe",
	})
	two := w.service(access.Service{Name: "svc:two", GroupID: g.ID, Group: "release"})
	token := w.token(access.Token{Kind: access.TokenAPI, UserID: one.ID, Scope: access.ScopeUpload, CreatedBy: zoe.ID})
	other := w.token(access.Token{Kind: access.TokenAPI, UserID: zoe.ID, Scope: access.ScopeUpload})
	w.updateAccess(func(tx access.Tx) error {
		for what, s := range map[string]access.Service{
			"no project": {ID: zoe.ID, ProjectID: "nothing"}, "no group": {ID: zoe.ID, GroupID: "nothing"},
			"no user": {ID: "nothing", ProjectID: demo.ID},
		} {
			w.want("InsertService("+what+")", tx.InsertService(w.ctx, s), fault.NotFound)
		}
		got, err := tx.ServiceByName(w.ctx, one.Name)
		w.must(err)
		w.same("ServiceByName()", got, one)
		got, err = tx.ServiceByID(w.ctx, two.ID)
		w.must(err)
		w.same("ServiceByID()", got, two)
		_, err = tx.ServiceByName(w.ctx, "zoe")
		w.want("ServiceByName(a person)", err, fault.NotFound)
		_, err = tx.ServiceByID(w.ctx, zoe.ID)
		w.want("ServiceByID(a person)", err, fault.NotFound)
		for _, c := range []struct {
			project, group string
			want           []access.Service
		}{
			{"", "", []access.Service{one, two}},
			{demo.ID, "", []access.Service{one}},
			{"", g.ID, []access.Service{two}},
			{"nothing", "", nil},
		} {
			all, err := tx.Services(w.ctx, c.project, c.group)
			w.must(err)
			w.same("Services("+c.project+", "+c.group+")", all, c.want)
		}
		made, err := tx.TokensCreatedBy(w.ctx, zoe.ID)
		w.must(err)
		w.same("TokensCreatedBy()", made, []access.Token{token})
		_, u, err := tx.TokenStanding(w.ctx, token.ID)
		w.must(err)
		w.same("TokenStanding() of a service account", u.Service, true)
		w.must(tx.PutGrant(w.ctx, access.Grant{
			UserID: one.ID, RepositoryID: w.main.ID, ProjectID: demo.ID, Role: access.Uploader, CreatedAt: at,
		}))
		return tx.PutMember(w.ctx, g.ID, one.ID, "", at)
	})
	w.updateAccess(func(tx access.Tx) error {
		for _, want := range []bool{true, false} {
			did, err := tx.RemoveService(w.ctx, one.ID, at.Add(time.Hour))
			w.must(err)
			w.same("RemoveService()", did, want)
		}
		did, err := tx.RemoveService(w.ctx, zoe.ID, at)
		w.must(err)
		w.same("RemoveService(a person)", did, false)
		got, err := tx.ServiceByID(w.ctx, one.ID)
		w.must(err)
		w.same("removed", []time.Time{got.RemovedAt, got.DisabledAt}, []time.Time{at.Add(time.Hour), at.Add(time.Hour)})
		all, err := tx.Services(w.ctx, "", "")
		w.must(err)
		w.same("Services(after one was removed)", all, []access.Service{two})
		grants, err := tx.GrantsOf(w.ctx, one.ID)
		w.must(err)
		w.same("grants of a removed account", grants, []access.Grant{})
		for _, c := range []struct {
			id      string
			revoked bool
		}{{token.ID, true}, {other.ID, false}} {
			t, err := tx.TokenByID(w.ctx, c.id)
			w.must(err)
			w.same("revoked", !t.RevokedAt.IsZero(), c.revoked)
		}
		return nil
	})
	w.update(func(tx publishers.Tx) error { return tx.DeleteProject(w.ctx, demo.ID) })
	w.updateAccess(func(tx access.Tx) error {
		got, err := tx.ServiceByID(w.ctx, one.ID)
		w.must(err)
		w.same("of a deleted project", []string{got.ProjectID, got.Project, got.Repository}, []string{demo.ID, "", ""})
		return nil
	})
}

// checkReplacedTokens checks that a token is replaced once, and ends no later than it would have.
func checkReplacedTokens(w *world) {
	zoe := w.user("zoe")
	issue := func(ends time.Duration) access.Token {
		t := access.Token{Kind: access.TokenAPI, UserID: zoe.ID, Scope: access.ScopeRead}
		if ends != 0 {
			t.ExpiresAt = at.Add(ends)
		}
		return w.token(t)
	}
	minted := w.token(access.Token{Kind: access.TokenMinted, Scope: access.ScopeUpload, ExpiresAt: at.Add(time.Hour)})
	for name, c := range map[string]struct {
		ends, overlap   time.Duration
		revoked, expire time.Time
	}{
		"at once":         {0, 0, at, time.Time{}},
		"at once, dated":  {time.Hour, 0, at, at.Add(time.Hour)},
		"later":           {0, time.Hour, time.Time{}, at.Add(time.Hour)},
		"sooner":          {2 * time.Hour, time.Hour, time.Time{}, at.Add(time.Hour)},
		"no longer alive": {time.Minute, time.Hour, time.Time{}, at.Add(time.Minute)},
	} {
		t := issue(c.ends)
		w.updateAccess(func(tx access.Tx) error {
			for _, want := range []bool{true, false} {
				did, err := tx.ReplaceToken(w.ctx, t.ID, "next", at, at.Add(c.overlap))
				w.must(err)
				w.same("ReplaceToken("+name+")", did, want)
			}
			got, err := tx.TokenByID(w.ctx, t.ID)
			w.must(err)
			w.same("ends "+name, []time.Time{got.RevokedAt, got.ExpiresAt}, []time.Time{c.revoked, c.expire})
			w.same("replaced by", got.ReplacedBy, "next")
			soon, err := tx.TokensExpiring(w.ctx, at, at.Add(24*time.Hour))
			w.must(err)
			w.same("TokensExpiring(replaced)", soon, []access.Token{})
			return nil
		})
	}
	revoked := issue(0)
	w.updateAccess(func(tx access.Tx) error {
		_, err := tx.RevokeToken(w.ctx, revoked.ID, at)
		w.must(err)
		for _, id := range []string{revoked.ID, minted.ID, "nothing"} {
			did, err := tx.ReplaceToken(w.ctx, id, "next", at, at)
			w.must(err)
			w.same("ReplaceToken("+id+")", did, false)
		}
		return nil
	})
	raced := issue(0)
	w.once("one replacement", func(tx account.Tx) (bool, error) {
		return tx.ReplaceToken(w.ctx, raced.ID, "next", at, at.Add(time.Hour))
	})
}
