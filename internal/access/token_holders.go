package access

import (
	"context"
	"time"

	"pyindex/internal/fault"
)

// HolderRows is what UploadTokens needs of a transaction.
type HolderRows interface {
	UserRows
	TokenRows
	GrantRows
	// TokensTouching returns the API tokens of scope upload or more that were not revoked and could be about a project,
	// oldest first: those bound to it, and the unbound ones of administrators and of who was granted anything in it or its
	// repository.
	TokensTouching(ctx context.Context, repositoryID, projectID string) ([]Token, error)
}

// UploadTokens returns the API tokens by which somebody may upload to a project at a moment, oldest first, with the
// names of their users. Whether one may is what Caller.May says of its bearer. It is for those who may know: whoever
// calls it has made sure of it.
func UploadTokens(ctx context.Context, tx HolderRows, o Object, now time.Time) ([]TokenInfo, error) {
	all, err := tx.TokensTouching(ctx, o.RepositoryID, o.ProjectID)
	if err != nil {
		return nil, err
	}
	people := map[string]Caller{}
	var out []TokenInfo
	for _, t := range all {
		if !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) {
			continue
		}
		p, ok := people[t.UserID]
		if !ok {
			if p, err = holder(ctx, tx, t.UserID); err != nil {
				return nil, err
			}
			people[t.UserID] = p
		}
		p.tokenID, p.scope, p.limited = t.ID, t.Scope, t.Limited
		if t.Limited {
			p.projects = set([]string{o.ProjectID}) // it is bound to this one, or would not be among them
		}
		if p.May(Uploader, o) {
			out = append(out, TokenInfo{Token: t, User: p.name})
		}
	}
	return out, nil
}

// PeopleRows is what Holds needs of a transaction.
type PeopleRows interface {
	UserRows
	GrantRows
}

// Holds reports whether a person may act on o in the role now, with everything that the person has. Whoever has no
// account that can be used may nothing. It is for what somebody set going earlier, an invitation for instance.
func Holds(ctx context.Context, tx PeopleRows, userID string, role Role, o Object) (bool, error) {
	c, err := holder(ctx, tx, userID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	c.scope = ScopeAdmin
	return err == nil && c.May(role, o), err
}

// HoldsCreation reports whether a person may create projects in the repository o now, as Caller.MayCreate says of
// everything that the person has. Somebody without an account that can be used may not.
func HoldsCreation(ctx context.Context, tx PeopleRows, userID string, o Object) (bool, error) {
	c, err := holder(ctx, tx, userID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	c.scope = ScopeAdmin
	return err == nil && c.MayCreate(o), err
}

// holder is the person behind tokens, without their bounds; nobody where the account may not be used.
func holder(ctx context.Context, tx PeopleRows, userID string) (Caller, error) {
	u, err := tx.UserByID(ctx, userID)
	if err != nil || !u.Active() {
		return Caller{}, err
	}
	grants, err := tx.GrantsOf(ctx, userID)
	c := Caller{kind: KindUser, id: u.ID, name: u.Name, admin: u.Admin}
	return c.Renewed(grants), err
}
