package access

import (
	"context"
	"time"
)

// InvitationRows is what the directory needs of invitations and of links to new passwords; package account keeps them.
type InvitationRows interface {
	// EndInvitationsBy ends the open invitations that a user made and returns how many it ended.
	EndInvitationsBy(ctx context.Context, userID string, at time.Time) (int64, error)
	// EndResetsBy ends the open links to new passwords that a user made, and returns how many it ended.
	EndResetsBy(ctx context.Context, userID string, at time.Time) (int64, error)
}

// Invitee is an account that somebody's invitation made.
type Invitee struct {
	User
	By string // name of the user who invited them
}

// Invitees returns the accounts that a user invited and those that these invited in turn, by name at each step: an
// account outlives the one that invited it, so whoever disables that one looks at them too. It needs an administrator
// and returns fault.NotFound for an unknown name.
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

// InviteesOf returns those of all users whom from invited, and whom these invited in turn. Nobody is listed twice.
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
