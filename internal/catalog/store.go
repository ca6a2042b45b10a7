package catalog

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/custody"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
)

// Tx is a transaction with the rows of this package.
type Tx interface {
	custody.Tx
	audit.Rows
	access.Serials
	access.GrantRows
	access.GroupRows
	access.UserRows
	access.ServiceRows
	access.StandingRows
	RecoveredRows

	// Repositories. Reads of one return fault.NotFound if there is none.

	InsertRepository(ctx context.Context, r Repository) error // fault.Conflict if the name is taken
	// UpdateRepository sets the settings of the row with r's id, but not its size. The size changes with those of its
	// projects, in InsertProject, UpdateProject and DeleteProject.
	UpdateRepository(ctx context.Context, r Repository) error
	RepositoryByName(ctx context.Context, name string) (Repository, error)
	Repositories(ctx context.Context) ([]Repository, error) // by name
	// DeleteRepository deletes a repository with its grants. It returns fault.Conflict if the repository contains a
	// project or a tombstone.
	DeleteRepository(ctx context.Context, id string) error

	// PutBases replaces the bases of a repository.
	PutBases(ctx context.Context, repositoryID string, bases []Base) error
	// Bases returns the bases of a repository, in order.
	Bases(ctx context.Context, repositoryID string) ([]Base, error)
	// RepositoriesOn returns the repositories that have a base, by name. Only one of b's RepositoryID and Upstream counts.
	RepositoriesOn(ctx context.Context, b Base) ([]Repository, error)
	// SeenNames returns the names, in order, that an upstream answered for a repository and whose origin there is Foreign
	// or Both.
	SeenNames(ctx context.Context, repositoryID string) ([]packaging.ProjectName, error)
	upstream.Rows

	// Projects. Reads fill in Repository, and reads of one return fault.NotFound if there is none.

	InsertProject(ctx context.Context, p Project) error // fault.Conflict if the repository has the name
	// UpdateProject sets display, status and its reason, serial, size, trusted only and limits of the row with p's id.
	UpdateProject(ctx context.Context, p Project) error
	// with releases, files, grants and publisher links, but not tombstones
	DeleteProject(ctx context.Context, id string) error
	ProjectByName(ctx context.Context, repositoryID string, name packaging.ProjectName) (Project, error)
	ProjectByID(ctx context.Context, id string) (Project, error)
	Projects(ctx context.Context, repositoryID string) ([]Project, error) // by normal name
	// ProjectWithSkeleton returns any project whose name has a skeleton, see packaging.ProjectName.Skeleton, or
	// fault.NotFound.
	ProjectWithSkeleton(ctx context.Context, repositoryID, skeleton string) (Project, error)
	// ListedSince returns the projects of a repository whose serial is above since, by normal name, and the number of all
	// projects of the repository. It does not report deleted projects.
	ListedSince(ctx context.Context, repositoryID string, serial int64) ([]Listed, int, error)
	// EachListed calls f with all projects of a repository, by normal name and without their ids, until f fails.
	EachListed(ctx context.Context, repositoryID string, f func(Listed) error) error
	// CountListed returns the number of projects of a repository with serials from first to last.
	CountListed(ctx context.Context, repositoryID string, first, last int64) (int, error)
	// ListedBetween returns those projects, in no particular order and without their ids.
	ListedBetween(ctx context.Context, repositoryID string, first, last int64) ([]Listed, error)

	// Pages of projects.

	// ProjectsNamed returns up to size projects of a repository whose normal name contains text, by name and starting at
	// offset, and the total number of such projects.
	ProjectsNamed(ctx context.Context, repositoryID, text string, offset, size int) ([]Project, int, error)
	// ProjectsByID returns the projects with the given ids that belong to a repository, in any order.
	ProjectsByID(ctx context.Context, repositoryID string, ids []string) ([]Project, error)

	// Names and deleted projects. Reads of one return fault.NotFound if there is none.

	// PutName records a name. It leaves a known name unchanged.
	PutName(ctx context.Context, n Name) error
	NameOf(ctx context.Context, name packaging.ProjectName) (Name, error)
	// ReplaceName records a name in place of a known one.
	ReplaceName(ctx context.Context, n Name) error
	// NameFacts returns the rows that decide whose a name is; the source is that of one repository.
	NameFacts(ctx context.Context, name packaging.ProjectName, repositoryID string) (NameFacts, error)
	// PutNameSource remembers the upstream that has a name, for a repository.
	PutNameSource(ctx context.Context, repositoryID string, name packaging.ProjectName, s NameSource, at time.Time) error

	// PutRuling adds or replaces the decision about a name in a repository.
	PutRuling(ctx context.Context, r Ruling) error
	RulingOf(ctx context.Context, repositoryID string, name packaging.ProjectName) (Ruling, error)
	Rulings(ctx context.Context) ([]Ruling, error) // by name

	PutReservation(ctx context.Context, r Reservation) error // fault.Conflict if there is one
	Reservations(ctx context.Context) ([]Reservation, error) // by pattern, also those that ended
	// DeleteReservation deletes an administrator's reservation of a prefix, and reports whether there was one.
	DeleteReservation(ctx context.Context, repositoryID, prefix string) (bool, error)
	// EndReservations ends the reservations of a pending publisher at a time, unless they end sooner.
	EndReservations(ctx context.Context, subject string, at time.Time) error
	// MoveReservations gives the reservations of a repository to another one.
	MoveReservations(ctx context.Context, fromID, toID string) error

	// Names returns at most limit names after the given one, in order.
	Names(ctx context.Context, after string, limit int) ([]Name, error)

	// PutDeleted records the deletion of a project and replaces an earlier record of that name.
	PutDeleted(ctx context.Context, d Deleted) error
	DeletedNamed(ctx context.Context, repository string, name packaging.ProjectName) (Deleted, error)
	// DeletedProjects returns all deleted projects, by repository and name.
	DeletedProjects(ctx context.Context) ([]Deleted, error)
	// FreeName makes the name of a deleted project available from a time on, and reports whether that is sooner than
	// before.
	FreeName(ctx context.Context, repository string, name packaging.ProjectName, at time.Time) (bool, error)
	// NoteAgain records that a project with the name of a deleted one was created.
	NoteAgain(ctx context.Context, repository string, name packaging.ProjectName, at time.Time) error

	// Releases. Reads of one return fault.NotFound if there is none.

	InsertRelease(ctx context.Context, r Release) error // fault.Conflict if the version exists
	DeleteRelease(ctx context.Context, id string) error
	ReleaseByKey(ctx context.Context, projectID, key string) (Release, error)
	// Releases returns a project's releases, oldest first, except those whose files are all in quarantine.
	Releases(ctx context.Context, projectID string) ([]Release, error)
	// ShownReleases returns the same releases with only their version and key.
	ShownReleases(ctx context.Context, projectID string) ([]Release, error)
	// Summaries returns all releases of a project, including those in quarantine, in no particular order.
	Summaries(ctx context.Context, projectID string) ([]Summary, error)

	// Files, and the names of deleted ones. Reads of one return fault.NotFound if there is none.

	// InsertFile adds f with its core metadata. It returns fault.Conflict if the repository has the NameKey or Filename.
	InsertFile(ctx context.Context, f File, m packaging.Metadata) error
	DeleteFile(ctx context.Context, id string) error
	SetYank(ctx context.Context, fileID string, yanked bool, reason string) error
	FileByKey(ctx context.Context, repositoryID, nameKey string) (File, error)
	FileByName(ctx context.Context, repositoryID, filename string) (File, error)
	FilesBySHA256(ctx context.Context, repositoryID, sha256 string) ([]File, error)
	// Files returns a project's files by upload time, oldest first, except those in quarantine. Uploader is not filled in:
	// pages do not need it.
	Files(ctx context.Context, projectID string) ([]File, error)
	// ShownFiles returns the same files with only what a page shows: their filename, version, digest and that of the
	// metadata, required Python, size, upload time, yank, and whether they are attested.
	ShownFiles(ctx context.Context, projectID string) ([]File, error)
	// FilesOfRelease returns the same for one release, with Uploader.
	FilesOfRelease(ctx context.Context, releaseID string) ([]File, error)
	// StartupOfRelease returns, by file id, the members of a release's files that run code whenever Python starts. Files
	// without any are left out. Wheels that were uploaded before this was recorded are judged by the names of their
	// members.
	StartupOfRelease(ctx context.Context, releaseID string) (map[string]Startup, error)
	// AllFiles and AllFilesOfRelease include those in quarantine, with Uploader, for deleting and managing files.
	AllFiles(ctx context.Context, projectID string) ([]File, error)
	AllFilesOfRelease(ctx context.Context, releaseID string) ([]File, error)
	// SetQuarantine puts a file into quarantine at a time, or takes it out if the time is zero. It returns fault.NotFound
	// if the file does not exist.
	SetQuarantine(ctx context.Context, fileID string, at time.Time, reason string) error
	// Uploads returns the files that a filter selects, newest first, at most limit.
	Uploads(ctx context.Context, f UploadFilter, limit int) ([]Uploaded, error)
	// CountUploads returns the number of files that a filter selects.
	CountUploads(ctx context.Context, f UploadFilter) (int, error)
	Metadata(ctx context.Context, fileID string) (packaging.Metadata, error)

	// InsertTombstone reserves the name of a deleted file forever. Adding one twice is not an error.
	InsertTombstone(ctx context.Context, repositoryID, nameKey, filename string, at time.Time) error
	Tombstoned(ctx context.Context, repositoryID, nameKey string) (bool, error)

	// Attestations. They are deleted with their file.

	// Attestations returns a file's attestations by predicate, verified or not.
	Attestations(ctx context.Context, fileID string) ([]Attestation, error)

	// Cards and searchable text. They are deleted with their project.

	// PutCard adds or replaces a project's card and its searchable text.
	PutCard(ctx context.Context, c Card, text CardText) error
	SetCardAttested(ctx context.Context, projectID string) error
	DeleteCard(ctx context.Context, projectID string) error
	CardOf(ctx context.Context, projectID string) (Card, error)
	// WithoutCards returns the ids, in order and after the given one, of projects that have releases but no card, or one
	// that was indexed with another WordsVersion.
	WithoutCards(ctx context.Context, after string, limit int) ([]string, error)
	// PutRequirements replaces the requirements of a project.
	PutRequirements(ctx context.Context, c Card, required []Required) error

	// Totals for the administrator.

	Usage(ctx context.Context, largest int) (Usage, error)
	// Days counts audit entries of the given actions by day since a time, oldest first.
	Days(ctx context.Context, since time.Time, actions []string) ([]Day, error)
	// AddDownloads adds to the download count of a day.
	AddDownloads(ctx context.Context, day time.Time, projectID, version string, n int64) error
	// Downloads returns the download counts by day since a time: of a release by its own spelling of the version, of the
	// whole project if version is "", and of all projects if projectID is "".
	Downloads(ctx context.Context, since time.Time, projectID, version string) ([]Day, error)
	// ProjectsNear returns projects that use at least 80 % of their own size limit or, without one, of the configured
	// limit, the largest first, at most limit for each of both.
	ProjectsNear(ctx context.Context, configured int64, limit int) ([]ProjectUsage, error)
	// RepositorySizesDiffer reports whether the size of a repository differs from the sum of the sizes of its projects.
	RepositorySizesDiffer(ctx context.Context) (bool, error)
	// RecountRepositories sets the size of every repository to the sum of the sizes of its projects.
	RecountRepositories(ctx context.Context) error
	DeleteDownloadsBefore(ctx context.Context, t time.Time) error

	// Uploads by trusted publishers.

	// PublishedFiles returns the files of a project that trusted publishers uploaded, newest first, at most limit.
	PublishedFiles(ctx context.Context, projectID string, limit int) ([]PublishedFile, error)
	// FilesPublished returns the same files in full, also those in quarantine: those before a place, the zero Cursor being
	// before the newest file.
	FilesPublished(ctx context.Context, projectID string, before audit.Cursor, limit int) ([]File, error)
	// FilesByTokens returns the files of a project that minted tokens uploaded, oldest first.
	FilesByTokens(ctx context.Context, projectID string, tokens []string) ([]File, error)

	ImportRows

	// DeletePendingFor removes the pending publishers for the name of a new project, except those of one user, and returns
	// their ids.
	DeletePendingFor(ctx context.Context, repositoryID, project, exceptUserID string) ([]string, error)
}

// PublishedFile identifies the minted token that uploaded a file, and its workload.
type PublishedFile struct {
	TokenID string
	Claims  map[string]any // verified
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
	// Stamp returns the current state of the index, to cache later reads under; see memo.Stamp. It is as fresh as Serial
	// and costs the same.
	Stamp(ctx context.Context) (memo.Stamp, error)
	Serial(ctx context.Context) (int64, error)
}
