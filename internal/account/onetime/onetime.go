// Package onetime keeps links that can be used once.
//
// It promises that rows hold the hash of a link's secret and that a used, ended or unknown link gives the same answer.
// It does not check what a link gives: package account does.
package onetime

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Link is a row about a link that is good once. The secret in it is known to its bearer alone.
type Link struct {
	ID, Hash   string
	Kind       Kind
	UserID     string // whose it is; "" where it makes an account
	Invitation Invitation
	CreatedBy  string // user id, "" for the operator
	CreatedAt  time.Time
	ExpiresAt  time.Time
	UsedAt     time.Time // zero while it may be used
	Tries      int       // wrong codes, of a LinkFactor
	// OriginForgotten for a LinkReset that the person asked for; the method of the first step for a LinkFactor
	Origin     string
	ApprovedAt time.Time // of an invitation that an administrator approved
	ApprovedBy string    // user id of that administrator, "" for the operator
}

// Kind says what a link is for.
type Kind string

// The kinds of link.
const (
	First  Kind = "first"  // makes the first administrator
	Reset  Kind = "reset"  // sets a new password
	Invite Kind = "invite" // makes an account
	Factor Kind = "factor" // between a password and a second factor; kept in a cookie
)

// Invitation is what an invited person gets.
type Invitation struct {
	Name   string  `json:"name,omitempty"`  // fixed user name, "" to choose
	Email  string  `json:"email,omitempty"` // whom it was meant for
	Admin  bool    `json:"admin,omitempty"`
	Grants []Grant `json:"grants,omitempty"`
}

// Grant is a role that comes with an invitation, in a project or, without one, in a repository.
type Grant struct {
	RepositoryID string `json:"repository_id"`
	ProjectID    string `json:"project_id,omitempty"`
	Where        string `json:"where"` // for people: the project's or the repository's name
	Role         string `json:"role"`
}

// Tx is what this package needs of a transaction.
type Tx interface {
	InsertLink(ctx context.Context, l Link) error
	LinkByHash(ctx context.Context, hash string) (Link, error)
	// Links returns links of a kind that were not used and expire after t, newest first.
	Links(ctx context.Context, kind Kind, t time.Time) ([]Link, error)
	// UseLink sets the time of use where none is set, and reports whether it did.
	UseLink(ctx context.Context, id string, at time.Time) (bool, error)
	// TryLink counts a wrong code and returns how many there were.
	TryLink(ctx context.Context, id string) (int, error)
	// EndLinks ends all links of a kind that were not used: those of a user, or all for "".
	EndLinks(ctx context.Context, kind Kind, userID string, at time.Time) error
	// ApproveLink sets who approved an open link, and a new end, if nobody did before, and reports whether it did.
	ApproveLink(ctx context.Context, id, by string, at, expires time.Time) (bool, error)
	DeleteLinksBefore(ctx context.Context, t time.Time) error

	UserByID(ctx context.Context, id string) (access.User, error)
}

// ErrLink is the one answer to a link that is not known, was used, or ended.
var ErrLink = fault.New(fault.NotFound, "this link was used, has ended, or was never one: ask for a new one")

// New returns a link for a new row, and its secret.
func New(id string, kind Kind, now time.Time, life time.Duration) (Link, access.Secret) {
	secret := access.NewToken()
	return Link{ID: id, Hash: access.HashToken(secret), Kind: kind, CreatedAt: now, ExpiresAt: now.Add(life)}, secret
}

// Find returns a link that can still be used, and the user that it belongs to, if any. It returns ErrLink for any
// other, and if that user is disabled.
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
