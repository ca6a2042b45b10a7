package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
)

// Limits of one batch: its files are added in one transaction.
const (
	batchFiles = 500
	batchBytes = 2 << 30
)

// Summary is what a run of an import did.
type Summary struct {
	ImportID    string         `json:"import"`
	Kind        string         `json:"kind"`
	Source      string         `json:"source"`
	Repository  string         `json:"repository"`
	Projects    int            `json:"projects"` // of the source that were compared, also if nothing of them was new
	NewProjects int            `json:"new_projects"`
	Added       int            `json:"added"`
	Bytes       int64          `json:"bytes"` // of the added files
	Present     int            `json:"present"`
	Legacy      int            `json:"legacy"`  // of the added files
	Skipped     int            `json:"skipped"` // files of names that are not imported
	Yanks       int            `json:"yanks"`   // of files from earlier runs, changed as in the source
	Statuses    int            `json:"statuses"`
	Refused     int            `json:"refused"`
	RefusedBy   map[string]int `json:"refused_by"`
	RefusedList []Listed       `json:"refused_files"`
	Conflicts   int            `json:"conflicts"`
	ConflictIn  []Listed       `json:"conflict_files"`
	Failed      int            `json:"failed"` // files that the source did not yield: run the import again
	FailedList  []Listed       `json:"failed_files"`
	Notes       []Note         `json:"notes"`
}

// errUndecided ends a run that cannot start.
var errUndecided = fault.New(fault.Conflict, "names of upstreams are undecided")

// IsUndecided reports whether an import did not start because an administrator must decide about names first.
func IsUndecided(err error) bool { return errors.Is(err, errUndecided) }

// Run imports a source. It plans first, and does not start while a name is undecided: it then returns the plan and an
// error for which IsUndecided is true. It is safe to interrupt, and to run again for what changed in the source.
func (m *Importer) Run(ctx context.Context, s Source, o Options) (*Plan, *Summary, error) {
	o.Deep = false
	if err := m.Mirrors(s, o); err != nil {
		return nil, nil, err
	}
	p, err := m.plan(ctx, s, o)
	if err != nil {
		return nil, nil, err
	}
	if len(p.Undecided()) > 0 {
		return &p.Plan, nil, errUndecided
	}
	r := &run{
		Importer: m, source: s, options: o, plan: p, rate: newLimiter(o.Rate),
		sum: Summary{
			Kind: p.Kind, Source: p.Source, Repository: p.Repository, RefusedBy: map[string]int{}, RefusedList: []Listed{},
			ConflictIn: []Listed{}, FailedList: []Listed{}, Notes: []Note{}, Skipped: p.Skipped,
		},
	}
	if r.slots = o.Parallel; r.slots <= 0 {
		r.slots = max(4, 2*runtime.GOMAXPROCS(0))
	}
	if err := r.start(ctx); err != nil {
		return &p.Plan, nil, err
	}
	err = r.all(ctx)
	said := s.Notes()
	r.sum.Notes = append(r.sum.Notes, said...)
	err = errors.Join(err, r.finish(context.WithoutCancel(ctx), err))
	if now := s.Notes(); len(now) > len(said) { // of Settle
		r.sum.Notes = append(r.sum.Notes, now[len(said):]...)
	}
	return &p.Plan, &r.sum, err
}

// Mirrors returns fault.Invalid if the source is a mirror of an upstream and the import would make its files own.
func (m *Importer) Mirrors(s Source, o Options) error {
	a := s.About()
	if a.Upstream == "" || o.Upstream != "" {
		return nil
	}
	return fault.New(fault.Invalid,
		"the files of this %s source are those of %s, so they cannot become own files: add that index as an upstream "+
			"(index upstream add NAME --url %s), and repeat the import with --origin upstream:NAME", a.Kind, a.Upstream,
		a.Upstream)
}

// run is an import in progress.
type run struct {
	*Importer
	source  Source
	options Options
	plan    *planned
	row     Import
	rate    *limiter
	slots   int
	open    chan struct{} // slots for files

	mu  sync.Mutex
	sum Summary
}

// start records the import and claims the names, before the first byte is read.
func (r *run) start(ctx context.Context) error {
	options, err := json.Marshal(r.options)
	if err != nil {
		return err
	}
	actor := r.Who.Actor()
	r.row = r.plan.known
	if r.row.ID == "" {
		r.row = Import{
			ID: access.NewID(), Kind: r.plan.Kind, Source: r.plan.Source, RepositoryID: r.plan.repository.ID,
		}
	}
	r.row.Options, r.row.Summary = string(options), "{}"
	r.row.By = audit.Actor{Kind: actor.Kind, ID: actor.ID, Name: actor.Name}
	r.row.StartedAt = r.now().UTC()
	err = access.Update(ctx, r.Store, r.Who, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return fault.New(fault.Denied, "only an administrator may import files")
		}
		known, err := tx.ImportOf(ctx, r.row.RepositoryID, r.row.Kind, r.row.Source)
		if err == nil {
			r.row.ID = known.ID // another process began it a moment ago
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		row := unfinished(r.row)
		if err := tx.PutImport(ctx, row); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, r.entry("import.started", map[string]any{
			"import": row.ID, "kind": row.Kind, "source": row.Source, "projects": r.plan.Projects, "files": r.plan.Add,
		}))
	})
	if err != nil {
		return err
	}
	r.sum.ImportID = r.row.ID
	if r.options.Upstream != "" {
		return nil
	}
	return r.claim(ctx)
}

// claimAtOnce is the number of names that are claimed in one transaction.
const claimAtOnce = 1000

func (r *run) claim(ctx context.Context) error {
	names := slices.SortedFunc(maps.Values(r.plan.names), func(a, b catalog.ClaimedName) int {
		return strings.Compare(a.Name.String(), b.Name.String())
	})
	reason := "import from " + r.plan.Kind + " " + r.plan.Source
	var taken []string
	for some := range slices.Chunk(names, claimAtOnce) {
		lost, err := r.Index.ClaimNames(ctx, r.Who, r.options.Repository, cut(reason, maxReason), some)
		if err != nil {
			return err
		}
		for _, n := range lost {
			taken = append(taken, n.String())
		}
	}
	if len(taken) > 0 {
		return fault.Wrap(fault.Conflict, errUndecided,
			"an upstream answered for %s since the plan: decide about %s in the file of names, and run the import again",
			strings.Join(taken[:min(len(taken), 5)], ", "), count(len(taken), "name"))
	}
	return nil
}

const maxReason = 200

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-3], "") + "..."
}

func unfinished(i Import) Import {
	i.FinishedAt = time.Time{}
	return i
}

func (r *run) entry(action string, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID: access.NewID(), At: r.now().UTC(), Action: action, Outcome: audit.Granted,
		Actor: r.Who.Actor(), Repository: r.plan.repository.ID, Subject: r.row.ID, Detail: detail,
	}
}

// finish records the summary. why is the error that ended the run, or nil.
func (r *run) finish(ctx context.Context, why error) error {
	short := r.sum
	short.RefusedList, short.ConflictIn, short.FailedList = nil, nil, nil
	text, err := json.Marshal(short)
	if err != nil {
		return err
	}
	r.row.Summary = string(text)
	if why == nil {
		r.row.FinishedAt = r.now().UTC()
	}
	return access.Update(ctx, r.Store, r.Who, func(tx Tx, _ access.Caller) error {
		row := r.row
		if why != nil {
			row = unfinished(row)
		}
		if err := tx.PutImport(ctx, row); err != nil || why != nil {
			return err
		}
		if s, ok := r.source.(Settler); ok && r.options.Upstream == "" {
			if err := s.Settle(ctx, tx, r.plan.repository, r.options.Match, r.plan.withholds); err != nil {
				return err
			}
		}
		return tx.InsertAudit(ctx, r.entry("import.finished", map[string]any{
			"import": row.ID, "kind": row.Kind, "source": row.Source, "added": r.sum.Added, "present": r.sum.Present,
			"refused": r.sum.Refused, "conflicts": r.sum.Conflicts, "failed": r.sum.Failed, "bytes": r.sum.Bytes,
			"new_projects": r.sum.NewProjects, "yanks": r.sum.Yanks, "statuses": r.sum.Statuses,
		}))
	})
}

// projects yields the projects of the plan.
func (r *run) projects(ctx context.Context) iter.Seq2[Project, error] {
	if r.plan.projects == nil {
		return r.source.Projects(ctx, matchOf(r.options))
	}
	return func(yield func(Project, error) bool) {
		for _, p := range r.plan.projects {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// all imports all projects, several at once.
func (r *run) all(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.progress().Step("importing", "file", int64(r.plan.Files-r.plan.Skipped))
	r.open = make(chan struct{}, r.slots)
	queue := make(chan Project)
	var wait sync.WaitGroup
	for range r.slots {
		wait.Go(func() {
			for p := range queue {
				if ctx.Err() != nil {
					continue
				}
				if err := r.project(ctx, p); err != nil {
					cancel(err)
				}
			}
		})
	}
	var failed error
	for p, err := range r.projects(ctx) {
		if err != nil {
			failed = err
			break
		}
		p.Files = selected(p.Files, r.options)
		if len(p.Files) == 0 || !r.plan.seen[p.Name] {
			continue // skipped, or new since the plan: the next run decides about its name
		}
		if ctx.Err() != nil {
			break
		}
		queue <- p
	}
	close(queue)
	wait.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return failed
}

// project imports one project.
func (r *run) project(ctx context.Context, p Project) error {
	if r.options.Upstream != "" {
		return r.cacheProject(ctx, p)
	}
	all, keys := candidates(p)
	st, err := r.standing(ctx, r.plan.repository, r.row.ID, p.Name, keys)
	if err != nil {
		return err
	}
	r.change(func(s *Summary) { s.Projects++ })
	b := r.batch(p)
	var read []candidate
	for _, c := range all {
		v := st.judge(c, r.row.ID)
		if v.state == "" {
			read = append(read, c)
			continue
		}
		have := catalog.File{}
		if c.err == nil {
			have = st.files[c.name.Key()]
		}
		o := st.imported[have.ID]
		if v.state == ingest.Present && o.ImportID == r.row.ID {
			if o.Yanked != c.Yanked || o.YankedReason != c.YankedReason {
				b.Yanks = append(b.Yanks, ingest.StatedYank{FileID: have.ID, Yanked: c.Yanked, Reason: c.YankedReason})
			}
		} else {
			b.Journal = append(b.Journal, ingest.Outcome{
				Place: c.Place, State: v.state, Filename: c.Filename, SHA256: have.SHA256, Reason: v.reason,
			})
		}
		r.count(p, c, ingest.Outcome{State: v.state, Reason: v.reason}, v.err)
	}
	status := b.Status != "" && (b.Status != st.status || b.StatusReason != st.reason)
	if len(read) == 0 && len(b.Journal) == 0 && len(b.Yanks) == 0 && !status {
		return nil
	}
	limits := r.Intake.ImportLimits(st.project)
	for {
		n, bytes := 0, int64(0)
		for n < len(read) && n < batchFiles && (n == 0 || bytes+max(0, read[n].Size) <= batchBytes) {
			bytes += max(0, read[n].Size)
			n++
		}
		if err := r.importSome(ctx, p, b, limits, read[:n]); err != nil {
			return err
		}
		if read = read[n:]; len(read) == 0 {
			return nil
		}
		b.Journal, b.Yanks = nil, nil
	}
}

// batch returns the batch of a project without files.
func (r *run) batch(p Project) ingest.Batch {
	b := ingest.Batch{
		ImportID: r.row.ID, Source: r.plan.Kind + " " + r.plan.Source, SourceName: r.plan.Kind,
		Repository: r.options.Repository, Project: p.Name, Display: p.Display, Status: statusOf(p.Status),
		StatusReason: p.StatusReason, Downloads: p.Downloads, CountedAt: p.CountedAt, Legacy: r.options.Legacy,
		Startup: r.options.Startup,
	}
	if p.Settle != nil {
		b.Settle = func(ctx context.Context, tx ingest.Tx, here catalog.Project, created bool) (catalog.Project, error) {
			return p.Settle(ctx, tx, here, r.row.ID, created)
		}
	}
	return b
}

// statusOf returns a status of PEP 792, "" for another text.
func statusOf(s string) catalog.Status {
	switch s := catalog.Status(s); s {
	case catalog.Active, catalog.Archived, catalog.Deprecated, catalog.Quarantined:
		return s
	}
	return ""
}

// importSome reads files and adds them in one transaction.
func (r *run) importSome(ctx context.Context, p Project, b ingest.Batch, limits catalog.Limits,
	some []candidate,
) error {
	contents := make([]*content, len(some))
	errs := make([]error, len(some))
	documents := make([][]byte, len(some))
	defer func() {
		for _, c := range contents {
			c.Discard()
		}
	}()
	var wait sync.WaitGroup
	for i, c := range some {
		r.open <- struct{}{}
		wait.Go(func() {
			defer func() { <-r.open }()
			if contents[i], errs[i] = r.read(ctx, r.source, r.options, limits, c.File, r.rate); errs[i] == nil && c.Provenance {
				documents[i], errs[i] = r.source.Provenance(ctx, c.File)
				if errs[i] != nil {
					errs[i] = unreadable(errs[i])
				}
			}
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var sent []candidate
	for i, c := range some {
		switch err := errs[i]; {
		case err == nil:
			b.Files = append(b.Files, r.imported(c, contents[i], documents[i]))
			sent = append(sent, c)
		case errors.Is(err, errUnreadable):
			r.count(p, c, ingest.Outcome{}, err)
		case fault.Is(err, fault.TooLarge), fault.Is(err, fault.Invalid):
			o := ingest.Outcome{Place: c.Place, State: ingest.Refused, Filename: c.Filename, Reason: fault.Message(err)}
			b.Journal = append(b.Journal, o)
			r.count(p, c, o, err)
		default:
			return err
		}
	}
	got, err := r.Intake.Import(ctx, r.Who, b)
	if fault.Is(err, fault.Denied) || fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid) {
		for _, c := range sent { // the whole project
			r.count(p, c, ingest.Outcome{State: ingest.Refused, Reason: fault.Message(err)}, err)
		}
		return nil
	} else if err != nil {
		return err
	}
	for i, o := range got.Outcomes {
		r.count(p, sent[i], o, fault.New(fault.Invalid, "%s", o.Reason))
		if o.State == ingest.Done {
			size := b.Files[i].Content.Size()
			r.change(func(s *Summary) { s.Bytes += size })
		}
	}
	r.change(func(s *Summary) {
		s.Yanks += got.Yanks
		if got.Created {
			s.NewProjects++
		}
		if got.Status {
			s.Statuses++
		}
	})
	return nil
}

func (r *run) imported(c candidate, got *content, provenance []byte) ingest.ImportedFile {
	f := ingest.ImportedFile{
		Content: got.in, Place: c.Place, Filename: c.Filename, DigestStated: got.stated, UploadedAt: c.UploadedAt,
		TimeTrust: string(c.TimeTrust), Uploader: cut(c.Uploader, maxReason), Yanked: c.Yanked,
		YankedReason: cut(c.YankedReason, 1000), Provenance: provenance,
	}
	if c.TimeTrust == Unknown {
		f.UploadedAt = time.Time{}
	}
	return f
}

func (r *run) change(f func(*Summary)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.sum)
}

// count counts the outcome of a file. A zero state means that it could not be read.
func (r *run) count(p Project, c candidate, o ingest.Outcome, err error) {
	at := Listed{Project: p.Name.String(), Filename: c.Filename, Place: c.Place, Reason: o.Reason}
	r.change(func(s *Summary) {
		switch o.State {
		case ingest.Done:
			s.Added++
			if o.Legacy {
				s.Legacy++
			}
		case ingest.Present:
			s.Present++
		case ingest.Conflict:
			s.Conflicts++
			s.ConflictIn = appendListed(s.ConflictIn, at)
		case ingest.Refused:
			at.Kind = refusalKind(c.Filename, err)
			s.Refused++
			s.RefusedBy[at.Kind]++
			s.RefusedList = appendListed(s.RefusedList, at)
		default:
			at.Reason = fault.Explain(err)
			s.Failed++
			s.FailedList = appendListed(s.FailedList, at)
		}
	})
	r.progress().Add(1, max(0, c.Size))
}
