package catalog

// MaxMembers is the number of member names stored for a file: the first ones in sorted order.
const MaxMembers = 20_000

// Startup are the members of a file that run code whenever Python starts, sorted, at most MaxStartup.
type Startup struct {
	Members   []string
	Unchecked bool // only their names were looked at, because the file was uploaded before its contents were checked
}

// MaxStartup is the number of start-up files stored for a file.
const MaxStartup = 100

// Members lists the contents of an archive.
type Members struct {
	Names []string // sorted, at most MaxMembers
	Total int
	// Startup are the members that run code whenever Python starts, sorted, at most MaxStartup. It is empty for files that
	// were uploaded before this was recorded.
	Startup []string
}
