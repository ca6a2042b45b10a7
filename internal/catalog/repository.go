package catalog

import (
	"context"
	"time"

	"pyindex/internal/access"
)

// MainRepository is the name of the repository at the root of an index. It always exists.
const MainRepository = "main"

// Repository is one named collection of projects.
type Repository struct {
	ID, Name  string
	Members   access.Role // what every active user may do: Reader sees all, Uploader also makes projects
	Public    bool        // readable by nobody in particular, where the index allows that at all
	CreatedAt time.Time
}

// Object returns the repository as permissions see it.
func (r Repository) Object() access.Object {
	return access.Object{RepositoryID: r.ID, Members: r.Members, Public: r.Public}
}

// RepositoryRows keeps repositories. Reads return fault.NotFound for none.
type RepositoryRows interface {
	InsertRepository(ctx context.Context, r Repository) error // fault.Conflict for a taken name
	UpdateRepository(ctx context.Context, r Repository) error // by id: members, public
	RepositoryByName(ctx context.Context, name string) (Repository, error)
	Repositories(ctx context.Context) ([]Repository, error) // by name
	// DeleteRepository removes a repository with its grants; fault.Conflict while a project or a tombstone is in it.
	DeleteRepository(ctx context.Context, id string) error
}
