package account

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/signin"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// New returns the accounts over the rows of s. Users sign in by the methods of m.
func New(s Store, m *signin.Methods, o Options) *Accounts {
	return &Accounts{store: s, methods: m, o: m.Options(), ownersInvite: o.OwnersInvite}
}

// OwnersInvite reports whether invitations by project owners work without an administrator's approval.
func (a *Accounts) OwnersInvite() bool { return a.ownersInvite }

func (a *Accounts) entry(who access.Caller, action, subject string, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID: a.o.NewID(), At: a.o.Now(), Action: action, Outcome: audit.Granted, Actor: who.Actor(), Subject: subject,
		Detail: detail,
	}
}

// Sweep deletes links a month after they expired.
func (a *Accounts) Sweep(ctx context.Context) error {
	return a.store.Update(ctx, func(tx Tx) error {
		return tx.DeleteLinksBefore(ctx, a.o.Now().Add(-30*24*time.Hour))
	})
}

// refused records a refusal in the audit log and returns it as fault.Denied.
func (a *Accounts) refused(ctx context.Context, who access.Caller, action, subject, why string) error {
	e := a.entry(who, action, subject, nil)
	e.Outcome = audit.Refused
	if err := a.store.Update(ctx, func(tx Tx) error { return tx.InsertAudit(ctx, e) }); err != nil {
		return err
	}
	return fault.New(fault.Denied, "%s", why)
}

// asAdmin runs f in an update for an administrator. For other callers, it returns fault.Denied with the message why. It
// records the refusal unless the caller lost that right during the request.
func (a *Accounts) asAdmin(ctx context.Context, who access.Caller, action, subject, why string,
	f func(Tx, access.Caller) error,
) error {
	if !who.Admin() {
		return a.refused(ctx, who, action, subject, why)
	}
	return access.Update(ctx, a.store, who, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return fault.New(fault.Denied, "%s", why)
		}
		return f(tx, who)
	})
}

// viewUser runs f in a view of the named user. The caller must be an administrator.
func (a *Accounts) viewUser(ctx context.Context, who access.Caller, name, things string, f func(Tx, access.User) error,
) error {
	if !who.Admin() {
		return fault.New(fault.Denied, "only an administrator may see another user's %s", things)
	}
	return a.store.View(ctx, func(tx Tx) error {
		u, err := userNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		return f(tx, u)
	})
}

func userNamed(ctx context.Context, tx Tx, name string) (access.User, error) {
	u, err := tx.UserByName(ctx, name)
	if fault.Is(err, fault.NotFound) {
		return u, fault.Wrap(fault.NotFound, err, "there is no user %.80q", name)
	}
	return u, err
}
