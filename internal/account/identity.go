package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Identity is who a provider of single sign-on says somebody is.
type Identity struct {
	Issuer, Subject string
	Name            string // a user name, as far as it can be one here
	FullName, Email string
	Groups          []string // of this index, already mapped
	Admin           *bool    // whether the provider's groups make an administrator; nil where they do not decide
}

// IdentityRows keeps who is who. Reads return fault.NotFound for none.
type IdentityRows interface {
	InsertIdentity(ctx context.Context, issuer, subject, userID string, at time.Time) error
	IdentityUser(ctx context.Context, issuer, subject string) (userID string, err error)
	// HasIdentity reports whether a user can sign in by an issuer.
	HasIdentity(ctx context.Context, issuer, userID string) (bool, error)
}

// groupSource marks memberships that come from single sign-on, and go with it.
const groupSource = "single sign-on"

// BeginSignOn keeps what the way back from the provider needs, and returns the secret for the browser's cookie. For who is
// signed in the way back links the identity to their account.
func (a *Accounts) BeginSignOn(ctx context.Context, who access.Caller, state []byte) (secret access.Secret, err error) {
	return a.seal(ctx, ForSignOn, who.ID(), state)
}

// TakeSignOn returns what BeginSignOn kept, once.
func (a *Accounts) TakeSignOn(ctx context.Context, who access.Caller, secret access.Secret) ([]byte, error) {
	c, err := a.unsealFor(ctx, secret, ForSignOn, who.ID())
	if err == nil {
		err = a.store.Update(ctx, func(tx Tx) error { return c.use(ctx, tx) })
	}
	return []byte(c.State), err
}

// SignInByIdentity signs in whom the provider named. An identity that is new here is linked to the caller where somebody
// is signed in, and else gets an account of its own where create says so: an account that exists is never taken over
// because of a name. Groups and administration are brought up to date. fault.Denied says why somebody does not get in.
func (a *Accounts) SignInByIdentity(ctx context.Context, who access.Caller, id Identity, create bool) (Signed, error) {
	var s Signed
	err := a.store.Update(ctx, func(tx Tx) error {
		u, err := a.identified(ctx, tx, who, id, create)
		if err != nil {
			return err
		}
		if !u.Active() {
			return fault.New(fault.Denied, "this account is disabled: ask an administrator")
		}
		s = Signed{UserID: u.ID, Method: "sso"}
		if id.Admin != nil && u.Admin != *id.Admin {
			u.Admin = *id.Admin
			if err := tx.UpdateUser(ctx, u); err != nil {
				return err
			}
		}
		if err := a.syncGroups(ctx, tx, u, id.Groups); err != nil {
			return err
		}
		_, err = tx.NextSerial(ctx)
		return err
	})
	if fault.Is(err, fault.Denied) {
		e := a.refusal(who, id.Name, "single sign-on")
		e.Detail["issuer"], e.Detail["subject"] = id.Issuer, fmt.Sprintf("%.200s", id.Subject)
		e = e.OncePerMinute(network(who.Address()), "single sign-on "+id.Issuer+" "+id.Subject)
		if e := a.store.Update(ctx, func(tx Tx) error { return tx.CountAudit(ctx, e) }); e != nil {
			return Signed{}, e
		}
	}
	if err != nil {
		return Signed{}, err
	}
	return s, nil
}

func (a *Accounts) identified(ctx context.Context, tx Tx, who access.Caller, id Identity, create bool) (access.User, error) {
	userID, err := tx.IdentityUser(ctx, id.Issuer, id.Subject)
	switch {
	case err == nil && who.SessionID() != "" && userID != who.ID():
		return access.User{}, fault.New(fault.Denied, "this identity is another account's: sign out first")
	case err == nil:
		return tx.UserByID(ctx, userID)
	case !fault.Is(err, fault.NotFound):
		return access.User{}, err
	}
	if who.SessionID() != "" {
		u, err := self(ctx, tx, who)
		if err != nil {
			return u, err
		}
		return u, a.linkIdentity(ctx, tx, who, u, id)
	}
	if !create {
		return access.User{}, fault.New(fault.Denied, "there is no account for you here yet: ask an administrator to invite you, then link your identity under Security")
	}
	return a.newcomer(ctx, tx, who, id)
}

func (a *Accounts) linkIdentity(ctx context.Context, tx Tx, who access.Caller, u access.User, id Identity) error {
	if err := tx.InsertIdentity(ctx, id.Issuer, id.Subject, u.ID, a.o.Now()); err != nil {
		return err
	}
	e := a.entry(who, "account.link-identity", u.Name, map[string]any{"issuer": id.Issuer, "subject": fmt.Sprintf("%.200s", id.Subject)})
	e.Actor.Kind, e.Actor.ID, e.Actor.Name = string(access.KindUser), u.ID, u.Name
	return tx.InsertAudit(ctx, e)
}

// newcomer makes an account for an identity.
func (a *Accounts) newcomer(ctx context.Context, tx Tx, who access.Caller, id Identity) (access.User, error) {
	name := strings.ToLower(id.Name)
	if at := strings.IndexByte(name, '@'); at > 0 {
		name = name[:at]
	}
	if _, err := access.ParseUserName(name); err != nil {
		return access.User{}, fault.New(fault.Denied, "your name at the provider, %.80q, cannot be a user name here: ask an administrator to invite you", id.Name)
	}
	u := access.User{ID: a.o.NewID(), Name: name, CreatedAt: a.o.Now()}
	if err := tx.InsertUser(ctx, u); fault.Is(err, fault.Conflict) {
		return access.User{}, fault.New(fault.Denied, "an account %s exists already: if it is yours, sign in to it and link your identity under Security", name)
	} else if err != nil {
		return u, err
	}
	if err := tx.PutProfile(ctx, u.ID, Profile{FullName: cutRunes(id.FullName, 100), Email: id.Email}); err != nil {
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

// syncGroups makes the memberships that come from single sign-on those of the named groups. What a person gave stays.
func (a *Accounts) syncGroups(ctx context.Context, tx Tx, u access.User, names []string) error {
	had, err := tx.GroupsOf(ctx, u.ID, groupSource)
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
	for _, g := range had {
		if want[g.Name] {
			continue
		}
		if _, err := tx.RemoveMember(ctx, g.ID, u.ID); err != nil {
			return err
		}
	}
	return nil
}

// Linked reports whether the caller can sign in by an issuer.
func (a *Accounts) Linked(ctx context.Context, who access.Caller, issuer string) (has bool, err error) {
	err = a.store.View(ctx, func(tx Tx) error {
		u, err := self(ctx, tx, who)
		if err != nil {
			return err
		}
		has, err = tx.HasIdentity(ctx, issuer, u.ID)
		return err
	})
	return has, err
}
