package account

import (
	"cmp"
	"context"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
)

// Lifetimes of links.
const (
	firstLife  = 24 * time.Hour
	resetLife  = 24 * time.Hour
	inviteLife = 7 * 24 * time.Hour
)

// FirstLink returns the secret of a link that creates the first administrator, and ends earlier ones. It returns "" if
// any account exists. It requires the operator.
func (a *Accounts) FirstLink(ctx context.Context, who access.Caller) (access.Secret, error) {
	if !who.Admin() {
		return "", fault.New(fault.Denied, "only the operator can create the first link")
	}
	l, secret := onetime.New(a.o.NewID(), onetime.First, a.o.Now(), firstLife)
	err := a.store.Update(ctx, func(tx Tx) error {
		users, err := tx.Users(ctx)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			secret = ""
			return nil
		}
		if err := tx.EndLinks(ctx, onetime.First, "", a.o.Now()); err != nil {
			return err
		}
		return tx.InsertLink(ctx, l)
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// ResetLink returns the secret of a link that sets a user's password, and ends the user's earlier ones. It requires an
// administrator, and returns fault.NotFound if the account is unknown or disabled.
func (a *Accounts) ResetLink(ctx context.Context, who access.Caller, name string) (access.Secret, error) {
	l, secret := onetime.New(a.o.NewID(), onetime.Reset, a.o.Now(), resetLife)
	err := access.Update(ctx, a.store, who, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return fault.New(fault.Denied, "only an administrator may create a password link for another user")
		}
		u, err := tx.UserByName(ctx, name)
		if fault.Is(err, fault.NotFound) || err == nil && !u.Active() {
			return fault.New(fault.NotFound, "there is no active user %.80q", name)
		} else if err != nil {
			return err
		}
		if u.Service {
			return fault.New(fault.Conflict, "%s is a service account: it has tokens and no password", u.Name)
		}
		if err := tx.EndLinks(ctx, onetime.Reset, u.ID, a.o.Now()); err != nil {
			return err
		}
		l.UserID, l.CreatedBy = u.ID, who.ID()
		if err := tx.InsertLink(ctx, l); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, a.entry(who, "user.reset-link", u.Name, map[string]any{"link": l.ID}))
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// Open is a link that can be used, as its page shows it.
type Open struct {
	Kind       onetime.Kind
	Invitation onetime.Invitation
	User       string // reset: the account's name
	By         string // invite: name of the inviting user, "" for the operator
	Forgotten  bool   // reset: requested by the user, so the account's API tokens are revoked too
	ExpiresAt  time.Time
	link       onetime.Link
}

// Look returns the purpose of a link without using it. It returns fault.NotFound if the link cannot be used.
func (a *Accounts) Look(ctx context.Context, kind onetime.Kind, secret access.Secret) (o Open, err error) {
	if !access.WellFormed(secret) {
		return o, onetime.ErrLink
	}
	err = a.store.View(ctx, func(tx Tx) error {
		o, err = a.look(ctx, tx, kind, secret)
		return err
	})
	return o, err
}

func (a *Accounts) look(ctx context.Context, tx Tx, kind onetime.Kind, secret access.Secret) (Open, error) {
	l, u, err := onetime.Find(ctx, tx, kind, secret, a.o.Now())
	if err != nil {
		return Open{}, err
	}
	if kind == onetime.First {
		if users, err := tx.Users(ctx); err != nil {
			return Open{}, err
		} else if len(users) > 0 {
			return Open{}, onetime.ErrLink
		}
	}
	if ok, err := mayStillGive(ctx, tx, l); err != nil {
		return Open{}, err
	} else if !ok {
		return Open{}, onetime.ErrLink
	}
	if waits, err := a.waits(ctx, tx, l); err != nil {
		return Open{}, err
	} else if waits {
		return Open{}, ErrWaiting
	}
	o := Open{
		Kind: kind, Invitation: l.Invitation, User: u.Name, Forgotten: l.Origin == OriginForgotten,
		ExpiresAt: l.ExpiresAt, link: l,
	}
	if kind == onetime.Invite {
		o.By, err = nameOf(ctx, tx, l.CreatedBy)
	}
	return o, err
}

// mayStillGive reports whether the creator of a link may still give its rights. Otherwise a user could regain a lost
// role through an earlier link. The creator of a password link for another user must be an active administrator. Links
// by the operator, and links that users requested for themselves, are always allowed.
func mayStillGive(ctx context.Context, tx Tx, l onetime.Link) (bool, error) {
	if l.CreatedBy == "" || l.Kind != onetime.Invite && l.Kind != onetime.Reset {
		return true, nil
	}
	if l.Kind == onetime.Reset {
		maker, err := tx.UserByID(ctx, l.CreatedBy)
		if fault.Is(err, fault.NotFound) {
			return false, nil
		}
		return maker.Admin && maker.Active(), err
	}
	about := []access.Object{}
	for _, g := range l.Invitation.Grants {
		about = append(about, access.Object{RepositoryID: g.RepositoryID, ProjectID: g.ProjectID})
	}
	if l.Invitation.Admin || len(about) == 0 {
		about = []access.Object{{}} // owned by administrators only
	}
	for _, o := range about {
		if ok, err := access.Holds(ctx, tx, l.CreatedBy, access.Owner, o); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// ErrWaiting is returned for an invitation that an administrator has not approved yet. The link is not used.
var ErrWaiting = fault.New(fault.Denied,
	"an administrator of this index has to approve this invitation first: follow the link again later")

// waits reports whether an invitation needs an administrator's approval. It does not if it was approved, if owners may
// invite on their own, or if its creator is the operator or an administrator now. The creator's role at the time of the
// invitation is irrelevant.
func (a *Accounts) waits(ctx context.Context, tx Tx, l onetime.Link) (bool, error) {
	if a.ownersInvite || l.Kind != onetime.Invite || l.CreatedBy == "" || !l.ApprovedAt.IsZero() {
		return false, nil
	}
	u, err := tx.UserByID(ctx, l.CreatedBy)
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	return !u.Admin || !u.Active(), err
}

// Accepted is the form of an accepted link.
type Accepted struct {
	Name     string // name of the new account
	Password access.Secret
}

// nameOf returns the name of the account that a link creates: the name in the link, or else the requested one.
func (o Open) nameOf(asked string) (string, error) {
	name := cmp.Or(o.Invitation.Name, asked)
	return name, checkName(name)
}

func (o Open) admin() bool { return o.Kind == onetime.First || o.Invitation.Admin }

func checkName(name string) error {
	if _, err := access.ParseUserName(name); err != nil {
		return fault.InField("name", "%s", fault.Message(err))
	}
	return nil
}

func errTaken(name string) error {
	return fault.InField("name", "user %s exists already: choose another name", name)
}

// checkEmail returns fault.Invalid unless s is empty or an address to which letters can be sent.
func checkEmail(s string) error {
	if s == "" {
		return nil
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 || strings.ContainsFunc(s, unicode.IsControl) {
		return fault.InField("email", "this is not an e-mail address")
	}
	local := s[:strings.LastIndexByte(s, '@')]
	if strings.ContainsFunc(local, func(c rune) bool { return c > unicode.MaxASCII }) {
		return fault.InField("email", "only ASCII letters can be used before the @: many mail servers refuse others")
	}
	return nil
}

// Accept uses a link of kind First or Invite and creates the account. If several requests use the link at once, one
// succeeds. If the name or the password is unacceptable, it returns fault.Invalid about that field and does not use the
// link.
func (a *Accounts) Accept(ctx context.Context, who access.Caller, kind onetime.Kind, secret access.Secret, in Accepted,
) (access.User, error) {
	o, err := a.Look(ctx, kind, secret)
	if err != nil {
		return access.User{}, err
	}
	name, err := o.nameOf(in.Name)
	if err != nil {
		return access.User{}, err
	}
	if err := signin.CheckPassword(in.Password, name, a.o.Name); err != nil {
		return access.User{}, err
	}
	phc, err := a.methods.Hash(ctx, in.Password)
	if err != nil {
		return access.User{}, err
	}
	u := access.User{ID: a.o.NewID(), Name: name, Admin: o.admin(), PasswordHash: phc, CreatedAt: a.o.Now()}
	return u, a.store.Update(ctx, func(tx Tx) error { return a.accept(ctx, tx, who, kind, secret, u) })
}

func (a *Accounts) accept(ctx context.Context, tx Tx, who access.Caller, kind onetime.Kind, secret access.Secret,
	u access.User,
) error {
	o, err := a.look(ctx, tx, kind, secret)
	if err != nil {
		return err
	}
	if did, err := tx.UseLink(ctx, o.link.ID, a.o.Now()); err != nil {
		return err
	} else if !did {
		return onetime.ErrLink
	}
	u.InvitedBy = o.link.CreatedBy
	if err := tx.InsertUser(ctx, u); fault.Is(err, fault.Conflict) {
		return errTaken(u.Name)
	} else if err != nil {
		return err
	}
	if o.Invitation.Email != "" {
		if err := tx.PutProfile(ctx, u.ID, access.Profile{Email: o.Invitation.Email}); err != nil {
			return err
		}
	}
	for _, g := range o.Invitation.Grants {
		if err := give(ctx, tx, u, g, a.o.Now()); err != nil {
			return err
		}
	}
	if _, err := tx.NextSerial(ctx); err != nil {
		return err
	}
	return tx.InsertAudit(ctx, a.by(who, u, "user.accept", map[string]any{
		"link": o.link.ID, "kind": string(kind), "admin": u.Admin, "invited_by": o.link.CreatedBy,
		"approved_by": o.link.ApprovedBy, "grants": o.Invitation.Grants,
	}))
}

// give adds a grant of an invitation. It ignores a grant for a project or repository that was deleted since.
func give(ctx context.Context, tx Tx, u access.User, g onetime.Grant, at time.Time) error {
	role, err := access.ParseRole(g.Role)
	if err != nil {
		return err
	}
	err = tx.PutGrant(ctx,
		access.Grant{UserID: u.ID, RepositoryID: g.RepositoryID, ProjectID: g.ProjectID, Role: role, CreatedAt: at})
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// OriginForgotten marks a reset link that was requested for a forgotten password.
const OriginForgotten = "forgotten"

// Reset uses a link of kind Reset and sets the password. It ends all sessions of the account and its other links of
// that kind, and returns the number of API tokens that it revoked. It revokes them if revoke is true, or if the link
// was requested for a forgotten password, because another person may have had access. The second factor is kept.
func (a *Accounts) Reset(ctx context.Context, who access.Caller, secret, password access.Secret, revoke bool,
) (u access.User, revoked int64, err error) {
	o, err := a.Look(ctx, onetime.Reset, secret)
	if err != nil {
		return access.User{}, 0, err
	}
	if err := signin.CheckPassword(password, o.User, a.o.Name); err != nil {
		return access.User{}, 0, err
	}
	phc, err := a.methods.Hash(ctx, password)
	if err != nil {
		return access.User{}, 0, err
	}
	err = a.store.Update(ctx, func(tx Tx) error {
		o, err := a.look(ctx, tx, onetime.Reset, secret)
		if err != nil {
			return err
		}
		if did, err := tx.UseLink(ctx, o.link.ID, a.o.Now()); err != nil {
			return err
		} else if !did {
			return onetime.ErrLink
		}
		if u, err = tx.UserByID(ctx, o.link.UserID); err != nil {
			return err
		}
		u.PasswordHash = phc
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		if err := tx.EndLinks(ctx, onetime.Reset, u.ID, a.o.Now()); err != nil {
			return err
		}
		if err := a.methods.ForgiveCodes(ctx, tx, u.ID); err != nil {
			return err
		}
		if _, err := tx.EndSessionsOf(ctx, u.ID, "", a.o.Now()); err != nil {
			return err
		}
		revoked = 0
		if revoke || o.Forgotten {
			if revoked, err = tx.RevokeTokensOf(ctx, u.ID, a.o.Now()); err != nil {
				return err
			}
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		detail := map[string]any{"link": o.link.ID, "forgotten": o.Forgotten, "tokens_revoked": revoked}
		return tx.InsertAudit(ctx, a.by(who, u, "user.reset", detail))
	})
	return u, revoked, err
}
