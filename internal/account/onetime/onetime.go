// Package onetime manages links that can be used once.
//
// It promises that rows hold only the hash of a link's secret, and that a used, expired or unknown link gives the same
// answer. It does not check the rights that a link gives: package account does.
package onetime

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Link is the row of a link that can be used once. Only its bearer has the secret.
type Link struct {
	ID, Hash   string
	Kind       Kind
	UserID     string // owner; "" if the link creates an account
	Invitation Invitation
	CreatedBy  string // user id, "" for the operator
	CreatedAt  time.Time
	ExpiresAt  time.Time
	UsedAt     time.Time // zero while the link can be used
	Tries      int       // wrong codes, for Factor
	// Origin is OriginForgotten for a Reset that the user requested, and the method of the first step for a Factor.
	Origin     string
	ApprovedAt time.Time // set if an administrator approved the invitation
	ApprovedBy string    // user id of that administrator, "" for the operator
}

// Kind is the purpose of a link.
type Kind string

// The kinds of link.
const (
	First  Kind = "first"  // creates the first administrator
	Reset  Kind = "reset"  // sets a new password
	Invite Kind = "invite" // creates an account
	Factor Kind = "factor" // between a password and a second factor, in a cookie
)

// Invitation lists the account properties that an invited person gets.
type Invitation struct {
	Name   string  `json:"name,omitempty"`  // fixed user name, "" to choose
	Email  string  `json:"email,omitempty"` // address of the invited person
	Admin  bool    `json:"admin,omitempty"`
	Grants []Grant `json:"grants,omitempty"`
}

// Roles describes the roles of the new account, for example "owner of widgets".
func (i Invitation) Roles() []string {
	var out []string
	if i.Admin {
		out = append(out, "administrator of this index")
	}
	for _, g := range i.Grants {
		out = append(out, g.Role+" of "+g.Where)
	}
	return out
}

// Grant is a role that an invitation gives in a project, or in a repository if there is no project.
type Grant struct {
	RepositoryID string `json:"repository_id"`
	ProjectID    string `json:"project_id,omitempty"`
	Where        string `json:"where"` // name of the project or repository, for display
	Role         string `json:"role"`
}

// Tx is the set of rows that this package needs in a transaction.
type Tx interface {
	InsertLink(ctx context.Context, l Link) error
	LinkByHash(ctx context.Context, hash string) (Link, error)
	// Links returns the unused links of a kind that expire after t, newest first.
	Links(ctx context.Context, kind Kind, t time.Time) ([]Link, error)
	// UseLink sets the time of use unless it is set already, and reports whether it did.
	UseLink(ctx context.Context, id string, at time.Time) (bool, error)
	// TryLink counts a wrong code and returns the new count.
	TryLink(ctx context.Context, id string) (int, error)
	// EndLinks ends the unused links of a kind: those of a user, or all if userID is "".
	EndLinks(ctx context.Context, kind Kind, userID string, at time.Time) error
	// ApproveLink sets the approver and a new expiry of an open link unless it is approved already, and reports whether
	// it did.
	ApproveLink(ctx context.Context, id, by string, at, expires time.Time) (bool, error)
	DeleteLinksBefore(ctx context.Context, t time.Time) error

	UserByID(ctx context.Context, id string) (access.User, error)
}

// ErrLink is the single answer for a link that is unknown, used or expired.
var ErrLink = fault.New(fault.NotFound, "this link is invalid, expired or already used: ask for a new one")

// New returns a link for a new row, and its secret.
func New(id string, kind Kind, now time.Time, life time.Duration) (Link, access.Secret) {
	secret := access.NewToken()
	return Link{ID: id, Hash: access.HashToken(secret), Kind: kind, CreatedAt: now, ExpiresAt: now.Add(life)}, secret
}

// Find returns a link that can still be used, and its user, if any. It returns ErrLink if the link cannot be used or
// the user is disabled.
func Find(ctx context.Context, tx Tx, kind Kind, secret access.Secret,
	now time.Time,
) (l Link, u access.User, err error) {
	l, err = tx.LinkByHash(ctx, access.HashToken(secret))
	if fault.Is(err, fault.NotFound) || err == nil && (l.Kind != kind || !l.UsedAt.IsZero() || !now.Before(l.ExpiresAt)) {
		return Link{}, u, ErrLink
	} else if err != nil || l.UserID == "" {
		return l, u, err
	}
	if u, err = tx.UserByID(ctx, l.UserID); err != nil || !u.Active() {
		return Link{}, access.User{}, ErrLink
	}
	return l, u, nil
}
