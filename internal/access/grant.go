package access

import (
	"context"
	"time"
)

// Grant gives a user a role in a repository, or in one of its projects if ProjectID is set.
type Grant struct {
	UserID, RepositoryID, ProjectID string
	Role                            Role
	CreatedAt                       time.Time
}

// GrantRows stores grants: at most one for each user, repository and project.
type GrantRows interface {
	// PutGrant adds g, or replaces the role of the existing grant.
	PutGrant(ctx context.Context, g Grant) error
	// RemoveGrant removes a grant and reports whether it existed. It ignores the role.
	RemoveGrant(ctx context.Context, g Grant) (bool, error)
	// GrantsOf returns a user's own grants and those of the user's groups. Several may be about the same place.
	GrantsOf(ctx context.Context, userID string) ([]Grant, error)
	// GrantsUnless returns GrantsOf with the mark of this state of them, or no grants if the mark is already the given
	// one. Each change of them gives them a new random mark, so equal marks other than 0 mean equal grants,
	// also after a restore. The mark is 0 as long as a user has never had a grant.
	GrantsUnless(ctx context.Context, userID string, mark int64) (grants []Grant, now int64, err error)
	// GrantsAbout returns the grants in a project and in its repository as a whole, oldest first. If projectID is "",
	// it returns those in the repository and in all of its projects.
	GrantsAbout(ctx context.Context, repositoryID, projectID string) ([]Grant, error)
}
