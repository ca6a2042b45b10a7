package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/account/challenge"
	"pyindex/internal/account/signin"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// Identity is a person as described by a single sign-on provider.
type Identity struct {
	Issuer, Subject string
	Name            string // the user name, if it is a valid one
	FullName, Email string
	Groups          []string // groups of this index, already mapped
	Admin           *bool    // granted by the provider's groups; nil if they do not decide it
}

// groupSource marks memberships that sign-on added and may remove.
const groupSource = "single sign-on"

// BeginSignOn seals the state that the provider's redirect needs, and returns the secret for the browser's cookie. If
// the caller is signed in, the redirect links the identity to the caller's account.
func (a *Accounts) BeginSignOn(ctx context.Context, who access.Caller, state []byte) (secret access.Secret, err error) {
	return a.methods.Challenges().Seal(ctx, challenge.ForSignOn, who.ID(), state)
}

// TakeSignOn returns the state that BeginSignOn sealed. It can be used once.
func (a *Accounts) TakeSignOn(ctx context.Context, who access.Caller, secret access.Secret) ([]byte, error) {
	c, err := a.methods.Challenges().OpenFor(ctx, secret, challenge.ForSignOn, who.ID())
	if err == nil {
		err = a.store.Update(ctx, func(tx Tx) error { return c.Use(ctx, tx) })
	}
	return []byte(c.State), err
}

// SignInByIdentity signs in the person that the provider named. If the identity is new and the caller is signed in, it
// is linked to the caller, whose session must be confirmed by then. Otherwise a new identity gets a new account if
// create is true. Existing accounts are never matched by name. Groups and administrator rights are updated, with an
// audit entry for each change. As with SignIn, the result may be the step before a second factor. It returns
// fault.Denied, with the reason, if the person may not sign in.
func (a *Accounts) SignInByIdentity(ctx context.Context, who access.Caller, id Identity, create bool,
) (signin.Signed, error) {
	var s signin.Signed
	err := a.store.Update(ctx, func(tx Tx) error {
		u, err := a.identified(ctx, tx, who, id, create)
		if err != nil {
			return err
		}
		if !u.Active() {
			return fault.New(fault.Denied, "this account is disabled: ask an administrator")
		}
		if u, err = a.update(ctx, tx, who, u, id); err != nil {
			return err
		}
		if s, err = a.signed(ctx, tx, who, u); err != nil {
			return err
		}
		_, err = tx.NextSerial(ctx)
		return err
	})
	if fault.Is(err, fault.Denied) {
		e := a.identityRefusal(who, id, err)
		if e := a.store.Update(ctx, func(tx Tx) error { return tx.CountAudit(ctx, e) }); e != nil {
			return signin.Signed{}, e
		}
	}
	if err != nil {
		return signin.Signed{}, err
	}
	return s, nil
}

// signed returns the result of a sign-on, or the step before a second factor that this index requires. It does not ask
// for the provider's own second factor. When a caller links an identity, they are signed in already.
func (a *Accounts) signed(ctx context.Context, tx Tx, who access.Caller, u access.User) (signin.Signed, error) {
	if who.SessionID() == "" {
		return a.methods.FirstStep(ctx, tx, u, access.MethodSignOn)
	}
	return signin.Signed{UserID: u.ID, Method: access.MethodSignOn, Credentials: u.Credentials()}, nil
}

func (a *Accounts) identityRefusal(who access.Caller, id Identity, why error) audit.Entry {
	e := a.methods.Refusal(who, id.Name, groupSource)
	e.Detail["issuer"], e.Detail["subject"], e.Detail["reason"] = id.Issuer, fmt.Sprintf("%.200s", id.Subject),
		fault.Message(why)
	return e.OncePerMinute(audit.Network(who.Address()), "single sign-on "+id.Issuer+" "+id.Subject)
}

// RefuseIdentity records that an identity was refused, for example because of a missing group. It also removes from the
// linked account the groups that sign-on added and, if the provider decides about that, administrator rights.
func (a *Accounts) RefuseIdentity(ctx context.Context, who access.Caller, id Identity, why error) error {
	return a.store.Update(ctx, func(tx Tx) error {
		if err := tx.CountAudit(ctx, a.identityRefusal(who, id, why)); err != nil {
			return err
		}
		userID, err := tx.IdentityUser(ctx, id.Issuer, id.Subject)
		if fault.Is(err, fault.NotFound) {
			return nil
		} else if err != nil {
			return err
		}
		u, err := tx.UserByID(ctx, userID)
		if err != nil {
			return err
		}
		id.Groups = nil
		if id.Admin != nil {
			id.Admin = new(bool)
		}
		if _, err := a.update(ctx, tx, who, u, id); err != nil {
			return err
		}
		_, err = tx.NextSerial(ctx)
		return err
	})
}

func (a *Accounts) update(ctx context.Context, tx Tx, who access.Caller, u access.User, id Identity,
) (access.User, error) {
	if id.Admin != nil && u.Admin != *id.Admin {
		var err error
		if u, err = a.setAdmin(ctx, tx, who, u, *id.Admin); err != nil {
			return u, err
		}
	}
	return u, a.syncGroups(ctx, tx, who, u, id.Groups)
}

// setAdmin applies the provider's decision. It keeps the only administrator, and records that as a refusal.
func (a *Accounts) setAdmin(ctx context.Context, tx Tx, who access.Caller, u access.User, admin bool,
) (access.User, error) {
	e := a.by(who, u, "user.admin", map[string]any{"admin": admin, "before": u.Admin, "source": groupSource})
	if !admin {
		err := access.AnotherAdmin(ctx, tx, u)
		if fault.Is(err, fault.Conflict) {
			e.Outcome, e.Detail["reason"] = audit.Refused, fault.Message(err)
			return u, tx.InsertAudit(ctx, e)
		} else if err != nil {
			return u, err
		}
		if _, err := tx.EndResetsBy(ctx, u.ID, a.o.Now()); err != nil {
			return u, err
		}
	}
	u.Admin = admin
	if err := tx.UpdateUser(ctx, u); err != nil {
		return u, err
	}
	return u, tx.InsertAudit(ctx, e)
}

// by returns an audit entry with u as the actor, because the caller may not be signed in yet.
func (a *Accounts) by(who access.Caller, u access.User, action string, detail map[string]any) audit.Entry {
	e := a.entry(who, action, u.Name, detail)
	e.Actor.Kind, e.Actor.ID, e.Actor.Name = string(access.KindUser), u.ID, u.Name
	return e
}

func (a *Accounts) identified(ctx context.Context, tx Tx, who access.Caller, id Identity, create bool,
) (access.User, error) {
	userID, err := tx.IdentityUser(ctx, id.Issuer, id.Subject)
	switch {
	case err == nil && who.SessionID() != "" && userID != who.ID():
		return access.User{}, fault.New(fault.Denied, "this identity belongs to another account: sign out first")
	case err == nil:
		return tx.UserByID(ctx, userID)
	case !fault.Is(err, fault.NotFound):
		return access.User{}, err
	}
	if who.SessionID() != "" {
		u, err := signin.Self(ctx, tx, who)
		if err != nil {
			return u, err
		}
		return u, a.linkIdentity(ctx, tx, who, u, id)
	}
	if !create {
		return access.User{}, fault.New(fault.Denied,
			"there is no account for you here yet: ask an administrator to invite you, then link your identity under Security")
	}
	return a.newcomer(ctx, tx, who, id)
}

func (a *Accounts) linkIdentity(ctx context.Context, tx Tx, who access.Caller, u access.User, id Identity) error {
	if err := tx.InsertIdentity(ctx, id.Issuer, id.Subject, u.ID, a.o.Now()); err != nil {
		return err
	}
	detail := map[string]any{"issuer": id.Issuer, "subject": fmt.Sprintf("%.200s", id.Subject)}
	return tx.InsertAudit(ctx, a.by(who, u, "account.link-identity", detail))
}

func (a *Accounts) newcomer(ctx context.Context, tx Tx, who access.Caller, id Identity) (access.User, error) {
	name := strings.ToLower(id.Name)
	if at := strings.IndexByte(name, '@'); at > 0 {
		name = name[:at]
	}
	if _, err := access.ParseUserName(name); err != nil {
		return access.User{}, fault.New(fault.Denied,
			"your name at the provider, %.80q, cannot be a user name here: ask an administrator to invite you", id.Name)
	}
	u := access.User{ID: a.o.NewID(), Name: name, CreatedAt: a.o.Now()}
	if err := tx.InsertUser(ctx, u); fault.Is(err, fault.Conflict) {
		return access.User{}, fault.New(fault.Denied,
			"an account %s exists already: if it is yours, sign in to it and link your identity under Security", name)
	} else if err != nil {
		return u, err
	}
	profile := access.Profile{FullName: cutRunes(id.FullName, 100), Email: id.Email}
	if checkEmail(id.Email) != nil {
		profile.Email = "" // the user can sign in without one
	}
	if err := tx.PutProfile(ctx, u.ID, profile); err != nil {
		return u, err
	}
	e := a.entry(who, "user.add", u.Name, map[string]any{"by": groupSource, "issuer": id.Issuer})
	if err := tx.InsertAudit(ctx, e); err != nil {
		return u, err
	}
	return u, a.linkIdentity(ctx, tx, who, u, id)
}

func cutRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// syncGroups makes the named groups the only ones that sign-on has put the user in. It keeps memberships that a person
// added.
func (a *Accounts) syncGroups(ctx context.Context, tx Tx, who access.Caller, u access.User, names []string) error {
	before, err := tx.GroupsOf(ctx, u.ID, groupSource)
	if err != nil {
		return err
	}
	want := map[string]bool{}
	for _, name := range names {
		want[name] = true
		g, err := tx.GroupByName(ctx, name)
		if fault.Is(err, fault.NotFound) {
			continue
		} else if err != nil {
			return err
		}
		if err := tx.PutMember(ctx, g.ID, u.ID, groupSource, a.o.Now()); err != nil {
			return err
		}
	}
	for _, g := range before {
		if want[g.Name] {
			continue
		}
		if _, err := tx.RemoveMember(ctx, g.ID, u.ID); err != nil {
			return err
		}
	}
	after, err := tx.GroupsOf(ctx, u.ID, groupSource)
	if err != nil || slices.Equal(before, after) {
		return err
	}
	detail := map[string]any{"source": groupSource, "before": groupNames(before), "after": groupNames(after)}
	return tx.InsertAudit(ctx, a.by(who, u, "group.sync", detail))
}

func groupNames(groups []access.Group) []string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	return names
}

// Identities returns the caller's identities, oldest first.
func (a *Accounts) Identities(ctx context.Context, who access.Caller) (out []LinkedIdentity, err error) {
	err = a.store.View(ctx, func(tx Tx) error {
		u, err := signin.Self(ctx, tx, who)
		if err != nil {
			return err
		}
		out, err = tx.IdentitiesOf(ctx, u.ID)
		return err
	})
	return out, err
}

// IdentitiesOf returns the identities of a user. It requires an administrator, and returns fault.NotFound if the name
// is unknown.
func (a *Accounts) IdentitiesOf(ctx context.Context, who access.Caller, name string) (out []LinkedIdentity, err error) {
	err = a.viewUser(ctx, who, name, "identities", func(tx Tx, u access.User) error {
		out, err = tx.IdentitiesOf(ctx, u.ID)
		return err
	})
	return out, err
}

// Unlink removes one of the caller's identities, which can no longer sign in. It returns fault.NotFound if the identity
// is not the caller's, and fault.Conflict if it is the caller's only way to sign in.
func (a *Accounts) Unlink(ctx context.Context, who access.Caller, issuer, subject string) error {
	return a.store.Update(ctx, func(tx Tx) error {
		u, err := signin.Self(ctx, tx, who)
		if err != nil {
			return err
		}
		if err := a.unlink(ctx, tx, who, u, LinkedIdentity{Issuer: issuer, Subject: subject},
			"account.unlink-identity"); err != nil {
			return err
		}
		keys, err := tx.PasskeysOf(ctx, u.ID)
		if err != nil {
			return err
		}
		left, err := tx.IdentitiesOf(ctx, u.ID)
		if err == nil && len(left) == 0 && len(keys) == 0 && u.PasswordHash == "" {
			return fault.New(fault.Conflict, "this is your only way to sign in: add a passkey or set a password first")
		}
		return err
	})
}

// UnlinkOf removes an identity of a user. It requires an administrator, and returns fault.NotFound if the identity is
// not the user's.
func (a *Accounts) UnlinkOf(ctx context.Context, who access.Caller, name, issuer, subject string) error {
	const why = "only an administrator may unlink another user's identity"
	return a.asAdmin(ctx, who, "user.unlink-identity", "", why, func(tx Tx, who access.Caller) error {
		u, err := userNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		return a.unlink(ctx, tx, who, u, LinkedIdentity{Issuer: issuer, Subject: subject}, "user.unlink-identity")
	})
}

// unlink removes an identity, and with the last one the groups that sign-on added.
func (a *Accounts) unlink(ctx context.Context, tx Tx, who access.Caller, u access.User, id LinkedIdentity,
	action string,
) error {
	did, err := tx.DeleteIdentity(ctx, u.ID, id.Issuer, id.Subject)
	if err == nil && !did {
		err = fault.New(fault.NotFound, "%s has no such identity", u.Name)
	}
	if err != nil {
		return err
	}
	if err := tx.EndSignIns(ctx, u.ID, a.o.Now()); err != nil {
		return err
	}
	left, err := tx.IdentitiesOf(ctx, u.ID)
	if err == nil && len(left) == 0 {
		err = a.syncGroups(ctx, tx, who, u, nil)
	}
	if err != nil {
		return err
	}
	if _, err := tx.NextSerial(ctx); err != nil {
		return err
	}
	return tx.InsertAudit(ctx,
		a.entry(who, action, u.Name, map[string]any{"issuer": id.Issuer, "subject": fmt.Sprintf("%.200s", id.Subject)}))
}
