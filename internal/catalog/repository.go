package catalog

import (
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
