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
	// GrantsAbout returns the grants in a project and in its repository as a whole, oldest first. If projectID is "",
	// it returns those in the repository and in all of its projects.
	GrantsAbout(ctx context.Context, repositoryID, projectID string) ([]Grant, error)
}
