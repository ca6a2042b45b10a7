package access

import (
	"context"
	"time"

	"pyindex/internal/fault"
)

// HolderRows are the rows that UploadTokens reads.
type HolderRows interface {
	UserRows
	TokenRows
	GrantRows
	// TokensTouching returns the unrevoked API tokens of scope upload or wider that might allow the project, oldest
	// first. These are the tokens bound to it, and the unbound tokens of administrators and of users with a grant in
	// the project or its repository.
	TokensTouching(ctx context.Context, repositoryID, projectID string) ([]Token, error)
}

// UploadTokens returns the API tokens that allow uploads to a project at the given time, oldest first, with their
// users' names. Caller.May decides about each one. Its callers must have checked that the reader may see the list.
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
			p.projects = set([]string{o.ProjectID}) // or the query would not return it
		}
		if p.kind == KindService {
			p.scope = min(p.scope, ScopeUpload)
		}
		if p.May(Uploader, o) {
			out = append(out, TokenInfo{Token: t, User: p.name})
		}
	}
	return out, nil
}

// PeopleRows are the rows that Holds reads.
type PeopleRows interface {
	UserRows
	GrantRows
}

// Holds reports whether a user may act on o in the role now, with all of their rights. It reports false if the user
// does not exist or is disabled. It serves actions that the user started earlier, such as an invitation.
func Holds(ctx context.Context, tx PeopleRows, userID string, role Role, o Object) (bool, error) {
	c, err := holder(ctx, tx, userID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	c.scope = ScopeAdmin
	return err == nil && c.May(role, o), err
}

// HoldsCreation reports whether a user may create projects in the repository o now, with all of their rights; see
// Caller.MayCreate. It reports false if the user does not exist or is disabled.
func HoldsCreation(ctx context.Context, tx PeopleRows, userID string, o Object) (bool, error) {
	c, err := holder(ctx, tx, userID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	c.scope = ScopeAdmin
	return err == nil && c.MayCreate(o), err
}

// holder returns the user behind tokens, without any token's restrictions. It returns the zero Caller if the account is
// disabled.
func holder(ctx context.Context, tx PeopleRows, userID string) (Caller, error) {
	u, err := tx.UserByID(ctx, userID)
	if err != nil || !u.Active() {
		return Caller{}, err
	}
	grants, err := tx.GrantsOf(ctx, userID)
	return Caller{}.account(u).Renewed(grants), err
}
