package access

import (
	"context"
	"strings"
)

// FactorPolicy specifies which users need a second factor, an authenticator or a passkey, before they can use the
// pages.
type FactorPolicy string

// The policies. The zero value means FactorNone.
const (
	FactorNone           FactorPolicy = "none"
	FactorAdministrators FactorPolicy = "administrators"
	FactorPublishers     FactorPolicy = "publishers" // users with uploader rights, and administrators
	FactorAll            FactorPolicy = "all"
)

// FactorRows are the rows that FactorPolicy reads.
type FactorRows interface {
	// HasSecondFactor reports whether a user has a confirmed authenticator or a passkey.
	HasSecondFactor(ctx context.Context, userID string) (bool, error)
	// MembersRole returns the highest role that all users have in some repository.
	MembersRole(ctx context.Context) (Role, error)
	GrantsOf(ctx context.Context, userID string) ([]Grant, error)
	GrantsUnless(ctx context.Context, userID string, mark int64) ([]Grant, int64, error)
}

// Demands reports whether the policy applies to a user now. Roles of the user's groups are included.
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

// TwoFactors reports whether a second factor was set up or used in the session. A passkey is two factors at once: the
// device, and a finger, face or PIN.
func (s Session) TwoFactors() bool {
	return !s.FactorAt.IsZero() || s.Method == MethodPasskey || strings.Contains(s.Method, "+")
}

// MethodPasskey is the method of a session that began with a passkey.
const MethodPasskey = "passkey"

// MustEnrol reports whether c is a signed-in person without the second factor that the policy demands. Such a caller
// may change their own account only.
func (c Caller) MustEnrol() bool { return c.enrols }

// secondFactor applies the policy to the session of c, at lookup and again in each change. If the policy demands a
// second factor and the person has none, the caller may only set one up. If they have one but did not use it in this
// session, secondFactor returns errNoSession, so that they sign in again with it.
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
