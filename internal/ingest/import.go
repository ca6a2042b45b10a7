package ingest

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// ImportedFile is a file of another index, with its statements about it.
type ImportedFile struct {
	Content      *Incoming // from StageImport; the caller discards it
	Place        string    // of the file in its source, for the journal
	Filename     string
	Digests      Digests // stated by the source
	DigestStated bool    // the content was compared with a digest of the source, also one that Digests does not have
	UploadedAt   time.Time
	TimeTrust    string // see catalog.Imported
	Uploader     string
	Yanked       bool
	YankedReason string
	Provenance   []byte // the provenance document (PEP 740), verified again; nil if there is none
}

// Batch is some files of one project that are imported together.
type Batch struct {
	ImportID     string // of the row in the table of imports
	Source       string // kind and location, as in catalog.Imported
	SourceName   string // short name of the source, for uploaders: "imported: alice@devpi"
	Repository   string
	Project      packaging.ProjectName
	Display      string         // as the owner of the project spells it, "" if unknown
	Status       catalog.Status // of the project in its source, "" if unknown
	StatusReason string
	Downloads    int64 // counted by the source, 0 if unknown
	CountedAt    time.Time
	Legacy       bool // accept legacy files
	Startup      bool // accept start-up files although no earlier version had one
	Files        []ImportedFile
	Yanks        []StatedYank // of files that the repository has from this import
	// Settle, if it is set, completes the rows after files were added, in the same transaction. created says that the
	// import created the project. It returns the project as it should be.
	Settle func(ctx context.Context, tx Tx, p catalog.Project, created bool) (catalog.Project, error)
	// Journal are outcomes of other files of the import, which are recorded together with those of Files.
	Journal []Outcome
}

// StatedYank is the yank of a file as the source of an import states it.
type StatedYank struct {
	FileID string
	Yanked bool
	Reason string
}

// Result is what Import did.
type Result struct {
	Outcomes []Outcome // of Batch.Files, in their order
	Created  bool      // the project
	Yanks    int       // files that were yanked or unyanked because the source changed them
	Status   bool      // the project's status was changed because the source changed it
}

// OutcomeState says what became of a file in an import.
type OutcomeState string

// The states.
const (
	Done     OutcomeState = "done"     // added
	Present  OutcomeState = "present"  // the repository had the identical file
	Conflict OutcomeState = "conflict" // the repository has, or had, another file of that name
	Refused  OutcomeState = "refused"
)

// Outcome is what became of a file in an import.
type Outcome struct {
	Place    string       `json:"place"`
	State    OutcomeState `json:"state"`
	Filename string       `json:"filename"`
	SHA256   string       `json:"sha256,omitempty"`
	Reason   string       `json:"reason,omitempty"`
	Legacy   bool         `json:"legacy,omitempty"`
	Warnings []string     `json:"warnings,omitempty"`
}

var errNotImporting = fault.New(fault.Denied, "only an administrator, with a token of scope admin, may import files")

// StageImport opens a stage for a file that Import takes over. It returns fault.Denied unless the caller is an
// administrator, fault.NotFound if there is no such repository, and fault.Unavailable while the index is in the state
// recovered. limits are those of the project.
func (x *Intake) StageImport(ctx context.Context, who access.Caller, repo string, limits catalog.Limits,
) (*Incoming, error) {
	if !who.Admin() {
		return nil, errNotImporting
	}
	if err := x.index.CheckUploads(ctx); err != nil {
		return nil, err
	}
	r, err := x.index.Repository(ctx, who, repo)
	if err != nil {
		return nil, err
	}
	return x.stage(ctx, who, r, limits)
}

// ImportLimits returns the limits on the files of a project that an import may create.
func (x *Intake) ImportLimits(p catalog.Project) catalog.Limits { return p.LimitsUnder(x.limits) }

// Import adds files of one project in one transaction, with one serial, after the same checks as an upload, also those
// of the size limits: files are added in the order of their upload times while there is room. The files keep upload
// time, uploader, yank and provenance of their source. Each has an outcome, in the order of b.Files; a refused file
// does not hinder the others, and the refusals are in no audit log. The outcomes and b.Journal are recorded in the same
// transaction. If no file is added, no project is created.
//
// Legacy files, which the gate refuses for defects that installers tolerate, are accepted if b.Legacy is set. They are
// marked, and no precedent for later uploads. Import returns fault.Denied unless the caller is an administrator or if
// the name belongs to somebody else, and other errors if a retry may succeed: fault.Unavailable while the index is in
// the state recovered.
//
// Yanks and the status of the project are carried over if they changed in the source since the last run of the import,
// so that changes made here stay.
func (x *Intake) Import(ctx context.Context, who access.Caller, b Batch) (Result, error) {
	if !who.Admin() {
		return Result{}, errNotImporting
	}
	r, err := x.index.Repository(ctx, who, b.Repository)
	if err != nil {
		return Result{}, err
	}
	if err := x.index.CheckUploads(ctx); err != nil {
		return Result{}, err
	}
	m := &importing{intake: x, who: who, repository: r, batch: b, out: make([]Outcome, len(b.Files))}
	if m.compared, err = x.compare(ctx, who, r, b.Project); err != nil {
		return Result{}, err
	}
	result, err := m.run(ctx)
	x.failed(ctx, err)
	return result, err
}

// importing is an import in progress.
type importing struct {
	intake     *Intake
	who        access.Caller
	repository catalog.Repository
	batch      Batch
	compared   catalog.Comparison
	ruling     catalog.Ruling
	all        []*imported // in the order of the batch; nil for those with an outcome
	out        []Outcome

	mu   sync.Mutex
	held map[*imported][]custody.Held
}

// imported is a file of an import.
type imported struct {
	addition
	index int // in the batch
	from  ImportedFile
	file  catalog.File
}

func (m *importing) run(ctx context.Context) (Result, error) {
	m.parse()
	if err := m.intake.store.View(ctx, m.check(ctx)); err != nil {
		return Result{}, err
	}
	if err := m.each(func(a *imported) error { return a.examine(ctx, m.batch.Legacy) }); err != nil {
		return Result{}, err
	}
	// From here on, an interruption must not leave a part of the batch.
	ctx = context.WithoutCancel(ctx)
	held, err := m.keep(ctx)
	var done inserted
	if err == nil {
		err = access.Update(ctx, m.intake.store, m.who, func(tx Tx, who access.Caller) (err error) {
			if !who.Admin() {
				return errNotImporting
			}
			if err := catalog.CheckUploadsIn(ctx, tx); err != nil {
				return err
			}
			done, err = m.insert(ctx, tx)
			return err
		})
	}
	unused := done.unused
	if err != nil {
		unused = held
	}
	if len(unused) > 0 {
		m.intake.custody.ReleaseHolds(ctx, unused)
	}
	return done.Result, err
}

// parse reads the names of the files.
func (m *importing) parse() {
	m.all = make([]*imported, len(m.batch.Files))
	for i, f := range m.batch.Files {
		a := &imported{index: i, from: f}
		a.addition = addition{
			intake: m.intake, who: m.who, repository: m.repository, content: f.Content, claimed: f.Digests,
			measured: f.Content.Digests(), startup: m.batch.Startup,
		}
		m.all[i] = a
		m.out[i] = Outcome{Place: f.Place, Filename: f.Filename, SHA256: a.measured.SHA256}
		err := a.parseNames(Upload{Filename: f.Filename})
		if fault.Is(err, fault.Invalid) && m.batch.Legacy {
			a.legacy = true
			err = a.parseNames(Upload{Filename: f.Filename})
		}
		if err == nil && a.name != m.batch.Project {
			// The guess from the name of an sdist may be wrong, as in "foo-2-1.0.tar.gz".
			a.name = m.batch.Project
			if a.filename, err = packaging.ParseFilename(f.Filename, a.name); err == nil {
				a.version = a.filename.Version()
				err = a.checkSpelling()
			}
		}
		if err != nil {
			m.end(a, err)
		}
	}
}

// end records the error as the outcome of a file.
func (m *importing) end(a *imported, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out[a.index] = outcome(m.out[a.index], err)
	m.all[a.index] = nil
}

// outcome returns o for a file that ended with an error.
func outcome(o Outcome, err error) Outcome {
	o.Reason = strings.TrimPrefix(fault.Message(err), o.Filename+": ")
	switch {
	case errors.Is(err, errIdentical):
		o.State, o.Reason = Present, ""
	case fault.Is(err, fault.Conflict), errors.Is(err, errBurned):
		o.State = Conflict
	default:
		o.State = Refused
	}
	return o
}

// ends reports whether an error is the outcome of one file.
func ends(err error) bool {
	return errors.Is(err, errIdentical) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) ||
		fault.Is(err, fault.Denied) || fault.Is(err, fault.TooLarge)
}

// each calls f for the files without an outcome, several at once. An error that ends a file becomes its outcome.
func (m *importing) each(f func(*imported) error) error {
	queue := make(chan *imported)
	var errs []error
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0)*2, max(1, len(m.all))) {
		wait.Go(func() {
			for a := range queue {
				switch err := f(a); {
				case err == nil:
				case ends(err):
					m.end(a, err)
				default:
					m.mu.Lock()
					errs = append(errs, err)
					m.mu.Unlock()
				}
			}
		})
	}
	for _, a := range slices.Clone(m.all) {
		if a != nil {
			queue <- a
		}
	}
	close(queue)
	wait.Wait()
	return errors.Join(errs...)
}

// check returns the checks that need no archive.
func (m *importing) check(ctx context.Context) func(tx Tx) error {
	return func(tx Tx) error {
		p, _, err := m.project(ctx, tx)
		if err != nil {
			return err
		}
		for _, a := range m.all {
			if a == nil {
				continue
			}
			a.ruling = m.ruling
			err := a.checkContent(p, "")
			if err == nil {
				err = a.compareDigests()
			}
			if err == nil {
				err = a.checkNameFree(ctx, tx)
			}
			if err == nil {
				err = a.checkRoomFor(ctx, tx, p)
			}
			if err != nil && !ends(err) {
				return err
			}
			if err != nil {
				m.end(a, err)
			}
		}
		return nil
	}
}

// project returns the project, and whether it exists. It returns fault.Denied if the name belongs to an upstream, or if
// the project is in quarantine and the source does not say so.
func (m *importing) project(ctx context.Context, tx Tx) (catalog.Project, bool, error) {
	name := m.batch.Project
	ruling, err := tx.RulingOf(ctx, m.repository.ID, name)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return catalog.Project{}, false, err
	}
	if m.ruling = ruling; ruling.Origin == catalog.Foreign {
		_, err := catalog.MayUploadTo(ctx, tx, m.repository, name)
		return catalog.Project{}, false, err
	}
	p, err := tx.ProjectByName(ctx, m.repository.ID, name)
	if fault.Is(err, fault.NotFound) {
		return catalog.Project{}, false, m.intake.policy.CheckNewName(ctx, tx, catalog.NewName{
			Repository: m.repository, Name: name, At: m.intake.changes.Clock(), Compared: m.compared, Imported: true,
		})
	}
	if err == nil && p.Status == catalog.Quarantined && m.batch.Status != catalog.Quarantined {
		err = fault.New(fault.Denied, "project %s is quarantined here and takes no files", name)
	}
	return p, err == nil, err
}

// examine reads the archive and the attestations.
func (a *imported) examine(ctx context.Context, legacy bool) error {
	if err := a.compareVersion(ctx); err != nil {
		return err
	}
	err := a.inspect()
	if fault.Is(err, fault.Invalid) && legacy && !a.legacy {
		strict := err
		a.legacy = true
		if err = a.inspect(); fault.Is(err, fault.Invalid) {
			err = strict
		}
	}
	if err != nil {
		return err
	}
	return a.reverify()
}

// keep holds and stores the content of the files.
func (m *importing) keep(ctx context.Context) (keys []string, err error) {
	var stored []custody.Stored
	var counts []int
	for _, a := range m.all {
		if a == nil {
			continue
		}
		a.file = a.addition.file()
		a.carry(m.batch)
		needs := a.file.AllStored()
		stored, counts = append(stored, needs...), append(counts, len(needs))
	}
	if len(stored) == 0 {
		return nil, nil
	}
	held, err := m.intake.custody.Hold(ctx, stored...)
	if err != nil {
		return nil, err
	}
	keys = heldKeys(held)
	m.held = map[*imported][]custody.Held{}
	put := map[string]bool{}
	var fresh []custody.Fresh
	for _, a := range m.all {
		if a == nil {
			continue
		}
		own := held[:counts[0]]
		held, counts = held[counts[0]:], counts[1:]
		m.held[a] = own
		a.file.Generation = own[0].Generation
		fresh = append(fresh, custody.Fresh{Held: own[0], Stage: a.content.stage})
		if len(own) > 1 {
			a.file.MetadataGeneration = own[1].Generation
			a.stored = put[own[1].Key] // wheels of one version usually share their metadata
			put[own[1].Key] = true
			fresh = append(fresh, custody.Fresh{Held: own[1], Bytes: a.contents.Metadata})
		}
	}
	kept, err := m.intake.custody.KeepTogether(ctx, fresh)
	if err != nil {
		return keys, err
	}
	err = m.each(func(a *imported) error { return a.keepRest(ctx, m.held[a], kept) })
	return keys, err
}

// keepRest stores what was not kept together with other files.
func (a *imported) keepRest(ctx context.Context, held []custody.Held, kept map[string]bool) error {
	if !kept[held[0].Key] {
		if err := a.intake.custody.Keep(ctx, held[0], a.content.stage); err != nil {
			return err
		}
	}
	if len(held) == 1 || a.stored || kept[held[1].Key] {
		return nil
	}
	return a.intake.custody.Put(ctx, held[1], a.contents.Metadata)
}

// carry sets the fields of the row that the source states.
func (a *imported) carry(b Batch) {
	f, from := &a.file, a.from
	now := f.UploadedAt
	f.Yanked, f.YankedReason = from.Yanked, from.YankedReason
	f.Uploader = catalog.Uploader{Kind: catalog.UploaderImport, Name: importedBy(from.Uploader, b.SourceName)}
	if at := from.UploadedAt.UTC().Truncate(time.Microsecond); !from.UploadedAt.IsZero() && !at.After(now) {
		f.UploadedAt = at
	} else {
		a.from.TimeTrust = ""
	}
}

// importedBy names the uploader of an imported file.
func importedBy(uploader, source string) string {
	if uploader == "" {
		return "imported from " + source
	}
	return "imported: " + uploader + "@" + source
}

// inserted is the result of a transaction that adds the files.
type inserted struct {
	Result
	project      catalog.Project
	exists       bool
	added        bool
	used, unused []string // held keys
}

// insert adds the rows.
func (m *importing) insert(ctx context.Context, tx Tx) (n inserted, err error) {
	n.Outcomes = slices.Clone(m.out) // this may run again
	if err := catalog.CheckUploadsIn(ctx, tx); err != nil {
		return n, err
	}
	if n.project, n.exists, err = m.project(ctx, tx); err != nil {
		return n, err
	}
	add := slices.DeleteFunc(slices.Clone(m.all), func(a *imported) bool { return a == nil })
	slices.SortStableFunc(add, func(a, b *imported) int { return a.file.UploadedAt.Compare(b.file.UploadedAt) })
	for _, a := range add {
		keys := heldKeys(m.held[a])
		switch err := m.insertOne(ctx, tx, &n, a); {
		case err == nil:
			n.used = append(n.used, keys...)
			o := &n.Outcomes[a.index]
			o.State, o.Legacy, o.Warnings = Done, a.legacy, a.warnings()
		case ends(err):
			n.unused = append(n.unused, keys...)
			n.Outcomes[a.index] = outcome(n.Outcomes[a.index], err)
		default:
			return n, err
		}
	}
	if n.added && m.batch.Settle != nil {
		if n.project, err = m.batch.Settle(ctx, tx, n.project, n.Created); err != nil {
			return n, err
		}
	}
	if n.exists {
		if err := m.update(ctx, tx, &n); err != nil {
			return n, err
		}
	}
	if err := releaseUsed(ctx, tx, n.used); err != nil {
		return n, err
	}
	journal := append(slices.Clone(n.Outcomes), m.batch.Journal...)
	return n, tx.PutImportOutcomes(ctx, m.batch.ImportID, journal, m.intake.changes.Clock())
}

// insertOne adds a file, and the project for the first one.
func (m *importing) insertOne(ctx context.Context, tx Tx, n *inserted, a *imported) error {
	if err := a.checkContent(n.project, ""); err != nil {
		return err
	}
	if err := a.recheckImported(ctx, tx, m.ruling); err != nil {
		return err
	}
	if err := a.checkRoomFor(ctx, tx, n.project); err != nil {
		return err
	}
	if !n.exists {
		p, err := m.create(ctx, tx, a)
		if err != nil {
			return err
		}
		if p.Repository, err = tx.RepositoryByName(ctx, p.Repository.Name); err != nil { // for its size
			return err
		}
		n.project, n.exists, n.Created = p, true, true
	}
	f, err := a.insertFile(ctx, tx, n.project, a.file)
	if err != nil {
		return err
	}
	n.project.Size += f.Size
	n.project.Repository.Size += f.Size // UpdateProject writes it
	n.added = true
	return tx.InsertImported(ctx, catalog.Imported{
		FileID: f.ID, ImportID: m.batch.ImportID, Source: m.batch.Source, TimeTrust: a.from.TimeTrust,
		Uploader: a.from.Uploader, Legacy: a.legacy, DigestStated: a.from.DigestStated || a.claimed != Digests{},
		Yanked: a.from.Yanked, YankedReason: a.from.YankedReason,
	})
}

// recheckImported is recheck for an imported file, which may also belong to an adopted name.
func (a *imported) recheckImported(ctx context.Context, tx Tx, ruling catalog.Ruling) error {
	if ruling.Origin != catalog.Adopted {
		return a.recheck(ctx, tx)
	}
	if err := a.checkNameFree(ctx, tx); err != nil {
		return err
	}
	return a.checkStartup(ctx, tx)
}

// create creates the project for its first file.
func (m *importing) create(ctx context.Context, tx Tx, a *imported) (catalog.Project, error) {
	x := m.intake
	return catalog.Create(ctx, tx, catalog.NewProject{
		ID: x.changes.NewID(), Repository: m.repository, Name: m.batch.Project,
		Display: cmp.Or(displayOf(m.batch.Display, m.batch.Project), displayOf(a.contents.Parsed.Name, m.batch.Project),
			m.batch.Project.String()),
		Actor: m.who.Actor(), EntryID: x.changes.NewID(), At: x.changes.Clock(),
		Reason: map[string]any{"import": m.batch.ImportID, "source": m.batch.Source}, Imported: true,
	})
}

// displayOf returns s if it is a spelling of the name.
func displayOf(s string, name packaging.ProjectName) string {
	if n, err := packaging.ParseProjectName(s); err != nil || n != name {
		return ""
	}
	return s
}

// update writes the project's row and card, and what the source changed since the last run.
func (m *importing) update(ctx context.Context, tx Tx, n *inserted) (err error) {
	p := &n.project
	if n.Status, err = m.status(ctx, tx, p, n.Created); err != nil {
		return err
	}
	if n.Yanks, err = m.yanks(ctx, tx, *p); err != nil {
		return err
	}
	if m.batch.Downloads > 0 {
		err := tx.PutDownloadBase(ctx, catalog.DownloadBase{
			ProjectID: p.ID, Source: m.batch.Source, CountedAt: m.batch.CountedAt, Downloads: m.batch.Downloads,
		})
		if err != nil {
			return err
		}
	}
	if !n.added && !n.Status && n.Yanks == 0 {
		return nil
	}
	if !n.Created { // a new project has a serial of this transaction
		if p.Serial, err = tx.NextSerial(ctx); err != nil {
			return err
		}
	}
	if err := tx.UpdateProject(ctx, *p); err != nil {
		return err
	}
	return catalog.PutCard(ctx, tx, *p)
}

// status carries over the status of the source: to a project that the import creates, and from then on while the
// project has the status that the source last stated. Every other project keeps its own.
func (m *importing) status(ctx context.Context, tx Tx, p *catalog.Project, created bool) (changed bool, err error) {
	b := m.batch
	was, reason, err := tx.ImportedStatus(ctx, b.ImportID, b.Project)
	if err != nil || !created && (was == "" || b.Status == "" || was == b.Status && reason == b.StatusReason) {
		return false, err
	}
	now := cmp.Or(b.Status, catalog.Active)
	if created && now != catalog.Active || !created && p.Status == was && p.StatusReason == reason {
		changed = p.Status != now || p.StatusReason != b.StatusReason
		p.Status, p.StatusReason = now, b.StatusReason
	}
	return changed, tx.PutImportedStatus(ctx, b.ImportID, b.Project, now, b.StatusReason)
}

// yanks carries over yanks that changed in the source since the last run, and returns their number.
func (m *importing) yanks(ctx context.Context, tx Tx, p catalog.Project) (n int, err error) {
	if len(m.batch.Yanks) == 0 {
		return 0, nil
	}
	all, err := tx.ImportedFiles(ctx, p.ID)
	if err != nil {
		return 0, err
	}
	for _, y := range m.batch.Yanks {
		was, ok := all[y.FileID]
		if !ok || was.ImportID != m.batch.ImportID || was.Yanked == y.Yanked && was.YankedReason == y.Reason {
			continue
		}
		if err := tx.SetYank(ctx, y.FileID, y.Yanked, y.Reason); err != nil {
			return n, err
		}
		if err := tx.SetImportedYank(ctx, y.FileID, y.Yanked, y.Reason); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
