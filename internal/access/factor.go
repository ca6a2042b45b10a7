package access

import (
	"context"
	"strings"
)

// FactorPolicy says which people need a second factor, an authenticator or a passkey, before they can do anything in
// pages.
type FactorPolicy string

// The policies. The zero one is FactorNone.
const (
	FactorNone           FactorPolicy = "none"
	FactorAdministrators FactorPolicy = "administrators"
	FactorPublishers     FactorPolicy = "publishers" // whoever may upload to any project or make one, and administrators
	FactorAll            FactorPolicy = "all"
)

// FactorRows is what FactorPolicy needs of a transaction.
type FactorRows interface {
	// HasSecondFactor reports whether a user has a confirmed authenticator or a passkey.
	HasSecondFactor(ctx context.Context, userID string) (bool, error)
	// MembersRole returns the most that everybody with an account may do in some repository.
	MembersRole(ctx context.Context) (Role, error)
	GrantsOf(ctx context.Context, userID string) ([]Grant, error)
}

// Demands reports whether the policy applies to a person now. Roles of the person's groups count.
func (p FactorPolicy) Demands(ctx context.Context, tx FactorRows, userID string, admin bool) (bool, error) {
	switch p {
	case FactorAll:
		return true, nil
	case FactorAdministrators:
		return admin, nil
	case FactorPublishers:
		if admin {
			return true, nil
		}
	default:
		return false, nil
	}
	members, err := tx.MembersRole(ctx)
	if err != nil || members >= Uploader {
		return err == nil, err
	}
	grants, err := tx.GrantsOf(ctx, userID)
	for _, g := range grants {
		if g.Role >= Uploader {
			return err == nil, err
		}
	}
	return false, err
}

// TwoFactors reports whether a second factor was set up or proved in the session. A passkey is two factors at once: the
// device, and a finger, face or PIN.
func (s Session) TwoFactors() bool {
	return !s.FactorAt.IsZero() || s.Method == MethodPasskey || strings.Contains(s.Method, "+")
}

// MethodPasskey is the method of a session that began by a passkey.
const MethodPasskey = "passkey"

// MustEnrol reports whether c is a person in a browser who has to set up a second factor before anything else. Such a
// caller has no rights beyond their own account.
func (c Caller) MustEnrol() bool { return c.enrols }

// secondFactor holds the session of c against the policy, when it is looked up and again in each change. If its person
// needs a second factor and has none, the caller may do nothing but set one up. If they have one that was not proved in
// this session, the session is refused: they sign in again, and are asked for it.
func (c Caller) secondFactor(ctx context.Context, tx FactorRows, s Session) (Caller, error) {
	demanded, err := c.factor.Demands(ctx, tx, c.id, c.admin)
	if err != nil || !demanded {
		return c, err
	}
	has, err := tx.HasSecondFactor(ctx, c.id)
	switch {
	case err != nil:
		return Caller{}, err
	case !has:
		c.enrols, c.scope = true, NoScope
	case !s.TwoFactors():
		return Caller{}, errNoSession
	}
	return c, nil
}
