package access

import (
	"context"
	"time"
)

// Grant gives a user a role in a repository, or in one project of it when ProjectID is set.
type Grant struct {
	UserID, RepositoryID, ProjectID string
	Role                            Role
	CreatedAt                       time.Time
}

// GrantRows keeps grants: at most one for each user, repository and project.
type GrantRows interface {
	// PutGrant adds g or replaces the role of the one there is.
	PutGrant(ctx context.Context, g Grant) error
	// RemoveGrant takes a grant away and reports whether there was one. The role is not looked at.
	RemoveGrant(ctx context.Context, g Grant) (bool, error)
	// GrantsOf returns all grants of a user, own ones and those of the user's groups: several may be about one place.
	GrantsOf(ctx context.Context, userID string) ([]Grant, error)
	// GrantsAbout returns the grants in a project and in its repository as a whole, oldest first; for "" those in the
	// repository and in all of its projects.
	GrantsAbout(ctx context.Context, repositoryID, projectID string) ([]Grant, error)
}
