package access

import (
	"context"
	"time"
)

// InvitationRows are the rows of package account that the directory changes: invitations and password links.
type InvitationRows interface {
	// EndInvitationsBy ends the open invitations that a user created and returns how many it ended.
	EndInvitationsBy(ctx context.Context, userID string, at time.Time) (int64, error)
	// EndResetsBy ends the open password links that a user created and returns how many it ended.
	EndResetsBy(ctx context.Context, userID string, at time.Time) (int64, error)
}

// Invitee is an account that was created by an invitation.
type Invitee struct {
	User
	By string // name of the inviting user
}

// Invitees returns the accounts that a user invited, and those that these users invited in turn, by name at each step.
// An account outlives the account that invited it, so administrators review this list when they disable a user. It
// requires an administrator, and returns fault.NotFound if the name is unknown.
func (d *Directory) Invitees(ctx context.Context, who Caller, name string) (out []Invitee, err error) {
	if !who.Admin() {
		return nil, denied("users")
	}
	err = d.store.View(ctx, func(tx Tx) error {
		u, err := userNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		all, err := tx.Users(ctx)
		out = InviteesOf(all, u)
		return err
	})
	return out, err
}

// InviteesOf returns the users in all that from invited, directly or indirectly. No user is listed twice.
func InviteesOf(all []User, from User) (out []Invitee) {
	by := map[string][]User{}
	for _, u := range all {
		if u.InvitedBy != "" && u.ID != from.ID {
			by[u.InvitedBy] = append(by[u.InvitedBy], u)
		}
	}
	seen := map[string]bool{from.ID: true}
	for next := []User{from}; len(next) > 0; next = next[1:] {
		for _, u := range by[next[0].ID] {
			if seen[u.ID] {
				continue
			}
			seen[u.ID] = true
			out, next = append(out, Invitee{u, next[0].Name}), append(next, u)
		}
	}
	return out
}
