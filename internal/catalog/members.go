package catalog

import "context"

// MaxMembers is how many names of a file's members are kept; of more, the first ones by name are.
const MaxMembers = 20_000

// Members is what is inside a file, by name.
type Members struct {
	Names []string // sorted, at most MaxMembers
	Total int
}

// MemberRows keeps the names of what is inside files. They go with their file.
type MemberRows interface {
	// Members returns fault.NotFound for a file that was uploaded before they were kept.
	Members(ctx context.Context, fileID string) (Members, error)
}
