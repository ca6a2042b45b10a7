package access_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// project adds a project of main, and returns the fields of a service account of it.
func (o *office) project(name string) access.NewService {
	o.t.Helper()
	n, err := packaging.ParseProjectName(name)
	if err != nil {
		o.t.Fatal(err)
	}
	p := catalog.Project{ID: "project-" + name, Name: n, Display: name, Status: catalog.Active}
	err = o.rows.Catalog().Update(o.t.Context(), func(tx catalog.Tx) error {
		var err error
		if p.Repository, err = tx.RepositoryByName(o.t.Context(), catalog.MainRepository); err != nil {
			return err
		}
		return tx.InsertProject(o.t.Context(), p)
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return access.NewService{RepositoryID: p.Repository.ID, ProjectID: p.ID, Project: name, Role: access.Uploader}
}

// grant gives a user a role in a project, and returns the user's session.
func (o *office) grant(user string, in access.NewService, role access.Role) access.Caller {
	o.t.Helper()
	_, s := o.signIn(user)
	err := o.write(func(tx access.Tx) error {
		u, err := tx.UserByName(o.t.Context(), user)
		if err != nil {
			return err
		}
		g := access.Grant{UserID: u.ID, RepositoryID: in.RepositoryID, ProjectID: in.ProjectID, Role: role}
		if role == access.NoRole {
			_, err = tx.RemoveGrant(o.t.Context(), g)
			return err
		}
		return tx.PutGrant(o.t.Context(), g)
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return o.session(s)
}

// as returns the account with a name.
func as(in access.NewService, name string) access.NewService {
	in.Name = name
	return in
}

func object(in access.NewService) access.Object {
	return access.Object{RepositoryID: in.RepositoryID, ProjectID: in.ProjectID, Members: access.Uploader, Public: true}
}

// service adds a service account by an owner of its project, and a token of it.
func (o *office) service(who access.Caller, in access.NewService, name string) (access.Service, access.Secret) {
	o.t.Helper()
	in.Name = name
	s, err := o.AddService(o.t.Context(), who, in)
	if err != nil {
		o.t.Fatal(err)
	}
	_, secret, err := o.CreateToken(o.t.Context(), who, access.NewAPIToken{User: s.Name, Scope: access.ScopeUpload})
	if err != nil {
		o.t.Fatal(err)
	}
	return s, secret
}

// TestServiceAccountRights: a service account may upload to its project and read nothing else, whatever all members may
// do, and has no right over people, tokens, groups or service accounts.
func TestServiceAccountRights(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	demo, other := o.project("demo"), o.project("other")
	alice := o.grant("alice", demo, access.Owner)
	s, secret := o.service(alice, demo, "deploy")
	if s.Name != "svc:deploy" || s.Owner() != "project demo" || s.Creator != "alice" {
		t.Errorf("AddService() = %+v", s)
	}
	bot, refusal := o.identify(secret)
	if refusal != "" || bot.Kind() != access.KindService || bot.Name() != "svc:deploy" || bot.SessionID() != "" {
		t.Fatalf("Identify() = %+v, %q", bot, refusal)
	}
	for role, want := range map[access.Role]bool{
		access.Reader: true, access.Uploader: true, access.Maintainer: false, access.Owner: false,
	} {
		if got := bot.May(role, object(demo)); got != want {
			t.Errorf("May(%v, demo) = %v, want %v", role, got, want)
		}
		if bot.May(role, object(other)) {
			t.Errorf("May(%v, other) = true: it has no role there", role)
		}
	}
	repository := access.Object{RepositoryID: demo.RepositoryID, Members: access.Uploader, Public: true}
	if bot.MayCreate(repository) || bot.Admin() || bot.Manages() {
		t.Error("a service account may create projects, administer or manage")
	}
	_, _, tokenErr := o.CreateToken(ctx, bot, access.NewAPIToken{User: "svc:deploy", Scope: access.ScopeRead})
	_, _, hersErr := o.CreateToken(ctx, bot, access.NewAPIToken{User: "alice", Scope: access.ScopeRead})
	_, addErr := o.AddService(ctx, bot, as(demo, "second"))
	_, listErr := o.ServicesOf(ctx, bot, demo.RepositoryID, demo.ProjectID)
	_, tokensErr := o.Tokens(ctx, bot)
	_, userErr := o.AddUser(ctx, bot, access.NewUser{Name: "eve"})
	for what, err := range map[string]error{
		"CreateToken for itself": tokenErr, "CreateToken for alice": hersErr, "AddService": addErr, "ServicesOf": listErr,
		"Tokens": tokensErr, "AddUser": userErr, "RemoveService": o.RemoveService(ctx, bot, "svc:deploy"),
		"RevokeToken":   o.RevokeToken(ctx, bot, bot.TokenID()),
		"DisableUser":   o.DisableUser(ctx, bot, "alice"),
		"EndSession":    o.EndSessionsOf(ctx, bot, "alice"),
		"SetAdmin":      o.SetAdmin(ctx, bot, "svc:deploy", true),
		"AddMember":     o.AddMember(ctx, bot, "g", "svc:deploy"),
		"ResetsItself":  o.EnableUser(ctx, bot, "svc:deploy"),
		"DeleteGroup":   o.DeleteGroup(ctx, bot, "g"),
		"RemoveMember":  o.RemoveMember(ctx, bot, "g", "alice"),
		"EndOthers":     o.EndOtherSessions(ctx, bot),
		"EndOneSession": o.EndSession(ctx, bot, "x"),
	} {
		if !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s by a service account = %v, want a refusal", what, err)
		}
	}
	if _, err := o.Service(ctx, bot, "svc:deploy"); !fault.Is(err, fault.NotFound) {
		t.Errorf("Service() by itself = %v, want not found", err)
	}
	if _, _, err := o.RegenerateToken(ctx, bot, access.Regeneration{ID: bot.TokenID()}); !fault.Is(err, fault.Denied) {
		t.Errorf("RegenerateToken() by itself = %v, want denied", err)
	}
}

// TestServiceAccountIsNoPerson: nothing makes a service account a person who signs in or administers, whatever its rows
// say.
func TestServiceAccountIsNoPerson(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	demo := o.project("demo")
	s, secret := o.service(o.boss, demo, "deploy")
	if _, _, err := o.BeginSession(ctx, access.Guest(true),
		access.NewSession{UserID: s.ID, Method: "password"}); !fault.Is(err, fault.Denied) {
		t.Errorf("BeginSession() = %v, want denied", err)
	}
	if err := o.SetAdmin(ctx, o.boss, s.Name, true); !fault.Is(err, fault.Conflict) {
		t.Errorf("SetAdmin() = %v, want conflict", err)
	}
	if _, _, err := o.CreateToken(ctx, o.boss,
		access.NewAPIToken{User: s.Name, Scope: access.ScopeAdmin}); fault.FieldOf(err) != "scope" {
		t.Errorf("CreateToken(admin) = %v, want a refusal about scope", err)
	}
	if _, err := o.AddGroup(ctx, o.boss, "release", ""); err != nil {
		t.Fatal(err)
	}
	if err := o.AddMember(ctx, o.boss, "release", s.Name); !fault.Is(err, fault.Conflict) {
		t.Errorf("AddMember(another group) = %v, want conflict", err)
	}
	hash := access.HashToken(access.NewToken())
	err := o.write(func(tx access.Tx) error { // rows that no method writes
		u, err := tx.UserByID(ctx, s.ID)
		if err != nil {
			return err
		}
		u.Admin = true
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		if err := tx.PutGrant(ctx,
			access.Grant{UserID: s.ID, RepositoryID: demo.RepositoryID, Role: access.Owner}); err != nil {
			return err
		}
		return tx.InsertToken(ctx, access.Token{
			ID: "wide", Kind: access.TokenAPI, Hash: hash, UserID: s.ID, Scope: access.ScopeAdmin,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, look := range map[string]func() (access.Caller, error){
		"at the request": func() (access.Caller, error) { return o.keys.Identify(ctx, "", secret) },
		"in the change": func() (got access.Caller, err error) {
			who, err := o.keys.Identify(ctx, "", secret)
			if err != nil {
				return who, err
			}
			return got, access.Update(ctx, o.rows.Access(), who, func(_ access.Tx, now access.Caller) error {
				got = now
				return nil
			})
		},
	} {
		bot, err := look()
		if err != nil || bot.Admin() || bot.Manages() || bot.May(access.Maintainer, object(demo)) ||
			!bot.May(access.Uploader, object(demo)) {
			t.Errorf("%s: %+v, %v: want an uploader and no more", name, bot, err)
		}
	}
	if users, err := o.Users(ctx, o.boss); err != nil || len(users) != 0 {
		t.Errorf("Users() = %v, %v, want no people", users, err)
	}
}

// TestServiceAccountOutlivesItsCreator: the tokens of a service account work after its creator lost the role and after
// the account was disabled; the creator manages it no longer, and another owner does.
func TestServiceAccountOutlivesItsCreator(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	demo := o.project("demo")
	alice, bob := o.grant("alice", demo, access.Owner), o.grant("bob", demo, access.Owner)
	s, secret := o.service(alice, demo, "deploy")
	old := alice // a form that she opened before
	o.grant("alice", demo, access.Maintainer)
	for name, err := range map[string]error{
		"RemoveService": o.RemoveService(ctx, old, s.Name),
		"CreateToken": func() error {
			_, _, err := o.CreateToken(ctx, old, access.NewAPIToken{User: s.Name, Scope: access.ScopeRead})
			return err
		}(),
		"RevokeToken": func() error {
			bot, _ := o.identify(secret)
			return o.RevokeToken(ctx, old, bot.TokenID())
		}(),
		"RegenerateToken": func() error {
			bot, _ := o.identify(secret)
			_, _, err := o.RegenerateToken(ctx, old, access.Regeneration{ID: bot.TokenID()})
			return err
		}(),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%s by a former owner = %v, want not found", name, err)
		}
	}
	if _, err := o.AddService(ctx, old, as(demo, "second")); !fault.Is(err, fault.Denied) {
		t.Errorf("AddService() by a former owner = %v, want denied", err)
	}
	if err := o.DisableUser(ctx, o.boss, "alice"); err != nil {
		t.Fatal(err)
	}
	bot, refusal := o.identify(secret)
	if refusal != "" || !bot.May(access.Uploader, object(demo)) {
		t.Errorf("after its creator left: %q", refusal)
	}
	info, err := o.Service(ctx, bob, s.Name)
	if err != nil || len(info.Tokens) != 1 {
		t.Errorf("Service() by another owner = %+v, %v", info, err)
	}
	if err := o.RevokeToken(ctx, bob, bot.TokenID()); err != nil {
		t.Errorf("RevokeToken() by another owner = %v", err)
	}
	if _, refusal := o.identify(secret); !strings.Contains(refusal, "revoked") {
		t.Errorf("its revoked token: %q", refusal)
	}
}

// TestWhoMayAddServiceAccounts: owners of the project and administrators, with a session or a token of scope admin.
func TestWhoMayAddServiceAccounts(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	demo, other := o.project("demo"), o.project("other")
	owner := o.grant("alice", demo, access.Owner)
	o.grant("bob", other, access.Owner)
	_, narrow := o.token("alice", access.NewAPIToken{Scope: access.ScopeUpload})
	upload, _ := o.identify(narrow)
	if _, err := o.AddGroup(ctx, o.boss, "release", ""); err != nil {
		t.Fatal(err)
	}
	for name, who := range map[string]access.Caller{
		"nobody": {}, "guest": access.Guest(true), "an owner elsewhere": o.grant("bob", other, access.Owner),
		"a maintainer": o.grant("carol", demo, access.Maintainer), "an upload token of the owner": upload,
	} {
		if _, err := o.AddService(ctx, who, as(demo, "x")); !fault.Is(err, fault.Denied) {
			t.Errorf("AddService() by %s = %v, want denied", name, err)
		}
		if _, err := o.ServicesOf(ctx, who, demo.RepositoryID, demo.ProjectID); !fault.Is(err, fault.Denied) {
			t.Errorf("ServicesOf() by %s = %v, want denied", name, err)
		}
		if _, err := o.Services(ctx, who); !fault.Is(err, fault.Denied) {
			t.Errorf("Services() by %s = %v, want denied", name, err)
		}
	}
	if _, err := o.AddService(ctx, owner, access.NewService{Name: "x", Group: "release"}); !fault.Is(err, fault.Denied) {
		t.Errorf("AddService(group) by an owner = %v, want denied", err)
	}
	for name, c := range map[string]struct {
		n    access.NewService
		kind fault.Kind
	}{
		"of nothing":  {access.NewService{Name: "x", Role: access.Reader}, fault.Invalid},
		"of both":     {access.NewService{Name: "x", ProjectID: demo.ProjectID, Group: "release"}, fault.Invalid},
		"of no group": {access.NewService{Name: "x", Group: "nothing"}, fault.NotFound},
		"of no project": {
			access.NewService{Name: "x", ProjectID: "gone", Project: "gone", Role: access.Reader},
			fault.NotFound,
		},
		"a maintainer": {
			access.NewService{Name: "x", ProjectID: demo.ProjectID, Project: "demo", Role: access.Maintainer},
			fault.Invalid,
		},
		"an owner": {
			access.NewService{Name: "x", ProjectID: demo.ProjectID, Project: "demo", Role: access.Owner},
			fault.Invalid,
		},
		"without a role": {access.NewService{Name: "x", ProjectID: demo.ProjectID, Project: "demo"}, fault.Invalid},
		"a long description": {
			access.NewService{Name: "x", Group: "release", Description: strings.Repeat("x", 101)},
			fault.Invalid,
		},
	} {
		if _, err := o.AddService(ctx, o.boss, c.n); fault.KindOf(err) != c.kind {
			t.Errorf("AddService(%s) = %v (%v), want %v", name, err, fault.KindOf(err), c.kind)
		}
	}
	if all, err := o.Services(ctx, o.boss); err != nil || len(all) != 0 {
		t.Errorf("Services() = %v, %v: refused calls left some behind", all, err)
	}
	for i := range access.MaxServices {
		if _, err := o.AddService(ctx, owner, as(demo, "n"+strings.Repeat("x", i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.AddService(ctx, owner, as(demo, "one-more")); fault.FieldOf(err) != "name" {
		t.Errorf("AddService(one more) = %v, want a refusal about the number", err)
	}
}

// TestServiceAccountNames: there is one spelling of a name, no person can have it, and a removed account keeps it.
func TestServiceAccountNames(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	demo, other := o.project("demo"), o.project("other")
	s, secret := o.service(o.boss, demo, "deploy-bot")
	for _, name := range []string{
		"", "svc:", "Deploy-Bot", "deploy_bot", "deploy.bot", "deploy--bot", "-deploy", "deploy-", "svc:svc:deploy",
		"deploy bot", "dеploy", "deploy\n", "deploy:bot", "ﬁx", strings.Repeat("x", 61), "SVC:deploy",
	} {
		if _, err := o.AddService(ctx, o.boss, as(demo, name)); fault.FieldOf(err) != "name" {
			t.Errorf("AddService(%q) = %v, want a refusal about the name", name, err)
		}
	}
	for _, name := range []string{"deploy-bot", "svc:deploy-bot"} {
		if _, err := o.AddService(ctx, o.boss, as(other, name)); fault.FieldOf(err) != "name" {
			t.Errorf("AddService(%q again) = %v, want a refusal about the name", name, err)
		}
	}
	if _, err := o.AddUser(ctx, o.boss, access.NewUser{Name: s.Name}); !fault.Is(err, fault.Invalid) {
		t.Errorf("AddUser(%s) = %v, want invalid", s.Name, err)
	}
	if _, err := o.AddUser(ctx, o.boss, access.NewUser{Name: "deploy-bot"}); err != nil {
		t.Errorf("AddUser(deploy-bot) = %v: the name of a person is another name", err)
	}
	if err := o.RemoveService(ctx, o.boss, s.Name); err != nil {
		t.Fatal(err)
	}
	if _, refusal := o.identify(secret); refusal == "" {
		t.Error("the token of a removed account works")
	}
	if _, err := o.AddService(ctx, o.boss, as(demo, "deploy-bot")); fault.FieldOf(err) != "name" {
		t.Errorf("AddService(name of a removed one) = %v, want a refusal about the name", err)
	}
	if err := o.RemoveService(ctx, o.boss, s.Name); !fault.Is(err, fault.NotFound) {
		t.Errorf("RemoveService(again) = %v, want not found", err)
	}
	if err := o.EnableUser(ctx, o.boss, s.Name); !fault.Is(err, fault.Conflict) {
		t.Errorf("EnableUser(removed) = %v, want conflict", err)
	}
	if _, _, err := o.CreateToken(ctx, o.boss,
		access.NewAPIToken{User: s.Name, Scope: access.ScopeRead}); !fault.Is(err, fault.Conflict) {
		t.Errorf("CreateToken(removed) = %v, want conflict", err)
	}
}

// TestServiceAccountOfAGroup: it has the roles of its group, at most uploader, and ends with the group.
func TestServiceAccountOfAGroup(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	demo := o.project("demo")
	g, err := o.AddGroup(ctx, o.boss, "release", "")
	if err != nil {
		t.Fatal(err)
	}
	s, secret := o.service(o.boss, access.NewService{Group: "release"}, "deploy")
	if bot, _ := o.identify(secret); bot.May(access.Reader, object(demo)) {
		t.Error("it may read a project in which its group has no role")
	}
	err = o.write(func(tx access.Tx) error {
		return tx.PutGroupGrant(ctx, access.GroupGrant{
			GroupID: g.ID, RepositoryID: demo.RepositoryID, ProjectID: demo.ProjectID, Role: access.Owner,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	bot, _ := o.identify(secret)
	if !bot.May(access.Uploader, object(demo)) || bot.May(access.Maintainer, object(demo)) {
		t.Error("it does not have the role of its group, or more than uploader")
	}
	if err := o.DisableUser(ctx, o.boss, s.Name); err != nil {
		t.Fatal(err)
	}
	if _, refusal := o.identify(secret); !strings.Contains(refusal, "disabled") {
		t.Errorf("disabled: %q", refusal)
	}
	if err := o.EnableUser(ctx, o.boss, s.Name); err != nil {
		t.Fatal(err)
	}
	if err := o.DeleteGroup(ctx, o.boss, "release"); err != nil {
		t.Fatal(err)
	}
	if _, refusal := o.identify(secret); refusal == "" {
		t.Error("its token works after its group was removed")
	}
	if err := o.EnableUser(ctx, o.boss, s.Name); !fault.Is(err, fault.Conflict) {
		t.Errorf("EnableUser() after its group was removed = %v, want conflict", err)
	}
}

// TestServiceTokenLimit: the number of live tokens is bounded; expired ones do not count.
func TestServiceTokenLimit(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	s, err := o.AddService(ctx, o.boss, as(o.project("demo"), "deploy"))
	if err != nil {
		t.Fatal(err)
	}
	n := access.NewAPIToken{User: s.Name, Scope: access.ScopeRead, Expires: time.Hour}
	for range access.MaxServiceTokens {
		if _, _, err := o.CreateToken(ctx, o.boss, n); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := o.CreateToken(ctx, o.boss, n); !fault.Is(err, fault.Conflict) {
		t.Errorf("one more = %v, want conflict", err)
	}
	o.now = o.now.Add(2 * time.Hour)
	if _, _, err := o.CreateToken(ctx, o.boss, n); err != nil {
		t.Errorf("after the others expired: %v", err)
	}
}

// TestServiceNamesAreBounded: an owner cannot use up names without end by removing accounts, of one project or of new
// ones; administrators can create more.
func TestServiceNamesAreBounded(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	spend := func(who access.Caller, in access.NewService, prefix string, n int) {
		t.Helper()
		for i := range n {
			s, err := o.AddService(ctx, who, as(in, fmt.Sprintf("%s-%d", prefix, i)))
			if err == nil {
				err = o.RemoveService(ctx, who, s.Name)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	refused := func(who access.Caller, in access.NewService, name, why string) {
		t.Helper()
		_, err := o.AddService(ctx, who, as(in, name))
		if fault.FieldOf(err) != "name" || !strings.Contains(err.Error(), why) {
			t.Errorf("AddService(%s) = %v, want it refused: %s", name, err, why)
		}
	}
	demo := o.project("demo")
	alice, bob := o.grant("alice", demo, access.Owner), o.grant("bob", demo, access.Owner)
	spend(alice, demo, "demo", access.MaxServicesEver-1)
	spend(bob, demo, "last", 1)
	refused(alice, demo, "more", "project demo has had 100 service accounts")
	refused(bob, demo, "more", "ask an administrator")
	spend(o.boss, demo, "more", 1)
	for i := range access.MaxServicesByUser/access.MaxServicesEver - 1 {
		name := fmt.Sprintf("demo-%d", i)
		in := o.project(name)
		alice = o.grant("alice", in, access.Owner)
		spend(alice, in, name, access.MaxServicesEver-i/(access.MaxServicesByUser/access.MaxServicesEver-2))
	}
	in := o.project("next")
	alice, bob = o.grant("alice", in, access.Owner), o.grant("bob", in, access.Owner)
	spend(alice, in, "next", 2)
	refused(alice, in, "another", "you have created 500 service accounts")
	spend(bob, in, "another", 1)
}

// TestServiceNameRace: of several that take a name at once, one gets it.
func TestServiceNameRace(t *testing.T) {
	o := newOffice(t)
	demo := o.project("demo")
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := o.AddService(t.Context(), o.boss, as(demo, "deploy")); err == nil {
				won.Add(1)
			} else if fault.FieldOf(err) != "name" {
				t.Errorf("AddService() = %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d got the name, want 1", won.Load())
	}
}
