package insight

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
)

// MaxLetIn limits how many accepted exchanges one call of LetIn returns.
const MaxLetIn = 200

// Bounds of the rows that one call reads.
const (
	compareRuns  = 1000 // earlier exchanges, and earlier files, that an exchange is compared with
	scannedFiles = 2000 // files that are searched for those without a recorded exchange
	fileBatch    = 500
	fewNetworks  = 2 // a new network is remarkable if the earlier runs came from at most that many
	manyRuns     = 5 // earlier runs without which nothing can be said about networks
)

// uploadWindow is how long after an exchange its token can upload: the longest lifetime with access.MintedGrace.
const uploadWindow = 6*time.Hour + access.MintedGrace

// LetIn is what a publisher let in to a project.
type LetIn struct {
	Project   catalog.Project    `json:"-"`
	Publisher Shown              `json:"-"`
	Lineage   publishers.Lineage `json:"-"`
	// Kept is the time since which exchanges are recorded. Older files are listed without their exchange.
	Kept time.Time `json:"recorded_since"`
	// Whole reports whether each exchange was compared with all earlier ones.
	Whole    bool    `json:"complete"`
	Requests []Entry `json:"requests"`
	Older    string  `json:"older,omitempty"` // the cursor of the next page
}

// Entry is an accepted exchange with the files that its token uploaded to the project.
type Entry struct {
	ID string    `json:"id,omitempty"` // of the exchange; "" if it is no longer recorded
	At time.Time `json:"at"`           // of the exchange, or of the first upload
	// Withheld reports whether the run is hidden until the workload has published to the project.
	Withheld bool            `json:"claims_withheld,omitempty"`
	Workload string          `json:"workload"`
	Ref      string          `json:"ref"`
	Commit   string          `json:"commit,omitempty"`
	Event    string          `json:"event"`
	Run      string          `json:"run"`
	RunURL   string          `json:"run_url,omitempty"`
	Address  string          `json:"address"`
	Claims   map[string]any  `json:"claims,omitempty"` // those that the caller may see
	First    bool            `json:"first,omitempty"`  // the publisher's first, so it was compared with nothing
	Unlike   []workload.Mark `json:"unlike_before"`
	Files    []LetInFile     `json:"files"`

	place  audit.Cursor
	token  string
	all    map[string]any // all claims
	detail detail         // of the exchange; nil if it is no longer recorded
}

// LetInFile is a file that came through a publisher.
type LetInFile struct {
	Filename string    `json:"filename"`
	Version  string    `json:"version"`
	SHA256   string    `json:"sha256"`
	Uploaded time.Time `json:"uploaded"`
	State    FileState `json:"state"`
}

// FileState is the state of a file.
type FileState string

// The states.
const (
	Available   FileState = "available"
	Yanked      FileState = "yanked"
	Quarantined FileState = "quarantined"
	Deleted     FileState = "deleted"
)

// LetInRequest selects what a publisher let in.
type LetInRequest struct {
	Repository string // "" for main
	Project    string // in any spelling
	Publisher  string // id, also of a publisher that was removed
	Before     string // cursor; "" for the newest
	Limit      int    // from 1 to MaxLetIn
}

// LetIn returns the accepted exchanges of a publisher for a project, newest first, with the uploaded files and with
// everything in which an exchange is unlike the earlier ones. It returns fault.NotFound unless the caller owns the
// project or is an administrator, and if the project has and had no such publisher, fault.Invalid for a malformed
// cursor or limit, and fault.Unauthenticated for an anonymous caller.
func (v *View) LetIn(ctx context.Context, who access.Caller, q LetInRequest) (LetIn, error) {
	var out LetIn
	if err := publishers.CheckKnown(who); err != nil {
		return out, err
	}
	name, err := packaging.ParseProjectName(q.Project)
	if err != nil {
		return out, err
	}
	before, err := audit.ParseCursor(q.Before)
	if err != nil {
		return out, err
	}
	if q.Limit < 1 || q.Limit > MaxLetIn {
		return out, fault.New(fault.Invalid, "from 1 to %d exchanges can be listed, not %d", MaxLetIn, q.Limit)
	}
	err = v.registry.Store().View(ctx, func(tx publishers.Tx) error {
		out = LetIn{}
		var err error
		if out.Project, err = publishers.ProjectFor(ctx, tx, who, q.Repository, name); err != nil {
			return err
		}
		if out.Lineage, err = v.registry.LineageOf(ctx, tx, out.Project, q.Publisher); err != nil {
			return err
		}
		l := out.Lineage
		out.Publisher = v.shown(publishers.Listed{
			ID: l.ID, Repository: out.Project.Repository.Name, Project: out.Project.Name.String(), AddedAt: l.AddedAt,
		}, l.Publisher)
		if out.Publisher.AddedBy, err = publishers.UserName(ctx, tx, l.AddedBy); err != nil {
			return err
		}
		r := letting{view: v, tx: tx, who: who, project: out.Project, lineage: l, kept: v.kept(out.Project)}
		out.Kept = r.kept
		out.Requests, out.Older, out.Whole, err = r.page(ctx, before, q.Limit)
		return err
	})
	return out, err
}

// kept returns the time since which the exchanges of a project are recorded.
func (v *View) kept(p catalog.Project) time.Time {
	o := v.registry.Options()
	kept := o.Now().Add(-o.KeepExchanges)
	if kept.Before(p.CreatedAt) {
		return p.CreatedAt
	}
	return kept
}

// letting reads what a publisher let in.
type letting struct {
	view    *View
	tx      publishers.Tx
	who     access.Caller
	project catalog.Project
	lineage publishers.Lineage
	kept    time.Time
	known   *published
}

func (r *letting) kind() *workload.Kind { return workload.Of(r.lineage.Provider) }

// page returns the entries before a place, at most limit, with the cursor of the next page.
func (r *letting) page(ctx context.Context, before audit.Cursor, limit int,
) (all []Entry, older string, whole bool, err error) {
	granted, err := r.granted(ctx, before, limit+1)
	if err != nil {
		return nil, "", false, err
	}
	for _, e := range granted {
		all = append(all, r.entryOf(e))
	}
	until := time.Time{}
	if len(all) > limit {
		until = all[limit-1].At
	}
	loose, scanned, err := r.unrecorded(ctx, before, until, limit+1)
	if err != nil {
		return nil, "", false, err
	}
	all = append(all, loose...)
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(b.place.ID, a.place.ID))
	})
	switch {
	case len(all) > limit:
		all = all[:limit]
		older = all[limit-1].place.String()
	case !scanned.IsZero():
		// Older exchanges are on the next page, together with the files of their time.
		all = slices.DeleteFunc(all, func(e Entry) bool { return olderThan(e.place, scanned) })
		older = scanned.String()
	}
	if err := r.addFiles(ctx, all); err != nil {
		return nil, "", false, err
	}
	if err := r.show(ctx, all); err != nil {
		return nil, "", false, err
	}
	whole, err = r.compare(ctx, all)
	return all, older, whole, err
}

func olderThan(a, b audit.Cursor) bool {
	return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) < 0
}

// granted returns recorded exchanges of the lineage, newest first.
func (r *letting) granted(ctx context.Context, before audit.Cursor, limit int) ([]audit.Entry, error) {
	var all []audit.Entry
	for _, id := range r.lineage.IDs {
		got, err := r.tx.Exchanges(ctx, publishers.ExchangeFilter{
			RepositoryID: r.project.Repository.ID, Project: r.project.Name.String(), Rule: id,
			Since: r.project.CreatedAt, Before: before, Limit: limit,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, got...)
	}
	slices.SortFunc(all, func(a, b audit.Entry) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(b.ID, a.ID))
	})
	return all[:min(len(all), limit)], nil
}

func (r *letting) entryOf(e audit.Entry) Entry {
	d := detail(e.Detail)
	out := Entry{
		ID: e.ID, At: e.At, Address: e.Actor.Address, all: d.object("claims"), place: e.Place(), token: e.Subject,
		detail: d,
	}
	names := comparable
	if _, ok := d[exchange.DetailCompared]; ok {
		names = d.texts(exchange.DetailCompared)
	}
	out.Claims = r.limited(out.all, names)
	return out
}

// limited returns the claims that the caller may see.
func (r *letting) limited(c map[string]any, names []string) map[string]any {
	if r.who.Admin() {
		return c
	}
	return limited(c, names)
}

// unrecorded returns entries for files that came through the publisher and whose exchange is no longer recorded, newest
// first, from a place until a time. If there are more files to search than it may read, it returns the place at which
// it stopped.
func (r *letting) unrecorded(ctx context.Context, before audit.Cursor, until time.Time, limit int,
) (out []Entry, stopped audit.Cursor, err error) {
	byToken := map[string]int{}
	recorded := map[string]bool{}
	for n := 0; n < scannedFiles; n += fileBatch {
		files, err := r.tx.FilesPublished(ctx, r.project.ID, before, fileBatch)
		if err != nil {
			return nil, stopped, err
		}
		for _, f := range files {
			before = audit.Cursor{At: f.UploadedAt, ID: f.ID}
			if f.UploadedAt.Before(until) {
				return out, stopped, nil
			}
			if !r.lineage.LetIn(f) {
				continue
			}
			if i, ok := byToken[f.Uploader.TokenID]; ok {
				out[i].At, out[i].place = f.UploadedAt, before // the oldest file of the token
				continue
			}
			known, ok := recorded[f.Uploader.TokenID]
			if !ok {
				if known, err = r.isRecorded(ctx, f.Uploader.TokenID); err != nil {
					return nil, stopped, err
				}
				recorded[f.Uploader.TokenID] = known
			}
			if known {
				continue
			}
			if len(out) == limit {
				return out, stopped, nil
			}
			byToken[f.Uploader.TokenID] = len(out)
			out = append(out, Entry{
				At: f.UploadedAt, place: before, token: f.Uploader.TokenID, all: f.Uploader.Claims,
				Claims: r.limited(f.Uploader.Claims, r.compared()),
			})
		}
		if len(files) < fileBatch {
			return out, stopped, nil
		}
	}
	return out, before, nil
}

// isRecorded reports whether the exchange for a token is one of the lineage's recorded ones.
func (r *letting) isRecorded(ctx context.Context, token string) (bool, error) {
	if token == "" {
		return false, nil
	}
	// With the project, the database would search the project's exchanges instead of those of the token.
	got, err := r.tx.Exchanges(ctx, publishers.ExchangeFilter{Subject: token, Limit: maxSharing})
	return slices.ContainsFunc(got, func(e audit.Entry) bool {
		return slices.Contains(r.lineage.IDs, e.Actor.ID) && e.Repository == r.project.Repository.ID &&
			e.Project == r.project.Name.String()
	}), err
}

// maxSharing limits the entries of one token, which has one for each of its projects.
const maxSharing = 1000

// compared returns the claims that the publisher compares.
func (r *letting) compared() []string {
	rule, err := r.view.registry.Rule(r.lineage.Publisher)
	if err != nil {
		return comparable
	}
	return r.kind().Compares(rule)
}

// addFiles adds to each entry the files that its token uploaded. Deleted files are known from the audit log.
func (r *letting) addFiles(ctx context.Context, all []Entry) error {
	var tokens []string
	at := map[string]int{}
	var oldest, newest time.Time
	for i, e := range all {
		if e.token == "" {
			continue
		}
		tokens, at[e.token] = append(tokens, e.token), i
		if oldest.IsZero() || e.At.Before(oldest) {
			oldest = e.At
		}
		if e.At.After(newest) {
			newest = e.At
		}
	}
	files, err := r.tx.FilesByTokens(ctx, r.project.ID, tokens)
	if err != nil || len(tokens) == 0 {
		return err
	}
	have := map[string]bool{}
	for _, f := range files {
		e := &all[at[f.Uploader.TokenID]]
		have[f.Filename] = true
		e.Files = append(e.Files, LetInFile{f.Filename, f.Version, f.SHA256, f.UploadedAt, StateOf(f)})
	}
	added, err := r.tx.Entries(ctx, audit.Filter{
		RepositoryID: r.project.Repository.ID, Project: r.project.Name.String(), Actions: []string{"file.add"},
		Outcome: audit.Granted, WithToken: true, Since: oldest, Until: newest.Add(uploadWindow), Limit: audit.MaxEntries,
	})
	for _, a := range slices.Backward(added) {
		i, ok := at[a.Actor.TokenID]
		if !ok || have[a.Filename] {
			continue
		}
		all[i].Files = append(all[i].Files,
			LetInFile{a.Filename, a.Version, detail(a.Detail).text("sha256"), a.At, Deleted})
	}
	return err
}

// StateOf returns the state of a file that exists.
func StateOf(f catalog.File) FileState {
	switch {
	case f.Quarantined():
		return Quarantined
	case f.Yanked:
		return Yanked
	}
	return Available
}

// show fills in the run of each entry, or withholds it.
func (r *letting) show(ctx context.Context, all []Entry) error {
	for i := range all {
		e := &all[i]
		may, err := r.mayShow(ctx, e)
		if err != nil {
			return err
		}
		if !may {
			e.Withheld, e.Claims, e.Address = true, nil, ""
			continue
		}
		run := r.kind().Run(r.lineage.Issuer, e.Claims)
		e.Workload, e.Ref, e.Commit, e.Run, e.RunURL = run.Workload, run.Ref, run.Commit, run.Label, run.URL
		e.Event = r.kind().Event(e.Claims)
	}
	return nil
}

// mayShow reports whether the caller may see the run of an entry: the workload must have uploaded to the project.
func (r *letting) mayShow(ctx context.Context, e *Entry) (bool, error) {
	if r.who.Admin() || len(e.Files) > 0 {
		return true, nil
	}
	if r.known == nil {
		p, err := publishedTo(ctx, r.tx, r.project.ID)
		if err != nil {
			return false, err
		}
		r.known = &p
	}
	return r.known.run(r.kind(), e.token, e.detail), nil
}

// earlierRun is a run that another one is compared with.
type earlierRun struct {
	claims  map[string]any
	network string
}

// compare marks everything in which an entry is unlike the earlier runs that the caller may see. It reports whether
// those are all earlier runs.
func (r *letting) compare(ctx context.Context, all []Entry) (whole bool, err error) {
	if whole, err = r.whole(ctx); err != nil || len(all) == 0 {
		return whole, err
	}
	oldest := all[len(all)-1]
	runs, cut, err := r.earlier(ctx, oldest.place)
	if err != nil {
		return false, err
	}
	whole = whole && !cut
	known := r.kind().Novelty()
	networks := map[string]bool{}
	addresses := 0
	add := func(claims map[string]any, network string) {
		known.Add(claims)
		if network != "" {
			networks[network] = true
			addresses++
		}
	}
	for _, x := range slices.Backward(runs) {
		add(x.claims, x.network)
	}
	for i := range slices.Backward(all) {
		e := &all[i]
		network := ""
		if e.Address != "" {
			network = audit.Network(e.Address)
		}
		e.First = known.Runs() == 0
		if e.Withheld {
			continue // a mark that is missing on a later run would tell about this one
		}
		e.Unlike = known.Unlike(e.all, r.visible(e), whole)
		if network != "" && addresses >= manyRuns && len(networks) <= fewNetworks && !networks[network] {
			e.Unlike = append(e.Unlike, workload.NewNetwork(network, whole))
		}
		e.Unlike = slices.DeleteFunc(e.Unlike, func(m workload.Mark) bool { return !r.mayKnow(e, m.Claim) })
		add(e.all, network)
	}
	return whole, nil
}

// whole reports whether all exchanges of the lineage are recorded. If several publishers of a project accept a token,
// its exchange is recorded for the first of them only.
func (r *letting) whole(ctx context.Context) (bool, error) {
	if !r.lineage.Recorded || r.lineage.AddedAt.Before(r.kept) {
		return false, nil
	}
	links, err := r.tx.AttachedTo(ctx, "", r.project.ID)
	return !slices.ContainsFunc(links, func(l publishers.Attached) bool {
		p, ended := l.Publisher, r.lineage.RemovedAt
		return (ended.IsZero() || l.AddedAt.Before(ended)) && p.ID != r.lineage.ID && p.Issuer == r.lineage.Issuer &&
			(p.Lookup == r.lineage.Lookup || p.Lookup == workload.AnyLookup || r.lineage.Lookup == workload.AnyLookup)
	}), err
}

// visible returns whether the caller may see the value of a claim.
func (r *letting) visible(e *Entry) func(claim string) bool {
	return func(claim string) bool {
		_, ok := e.Claims[claim]
		return ok || r.who.Admin()
	}
}

// mayKnow reports whether the caller may know that a claim is new. Owners learn it of the claims that a rule could
// restrict, without the value if they may not see that.
func (r *letting) mayKnow(e *Entry, claim string) bool {
	_, seen := e.Claims[claim]
	return seen || r.who.Admin() || claim == "" || r.kind().Restricts(claim)
}

// earlier returns the runs before a place that the caller may see: those of recorded exchanges, and those of older
// files. cut reports whether there are more than it read.
func (r *letting) earlier(ctx context.Context, before audit.Cursor) (out []earlierRun, cut bool, err error) {
	granted, err := r.granted(ctx, before, compareRuns)
	if err != nil {
		return nil, false, err
	}
	shown, err := r.shownAmong(ctx, granted)
	if err != nil {
		return nil, false, err
	}
	for _, e := range shown {
		out = append(out, earlierRun{e.all, audit.Network(e.Address)})
	}
	cut = len(granted) == compareRuns
	for n := 0; n < compareRuns; n += fileBatch {
		files, err := r.tx.FilesPublished(ctx, r.project.ID, before, fileBatch)
		if err != nil {
			return nil, false, err
		}
		for _, f := range files {
			before = audit.Cursor{At: f.UploadedAt, ID: f.ID}
			if r.lineage.LetIn(f) {
				out = append(out, earlierRun{claims: f.Uploader.Claims})
			}
		}
		if len(files) < fileBatch {
			break
		}
	}
	return out, cut, nil
}

// shownAmong returns the exchanges that the caller may see.
func (r *letting) shownAmong(ctx context.Context, granted []audit.Entry) (out []Entry, err error) {
	var hidden []Entry // unless a file came through them
	for _, x := range granted {
		e := r.entryOf(x)
		may, err := r.mayShow(ctx, &e)
		if err != nil {
			return nil, err
		}
		if may {
			out = append(out, e)
		} else {
			hidden = append(hidden, e)
		}
	}
	if len(hidden) == 0 {
		return out, nil
	}
	if err := r.addFiles(ctx, hidden); err != nil {
		return nil, err
	}
	return append(out, slices.DeleteFunc(hidden, func(e Entry) bool { return len(e.Files) == 0 })...), nil
}

// latestUnlike returns the newest of the last exchanges of a publisher that is unlike the earlier ones, or nil.
func (v *View) latestUnlike(ctx context.Context, tx publishers.Tx, who access.Caller, p catalog.Project, id string,
) (*Entry, error) {
	l, err := v.registry.LineageOf(ctx, tx, p, id)
	if err != nil {
		return nil, err
	}
	r := letting{view: v, tx: tx, who: who, project: p, lineage: l, kept: v.kept(p)}
	granted, err := r.granted(ctx, audit.Cursor{}, latestOf)
	if err != nil || len(granted) == 0 {
		return nil, err
	}
	var all []Entry
	for _, e := range granted {
		all = append(all, r.entryOf(e))
	}
	if err := r.addFiles(ctx, all); err != nil {
		return nil, err
	}
	if err := r.show(ctx, all); err != nil {
		return nil, err
	}
	if _, err := r.compare(ctx, all); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(all, func(e Entry) bool { return len(e.Unlike) > 0 }); i >= 0 {
		return &all[i], nil
	}
	return nil, nil
}

// latestOf is the number of newest exchanges of each publisher that the publishing page looks at.
const latestOf = 25
