package access

import (
	"context"
	"slices"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// DirectoryOptions are the settings of a Directory. The zero value is usable.
type DirectoryOptions struct {
	Now   func() time.Time // default time.Now
	NewID func() string    // default: the function NewID

	TokenMaxLife time.Duration // longest lifetime of a new API token; 0 means no limit
	// TokenDefaultLife is the lifetime of an API token if the request specifies none. If it is 0, TokenMaxLife applies.
	TokenDefaultLife time.Duration
	SignOnLife       time.Duration // lifetime of a single sign-on session; 0 means that of other sessions

	PasswordCost PasswordCost // of the passwords of new users
}

// Directory manages the users of an index, their tokens, sessions and groups. Each change is authorized and recorded in
// the audit log.
type Directory struct {
	store Store
	now   func() time.Time
	newID func() string

	maxLife, usualLife time.Duration // of API tokens
	signOnLife         time.Duration // of sessions
	passwordCost       PasswordCost
}

// NewDirectory returns the directory over the rows of s.
func NewDirectory(s Store, o DirectoryOptions) *Directory {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = NewID
	}
	if o.TokenDefaultLife == 0 {
		o.TokenDefaultLife = o.TokenMaxLife
	}
	return &Directory{
		store:        s,
		now:          o.Now,
		newID:        o.NewID,
		maxLife:      o.TokenMaxLife,
		usualLife:    o.TokenDefaultLife,
		signOnLife:   o.SignOnLife,
		passwordCost: o.PasswordCost,
	}
}

// NewUser is the input of AddUser. Password may be empty: tokens work without one.
type NewUser struct {
	Name     string
	Admin    bool
	Password Secret
}

// AddUser creates an account. It returns fault.Denied unless the caller is an administrator, fault.Invalid if the name
// or password is unacceptable, and fault.Conflict if the name is taken.
func (d *Directory) AddUser(ctx context.Context, who Caller, n NewUser) (User, error) {
	u := User{ID: d.newID(), Name: n.Name, Admin: n.Admin, CreatedAt: d.now()}
	return u, d.change(ctx, who, Caller.Admin, d.entry(who, "user.add", n.Name, map[string]any{"admin": n.Admin}),
		func(tx Tx) (err error) {
			if _, err = ParseUserName(n.Name); err != nil {
				return err
			}
			if n.Password != "" {
				if u.PasswordHash, err = d.passwordCost.Hash(n.Password); err != nil {
					return err
				}
			}
			if err = tx.InsertUser(ctx, u); fault.Is(err, fault.Conflict) {
				return fault.Wrap(fault.Conflict, err, "user %s exists already", n.Name)
			}
			return err
		})
}

// Users returns the accounts of all people by name; see Services for service accounts. It returns fault.Denied unless
// the caller is an administrator.
func (d *Directory) Users(ctx context.Context, who Caller) (users []User, err error) {
	if !who.Admin() {
		return nil, denied("users")
	}
	err = d.store.View(ctx, func(tx Tx) error {
		users, err = tx.Users(ctx)
		return err
	})
	return slices.DeleteFunc(users, func(u User) bool { return u.Service }), err
}

// DisableUser disables an account. Its tokens stop working with the next request, and its sessions and the open links
// that it created end. It returns fault.NotFound if the name is unknown.
func (d *Directory) DisableUser(ctx context.Context, who Caller, name string) error {
	return d.setDisabled(ctx, who, name, "user.disable", d.now())
}

// EnableUser enables a disabled account. Its unexpired tokens work again.
func (d *Directory) EnableUser(ctx context.Context, who Caller, name string) error {
	return d.setDisabled(ctx, who, name, "user.enable", time.Time{})
}

func (d *Directory) setDisabled(ctx context.Context, who Caller, name, action string, at time.Time) error {
	return d.change(ctx, who, Caller.Admin, d.entry(who, action, name, nil), func(tx Tx) error {
		u, err := userNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		if !at.IsZero() && who.kind == KindUser {
			if u.ID == who.id {
				return fault.New(fault.Conflict, "you cannot disable your own account: ask another administrator")
			}
			if err := AnotherAdmin(ctx, tx, u); err != nil {
				return err
			}
		}
		if !at.IsZero() { // enabling the account later must not restore its sessions,
			if _, err := tx.EndSessionsOf(ctx, u.ID, "", at); err != nil {
				return err
			}
			if _, err := tx.EndInvitationsBy(ctx, u.ID, at); err != nil { // its invitations,
				return err
			}
			if _, err := tx.EndResetsBy(ctx, u.ID, at); err != nil { // or its links to other users' passwords
				return err
			}
		}
		if at.IsZero() && u.Service {
			if s, err := tx.ServiceByID(ctx, u.ID); err != nil {
				return err
			} else if !s.RemovedAt.IsZero() {
				return fault.New(fault.Conflict, "the service account %s was removed for good: create another one", u.Name)
			}
		}
		u.DisabledAt = at
		return tx.UpdateUser(ctx, u)
	})
}

func userNamed(ctx context.Context, tx Tx, name string) (User, error) {
	u, err := tx.UserByName(ctx, name)
	if fault.Is(err, fault.NotFound) {
		return User{}, fault.Wrap(fault.NotFound, err, "there is no user %.80q: index user list shows the users", name)
	}
	return u, err
}

func denied(what string) error {
	return fault.New(fault.Denied, "only an administrator, with a token of scope admin, may manage %s", what)
}

func (d *Directory) entry(who Caller, action, subject string, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID: d.newID(), At: d.now(), Action: action, Outcome: audit.Granted,
		Actor: who.Actor(), Subject: subject, Detail: detail,
	}
}

// change runs f in one transaction with its audit entry and a new serial. If the caller is not allowed to make the
// change, before or within the transaction, it records the refusal.
func (d *Directory) change(ctx context.Context, who Caller, may func(Caller) bool, e audit.Entry,
	f func(Tx) error,
) error {
	return d.changeAs(ctx, who, may, e, func(tx Tx, _ Caller) error { return f(tx) })
}

// changeAs is like change, but passes f the caller with the rights read in the transaction.
func (d *Directory) changeAs(ctx context.Context, who Caller, may func(Caller) bool, e audit.Entry,
	f func(Tx, Caller) error,
) error {
	return d.changeWith(ctx, who, may, &e, f)
}

// changeWith is like changeAs, but f may complete the entry.
func (d *Directory) changeWith(ctx context.Context, who Caller, may func(Caller) bool, e *audit.Entry,
	f func(Tx, Caller) error,
) error {
	if !may(who) {
		return d.refuse(ctx, *e, denied("this"))
	}
	err := Update(ctx, d.store, who, func(tx Tx, who Caller) error {
		if !may(who) {
			return denied("this")
		}
		if err := f(tx, who); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, *e)
	})
	if fault.Is(err, fault.Denied) || fault.Is(err, fault.Unauthenticated) {
		return d.refuse(ctx, *e, err)
	}
	return err
}

func (d *Directory) refuse(ctx context.Context, e audit.Entry, why error) error {
	e.Outcome = audit.Refused
	if err := d.store.Update(ctx, func(tx Tx) error { return tx.InsertAudit(ctx, e) }); err != nil {
		return err
	}
	return why
}
