package catalog

// MaxMembers is how many names of a file's members are kept; of more, the first ones by name are.
const MaxMembers = 20_000

// Members is what is inside a file, by name.
type Members struct {
	Names []string // sorted, at most MaxMembers
	Total int
}
