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
	InsertMembers(ctx context.Context, fileID string, m Members) error
	// Members returns fault.NotFound for a file that was uploaded before they were kept.
	Members(ctx context.Context, fileID string) (Members, error)
}

// insertMembers keeps the names of what is in the file that is added.
func (a *addition) insertMembers(ctx context.Context, tx Tx, f File) error {
	names := a.contents.Members
	return tx.InsertMembers(ctx, f.ID, Members{Names: names[:min(len(names), MaxMembers)], Total: len(names)})
}
