package catalog

// MaxMembers is the number of member names stored for a file: the first ones in sorted order.
const MaxMembers = 20_000

// Members lists the contents of an archive.
type Members struct {
	Names []string // sorted, at most MaxMembers
	Total int
}
