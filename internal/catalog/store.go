package catalog

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/custody"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Tx is what the rules of this package need of a transaction.
type Tx interface {
	custody.Tx
	audit.Rows
	access.Serials
	access.GrantRows
	access.GroupRows
	access.UserRows
	access.StandingRows

	// Repositories. Reads return fault.NotFound for none.

	InsertRepository(ctx context.Context, r Repository) error // fault.Conflict for a taken name
	UpdateRepository(ctx context.Context, r Repository) error // by id: members, public
	RepositoryByName(ctx context.Context, name string) (Repository, error)
	Repositories(ctx context.Context) ([]Repository, error) // by name
	// DeleteRepository removes a repository with its grants; fault.Conflict while a project or a tombstone is in it.
	DeleteRepository(ctx context.Context, id string) error

	// Projects; Repository is filled in on reading. Reads return fault.NotFound for none.

	InsertProject(ctx context.Context, p Project) error // fault.Conflict for a name that exists in the repository
	// by id: display, status and its reason, serial, size, trusted only, limits
	UpdateProject(ctx context.Context, p Project) error
	DeleteProject(ctx context.Context, id string) error // with releases, files, grants and publisher links; not tombstones
	ProjectByName(ctx context.Context, repositoryID string, name packaging.ProjectName) (Project, error)
	ProjectByID(ctx context.Context, id string) (Project, error)
	Projects(ctx context.Context, repositoryID string) ([]Project, error) // by normal name
	// ProjectWithSkeleton returns some project whose name has a skeleton, see packaging.ProjectName; fault.NotFound where
	// none has.
	ProjectWithSkeleton(ctx context.Context, repositoryID, skeleton string) (Project, error)
	// ListedSince returns what a listing shows of the projects whose serial is above one, by normal name, and the number
	// of all projects of the repository. It does not tell which were deleted.
	ListedSince(ctx context.Context, repositoryID string, serial int64) ([]Listed, int, error)

	// Pages of projects.

	// ProjectsNamed returns size projects of a repository whose normal name has text in it, from the offset on, by name,
	// and how many there are in all.
	ProjectsNamed(ctx context.Context, repositoryID, text string, offset, size int) ([]Project, int, error)
	// ProjectsByID returns those of some projects that a repository has, in any order.
	ProjectsByID(ctx context.Context, repositoryID string, ids []string) ([]Project, error)

	// Names, and projects that were deleted. Reads of one return fault.NotFound for none.

	// PutName records a name. A name that is known already stays as it is.
	PutName(ctx context.Context, n Name) error
	NameOf(ctx context.Context, name packaging.ProjectName) (Name, error)
	// Names returns at most limit names, in order, after one of them.
	Names(ctx context.Context, after string, limit int) ([]Name, error)

	// PutDeleted records that a project was deleted, in place of an earlier one of that name.
	PutDeleted(ctx context.Context, d Deleted) error
	DeletedNamed(ctx context.Context, repository string, name packaging.ProjectName) (Deleted, error)
	// DeletedProjects returns all, by repository and name.
	DeletedProjects(ctx context.Context) ([]Deleted, error)
	// FreeName lets anybody use the name of a deleted project from a moment on, and reports whether that is sooner than
	// before.
	FreeName(ctx context.Context, repository string, name packaging.ProjectName, at time.Time) (bool, error)
	// NoteAgain notes that a project of the name of a deleted one was created.
	NoteAgain(ctx context.Context, repository string, name packaging.ProjectName, at time.Time) error

	// Releases. Reads return fault.NotFound for none.

	InsertRelease(ctx context.Context, r Release) error // fault.Conflict for a version that exists
	DeleteRelease(ctx context.Context, id string) error
	ReleaseByKey(ctx context.Context, projectID, key string) (Release, error)
	// Releases returns a project's releases, oldest first, but those all of whose files are in quarantine.
	Releases(ctx context.Context, projectID string) ([]Release, error)
	// Summaries returns all of a project's releases, also those in quarantine, with numbers of their files, in no order.
	Summaries(ctx context.Context, projectID string) ([]Summary, error)

	// Files, and the names of deleted ones. Reads return fault.NotFound for none.

	// InsertFile adds f with its core metadata. fault.Conflict where NameKey or Filename is taken in the repository.
	InsertFile(ctx context.Context, f File, m packaging.Metadata) error
	DeleteFile(ctx context.Context, id string) error
	SetYank(ctx context.Context, fileID string, yanked bool, reason string) error
	FileByKey(ctx context.Context, repositoryID, nameKey string) (File, error)
	FileByName(ctx context.Context, repositoryID, filename string) (File, error)
	FilesBySHA256(ctx context.Context, repositoryID, sha256 string) ([]File, error)
	// Files returns a project's files by time of upload, oldest first, those in quarantine left out. Uploader is left
	// zero: pages do not need it.
	Files(ctx context.Context, projectID string) ([]File, error)
	// FilesOfRelease is Files for one release, with Uploader.
	FilesOfRelease(ctx context.Context, releaseID string) ([]File, error)
	// AllFiles and AllFilesOfRelease return those in quarantine too, with Uploader: for who deletes or manages them.
	AllFiles(ctx context.Context, projectID string) ([]File, error)
	AllFilesOfRelease(ctx context.Context, releaseID string) ([]File, error)
	// SetQuarantine puts a file into quarantine at a time, or takes it out for the zero time; fault.NotFound if it is
	// gone.
	SetQuarantine(ctx context.Context, fileID string, at time.Time, reason string) error
	// Uploads returns files that somebody uploaded since a time, or that are in quarantine, newest first, at most limit.
	Uploads(ctx context.Context, f UploadFilter, limit int) ([]Uploaded, error)
	// CountUploads returns how many there are.
	CountUploads(ctx context.Context, f UploadFilter) (int, error)
	Metadata(ctx context.Context, fileID string) (packaging.Metadata, error)

	// InsertTombstone keeps the name of a deleted file for ever; adding one twice is fine.
	InsertTombstone(ctx context.Context, repositoryID, nameKey, filename string, at time.Time) error
	Tombstoned(ctx context.Context, repositoryID, nameKey string) (bool, error)

	// Attestations. They go with their file.

	// Attestations returns a file's attestations by predicate, verified or not.
	Attestations(ctx context.Context, fileID string) ([]Attestation, error)

	// Cards, and the words by which projects are found. Cards go with their project.

	// PutCard adds or replaces a project's card and its words.
	PutCard(ctx context.Context, c Card, text CardText) error
	SetCardAttested(ctx context.Context, projectID string) error
	DeleteCard(ctx context.Context, projectID string) error
	CardOf(ctx context.Context, projectID string) (Card, error)
	// WithoutCards returns ids, after one of them, of projects that have releases and no card, in order.
	WithoutCards(ctx context.Context, after string, limit int) ([]string, error)
	// PutRequirements replaces what a project requires.
	PutRequirements(ctx context.Context, c Card, required []Required) error

	// Sums for the operator.

	Usage(ctx context.Context, largest int) (Usage, error)
	// Days counts entries of actions by day since a moment, oldest first.
	Days(ctx context.Context, since time.Time, actions []string) ([]Day, error)
	// AddDownloads adds to the downloads of a day.
	AddDownloads(ctx context.Context, day time.Time, projectID, version string, n int64) error
	// Downloads returns the downloads of each day since a moment: of a release as it spells its version, for "" of the
	// whole project, and for no project of all.
	Downloads(ctx context.Context, since time.Time, projectID, version string) ([]Day, error)
	DeleteDownloadsBefore(ctx context.Context, t time.Time) error

	// Uploads by trusted publishers.

	// PublishedFiles returns the newest files of a project that trusted publishers uploaded, newest first, at most limit.
	PublishedFiles(ctx context.Context, projectID string, limit int) ([]PublishedFile, error)

	// DeletePendingFor removes pending publishers for a project name that came to exist, except those of the user, and
	// returns their ids.
	DeletePendingFor(ctx context.Context, repositoryID, project, exceptUserID string) ([]string, error)
}

// PublishedFile says which minted token uploaded a file, and for which workload.
type PublishedFile struct {
	TokenID string
	Claims  map[string]any // verified
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
	// Stamp returns the state that the index is in, to keep under it what is read afterwards; see memo.Stamp. It is as
	// fresh as Serial and costs the same.
	Stamp(ctx context.Context) (memo.Stamp, error)
	Serial(ctx context.Context) (int64, error)
}
