package catalog

import (
	"cmp"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/policy"
)

// MainRepository is the name of the repository at the root of an index. It always exists.
const MainRepository = "main"

// Repository is one named collection of projects.
type Repository struct {
	ID, Name  string
	Members   access.Role // role of every active user: Reader sees all, Uploader also creates projects
	Public    bool        // readable by anonymous callers, if the index allows that
	CreatedAt time.Time
	Size      int64 // bytes of all files of its projects
	SizeLimit int64 // limit of Size in bytes; 0 for the configured limit

	// What is read through the repository's bases; see package resolve.

	// RequireHashes leaves files out of pages until their digest is known.
	RequireHashes bool
	// UpstreamReaders are the callers that may read names of upstreams through the repository: AnyReader, who may read
	// anything in it, or RepositoryReader, who may read all of it.
	UpstreamReaders string
	AnonymousFetch  bool // whether a request without a credential may cause one to an upstream
	Declared        bool // set for repositories of the configuration file; pages and commands do not change them

	// What is served of upstreams; see package policy. The zero value of each is its default.

	Cooldown      time.Duration // age from which files of upstreams are served, 0 for any
	CooldownSince time.Time     // files that this index knew before are not held for their age; zero for none
	Observe       bool          // rules that would hold or deny files are only logged and counted
	StartupFiles  policy.Startup
	ShowHeld      string // ShowYanked or ShowHidden, "" for ShowYanked
	KeepRemoved   policy.Removed
}

// Values of Repository.ShowHeld: a page lists files that are not served as yanked, with the reason, or leaves them out.
const (
	ShowYanked = "yanked"
	ShowHidden = "hidden"
)

// Policy returns the settings of what the repository serves of upstreams. direct is set if it draws on the upstream
// itself.
func (r Repository) Policy(direct bool) policy.Settings {
	return policy.Settings{
		Repository: r.Name, Cooldown: r.Cooldown, Since: r.CooldownSince, Startup: r.StartupFiles,
		KeepRemoved: r.KeepRemoved, Observe: r.Observe, Direct: direct,
	}
}

// HidesHeld reports whether pages leave out files that are not served.
func (r Repository) HidesHeld() bool { return cmp.Or(r.ShowHeld, ShowYanked) == ShowHidden }

// Values of Repository.UpstreamReaders.
const (
	AnyReader        = "any"
	RepositoryReader = "repository"
)

// EmptyRepository returns a new repository with the default of each setting: only callers with a role can read it.
func EmptyRepository(id, name string, createdAt time.Time) Repository {
	return Repository{
		ID: id, Name: name, CreatedAt: createdAt, RequireHashes: true, UpstreamReaders: AnyReader,
	}
}

// Object returns the repository for permission checks.
func (r Repository) Object() access.Object {
	return access.Object{RepositoryID: r.ID, Members: r.Members, Public: r.Public}
}

// Readers describes the people who can read the repository, such as "everyone who is signed in". If closed is set, the
// index allows no reading without a token.
func (r Repository) Readers(closed bool) string {
	switch {
	case r.Public && !closed:
		return "everyone on the network"
	case r.Members >= access.Reader:
		return "everyone who is signed in"
	}
	return "people with a role"
}
