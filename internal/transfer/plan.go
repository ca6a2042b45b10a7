package transfer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
)

// Options are the choices of an import.
type Options struct {
	Repository string `json:"repository"`
	// Match selects projects, nil all of them.
	Match   func(packaging.ProjectName) bool `json:"-"`
	Pattern string                           `json:"project,omitempty"` // that Match was made from
	// of the upload; files without a time are included
	Since    time.Time `json:"since,omitzero"`
	Legacy   bool      `json:"accept_legacy,omitempty"`
	Startup  bool      `json:"startup_files,omitempty"`
	Names    Names     `json:"-"`
	Upstream string    `json:"upstream,omitempty"` // into whose cache the files go; "" for own files
	Deep     bool      `json:"-"`                  // the plan reads the content of every file
	Parallel int       `json:"-"`                  // files at once, 0 for the default
	Rate     int64     `json:"-"`                  // bytes a second, 0 for no limit
}

// Progress shows how far an import is.
type Progress interface {
	Step(what, noun string, total int64)
	Add(objects, bytes int64)
	Say(format string, args ...any)
}

// Listed is a file in a report.
type Listed struct {
	Project  string `json:"project"`
	Filename string `json:"filename"`
	Place    string `json:"place"`
	Kind     string `json:"kind,omitempty"` // of a refusal, such as "egg"
	Reason   string `json:"reason"`
}

// NameToDecide is a name that an upstream has too.
type NameToDecide struct {
	Name     string         `json:"name"`
	Files    int            `json:"files"`
	Bytes    int64          `json:"bytes"`
	Upstream string         `json:"upstream"`
	Why      string         `json:"why"`
	Decision catalog.Origin `json:"decision,omitempty"` // "" while nobody decided
}

// Clash is a group of files that this index takes for one.
type Clash struct {
	Project string   `json:"project"`
	Files   []string `json:"files"`
}

// maxListed limits the files that a report lists of one kind; it counts all.
const maxListed = 10_000

// Plan is what an import would do.
type Plan struct {
	Kind       string `json:"kind"`
	Source     string `json:"source"`
	Repository string `json:"repository"`
	Upstream   string `json:"upstream,omitempty"` // of which the source is a mirror

	Projects     int   `json:"projects"`
	NewProjects  int   `json:"new_projects"`
	Files        int   `json:"files"`
	Bytes        int64 `json:"bytes"`         // of the files whose size is known
	UnknownSizes int   `json:"unknown_sizes"` // files

	Add       int   `json:"add"`       // files to add
	AddBytes  int64 `json:"add_bytes"` // of them, as far as known
	Present   int   `json:"present"`
	Skipped   int   `json:"skipped"`   // files of names that are not imported
	Unchecked int   `json:"unchecked"` // files of Add whose content the plan did not read

	Stated  int `json:"times_stated"`
	Latest  int `json:"times_latest"`
	Guessed int `json:"times_guessed"`
	Unknown int `json:"times_unknown"`

	WithoutDigest int            `json:"without_digest"`
	Legacy        int            `json:"legacy"` // files that only --accept-legacy takes
	LegacyFiles   []Listed       `json:"legacy_files"`
	RefusedBy     map[string]int `json:"refused_by"` // kind
	Refused       []Listed       `json:"refused"`
	Conflicts     []Listed       `json:"conflicts"`
	ConflictCount int            `json:"conflict_count"`
	Clashes       []Clash        `json:"clashes"`
	Names         []NameToDecide `json:"names"`
	NotCompared   int            `json:"names_not_compared"` // names that could not be compared with every upstream
	Notes         []Note         `json:"notes"`
}

// Undecided returns the names that an administrator must decide about before the import starts.
func (p *Plan) Undecided() (out []NameToDecide) {
	for _, n := range p.Names {
		if n.Decision == "" {
			out = append(out, n)
		}
	}
	return out
}

// RefusedCount returns the number of refused files.
func (p *Plan) RefusedCount() (n int) {
	for _, k := range p.RefusedBy {
		n += k
	}
	return n
}

// Importer imports a source.
type Importer struct {
	Store    Store
	Index    *catalog.Index
	Intake   *ingest.Intake
	Who      access.Caller
	Progress Progress // nil shows nothing
	Now      func() time.Time
	// Origins imports into the cache of an upstream. It is needed only for Options.Upstream.
	Cache *Cache
}

func (m *Importer) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}

func (m *Importer) progress() Progress {
	if m.Progress == nil {
		return silent{}
	}
	return m.Progress
}

type silent struct{}

func (silent) Step(string, string, int64) {}
func (silent) Add(int64, int64)           {}
func (silent) Say(string, ...any)         {}

// maxKept is the number of files up to which a plan keeps what it read of the source. Larger sources are read again.
const maxKept = 300_000

// planned is a plan with what the run needs of it.
type planned struct {
	Plan
	repository catalog.Repository
	known      Import                                        // zero before the first run
	projects   []Project                                     // nil if there were too many files
	names      map[packaging.ProjectName]catalog.ClaimedName // of projects with files to add
	seen       map[packaging.ProjectName]bool                // projects that are imported
	withheld   map[packaging.ProjectName]bool                // names that do not become own
	denied     holds.Denials                                 // what people decided against files that are added
}

// Plan returns what an import would do. It writes nothing.
func (m *Importer) Plan(ctx context.Context, s Source, o Options) (*Plan, error) {
	p, err := m.plan(ctx, s, o)
	if err != nil {
		return nil, err
	}
	return &p.Plan, nil
}

func (m *Importer) plan(ctx context.Context, s Source, o Options) (*planned, error) {
	about := s.About()
	p := &planned{
		Plan: Plan{
			Kind: about.Kind, Source: about.Location, Repository: o.Repository, Upstream: about.Upstream,
			RefusedBy: map[string]int{}, Refused: []Listed{}, LegacyFiles: []Listed{}, Conflicts: []Listed{},
			Clashes: []Clash{}, Names: []NameToDecide{}, Notes: []Note{},
		},
		names: map[packaging.ProjectName]catalog.ClaimedName{}, seen: map[packaging.ProjectName]bool{},
		projects: []Project{},
	}
	at, err := m.Index.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	if p.repository, err = m.Index.RepositoryAt(ctx, m.Who, at, o.Repository); err != nil {
		return nil, err
	}
	if p.known, err = m.known(ctx, p.repository, about); err != nil {
		return nil, err
	}
	if p.denied, err = m.denied(ctx, o); err != nil {
		return nil, err
	}
	m.progress().Step("reading "+about.Location, "project", 0)
	var batch []Project
	for project, err := range s.Projects(ctx, matchOf(o)) {
		if err != nil {
			return nil, err
		}
		if batch = append(batch, project); len(batch) == planBatch {
			if err := m.planSome(ctx, s, o, p, batch); err != nil {
				return nil, err
			}
			batch = nil
		}
	}
	if err := m.planSome(ctx, s, o, p, batch); err != nil {
		return nil, err
	}
	if settler, ok := s.(Settler); ok && o.Upstream == "" {
		if err := m.planOwnNames(ctx, settler, o, p); err != nil {
			return nil, err
		}
	}
	p.Notes = append(p.Notes, s.Notes()...)
	slices.SortFunc(p.Names, func(a, b NameToDecide) int { return strings.Compare(a.Name, b.Name) })
	return p, nil
}

// planOwnNames adds the names to the plan that become own without any file. Those that an upstream has are decided as
// the names of projects are.
func (m *Importer) planOwnNames(ctx context.Context, s Settler, o Options, p *planned) error {
	p.withheld = map[packaging.ProjectName]bool{}
	var batch []packaging.ProjectName
	compare := func() error {
		standings, err := m.Index.NameStandings(ctx, m.Who, o.Repository, batch)
		if err != nil {
			return err
		}
		for i, name := range batch {
			d, _ := o.Names.Of(name)
			if standings[i].Unknown {
				p.NotCompared++
			}
			p.ask(Project{Name: name}, standings[i], d)
		}
		batch = nil
		return ctx.Err()
	}
	asked := map[packaging.ProjectName]bool{}
	listed := map[string]bool{}
	for _, n := range p.Names {
		listed[n.Name] = true
	}
	err := s.OwnNames(matchOf(o), func(name packaging.ProjectName) error {
		if d, decided := o.Names.Of(name); decided && d.Origin != catalog.Own {
			p.withheld[name] = true
		}
		if p.seen[name] || asked[name] || listed[name.String()] {
			return nil
		}
		asked[name] = true
		if batch = append(batch, name); len(batch) < planBatch {
			return nil
		}
		return compare()
	})
	if err != nil {
		return err
	}
	return compare()
}

// withholds reports whether a name does not become own.
func (p *planned) withholds(name packaging.ProjectName) bool { return p.withheld[name] }

// planBatch is the number of projects whose names are compared together.
const planBatch = 100

func matchOf(o Options) func(packaging.ProjectName) bool {
	if o.Match == nil {
		return func(packaging.ProjectName) bool { return true }
	}
	return o.Match
}

// known returns the import of the source, or the zero Import.
func (m *Importer) known(ctx context.Context, r catalog.Repository, a About) (i Import, err error) {
	err = m.Store.View(ctx, func(tx Tx) error {
		i, err = tx.ImportOf(ctx, r.ID, a.Kind, a.Location)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	})
	return i, err
}

// denied returns what people decided against files that become own. Files in the cache of an upstream are decided about
// when they are served.
func (m *Importer) denied(ctx context.Context, o Options) (d holds.Denials, err error) {
	if o.Upstream != "" {
		return d, nil
	}
	err = m.Store.View(ctx, func(tx Tx) error {
		all, err := tx.FileRulings(ctx)
		d = holds.NewDenials(all)
		return err
	})
	return d, err
}

// planSome adds projects to the plan.
func (m *Importer) planSome(ctx context.Context, s Source, o Options, p *planned, some []Project) error {
	var names []packaging.ProjectName
	for i := range some {
		some[i].Files = selected(some[i].Files, o)
		names = append(names, some[i].Name)
	}
	var standings []catalog.NameStanding
	var err error
	if o.Upstream == "" {
		if standings, err = m.Index.NameStandings(ctx, m.Who, o.Repository, names); err != nil {
			return err
		}
	}
	for i, project := range some {
		if len(project.Files) == 0 {
			continue
		}
		p.Projects++
		before := p.Add
		d, decided := o.Names.Of(project.Name)
		if o.Upstream == "" && decided && d.Origin == Skip {
			p.Files += len(project.Files)
			p.Skipped += len(project.Files)
			p.ask(project, standings[i], d)
			continue
		}
		p.seen[project.Name] = true
		if err := m.planProject(ctx, s, o, p, project); err != nil {
			return err
		}
		if o.Upstream == "" && p.Add > before {
			p.decide(project, standings[i], d, decided)
		}
		if p.Files > maxKept {
			p.projects = nil
		} else if p.projects != nil {
			p.projects = append(p.projects, project)
		}
		m.progress().Add(1, 0)
	}
	return ctx.Err()
}

// selected returns the files of a project that the options select.
func selected(all []File, o Options) []File {
	if o.Since.IsZero() {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(f File) bool {
		return !f.UploadedAt.IsZero() && f.UploadedAt.Before(o.Since)
	})
}

// decide finds out whose the name of a project with files to add becomes.
func (p *planned) decide(project Project, s catalog.NameStanding, d Decision, decided bool) {
	n := catalog.ClaimedName{Name: project.Name}
	if decided && (s.Upstream != "" || d.Origin != catalog.Own) {
		n.Decision, n.Versions = d.Origin, d.Versions
	}
	if s.Unknown {
		p.NotCompared++
	}
	p.names[project.Name] = n
	p.ask(project, s, d)
}

// ask adds the name of a project to those that an administrator decides about, if it is one.
func (p *Plan) ask(project Project, s catalog.NameStanding, d Decision) {
	n := NameToDecide{
		Name: project.Name.String(), Files: len(project.Files), Upstream: s.Upstream, Decision: d.Origin,
		Why: "named in the file of names",
	}
	if s.Upstream == "" && (d.Origin == "" || d.Origin == catalog.Own) {
		return
	}
	switch {
	case s.Ruling.Origin == catalog.Foreign:
		n.Why = "by decision, it is read from " + s.Upstream
	case s.Upstream != "":
		n.Why = "upstream " + s.Upstream + " has it"
	}
	for _, f := range project.Files {
		n.Bytes += max(0, f.Size)
	}
	p.Names = append(p.Names, n)
}

// standing is what the repository has of a project.
type standing struct {
	project  catalog.Project
	exists   bool
	files    map[string]catalog.File // by name key
	imported map[string]catalog.Imported
	burned   map[string]bool // name keys
	status   catalog.Status  // as the source last stated it
	reason   string
}

// standing reads what the repository has of a project, and which of the names that are keys of names were deleted.
func (m *Importer) standing(ctx context.Context, r catalog.Repository, importID string, name packaging.ProjectName,
	keys []string,
) (s standing, err error) {
	err = m.Store.View(ctx, func(tx Tx) error {
		s = standing{files: map[string]catalog.File{}, burned: map[string]bool{}}
		if importID != "" {
			if s.status, s.reason, err = tx.ImportedStatus(ctx, importID, name); err != nil {
				return err
			}
		}
		s.project, err = tx.ProjectByName(ctx, r.ID, name)
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return err
		default:
			s.exists = true
			all, err := tx.AllFiles(ctx, s.project.ID)
			if err != nil {
				return err
			}
			for _, f := range all {
				s.files[f.NameKey] = f
			}
			if s.imported, err = tx.ImportedFiles(ctx, s.project.ID); err != nil {
				return err
			}
		}
		for _, k := range keys {
			if _, known := s.files[k]; known {
				continue
			}
			if s.burned[k], err = tx.Tombstoned(ctx, r.ID, k); err != nil {
				return err
			}
		}
		return nil
	})
	return s, err
}

// candidate is a file of a source with what its name says.
type candidate struct {
	File
	name packaging.Filename // zero if it is not valid
	err  error              // why it is refused by its name
}

func candidates(project Project) (all []candidate, keys []string) {
	for _, f := range project.Files {
		c := candidate{File: f}
		if f.Problem != "" {
			c.err = fault.New(fault.Invalid, "%s", f.Problem)
		} else if c.name, c.err = packaging.ParseFilename(f.Filename, project.Name); c.err == nil {
			keys = append(keys, c.name.Key())
		}
		all = append(all, c)
	}
	return all, keys
}

// verdict is what a run does with a file before it reads its content.
type verdict struct {
	state  ingest.OutcomeState // "" if the content must be read
	reason string
	err    error // of a refusal
}

// judge decides about a file by its name and its stated digest.
func (s *standing) judge(c candidate, importID string) verdict {
	if c.err != nil {
		return verdict{state: ingest.Refused, reason: fault.Message(c.err), err: c.err}
	}
	have, ok := s.files[c.name.Key()]
	switch {
	case s.burned[c.name.Key()]:
		return verdict{
			state: ingest.Conflict, reason: "a file of that name was deleted here, and file names are never reused",
		}
	case !ok:
		return verdict{}
	case have.Filename != c.Filename:
		return verdict{state: ingest.Conflict, reason: "it is another spelling of " + have.Filename + ", which is here"}
	}
	switch same, known := sameContent(c.File, have); {
	case known && same:
		return verdict{state: ingest.Present}
	case known:
		return verdict{
			state: ingest.Conflict, reason: "the file of that name here has other content: sha256 " + have.SHA256,
		}
	}
	o := s.imported[have.ID]
	if o.ImportID == importID && importID != "" && have.Size == c.Size && !c.UploadedAt.IsZero() &&
		have.UploadedAt.Equal(c.UploadedAt.UTC().Truncate(time.Microsecond)) {
		return verdict{state: ingest.Present} // as it was when it was imported
	}
	return verdict{}
}

// sameContent compares the digests that the source states with those that this index has of a file: of a file of an
// upstream, it has no other than SHA-256. It reports known if both have a digest of the same kind.
func sameContent(f File, have catalog.File) (same, known bool) {
	for name, sum := range map[string]string{"sha256": have.SHA256, "blake2b_256": have.Blake2b256, "md5": have.MD5} {
		if stated := f.Hashes[name]; stated != "" && sum != "" {
			if !strings.EqualFold(stated, sum) {
				return false, true
			}
			same, known = true, true
		}
	}
	return same, known
}

// planProject adds a project to the plan.
func (m *Importer) planProject(ctx context.Context, s Source, o Options, p *planned, project Project) error {
	all, keys := candidates(project)
	st, err := m.standing(ctx, p.repository, p.known.ID, project.Name, keys)
	if err != nil {
		return err
	}
	before := p.Add
	spelled := map[string][]string{}
	for _, c := range all {
		p.count(c.File)
		if c.err == nil {
			spelled[c.name.Key()] = append(spelled[c.name.Key()], c.Filename)
		}
		if err := m.planFile(ctx, s, o, p, project, st, c); err != nil {
			return err
		}
	}
	if !st.exists && p.Add > before {
		p.NewProjects++
	}
	if is := statusOf(project.Status); o.Upstream == "" && st.exists && st.status == "" && is != "" &&
		is != st.project.Status {
		p.Notes = append(p.Notes,
			Note{Kind: "status", Text: fmt.Sprintf("project %s is %s here and stays so; in the source it is %s",
				project.Name, st.project.Status, is)})
	}
	for _, k := range slices.Sorted(maps.Keys(spelled)) {
		if len(spelled[k]) > 1 && len(p.Clashes) < maxListed {
			p.Clashes = append(p.Clashes, Clash{Project: project.Name.String(), Files: spelled[k]})
		}
	}
	return nil
}

func (p *Plan) count(f File) {
	p.Files++
	if f.Size < 0 {
		p.UnknownSizes++
	} else {
		p.Bytes += f.Size
	}
}

func (m *Importer) planFile(ctx context.Context, s Source, o Options, p *planned, project Project, st standing,
	c candidate,
) error {
	at := Listed{Project: project.Name.String(), Filename: c.Filename, Place: c.Place}
	v := st.judge(c, p.known.ID)
	if o.Upstream != "" && c.err == nil {
		v = verdict{} // the repository's own files do not matter
	}
	switch v.state {
	case ingest.Present:
		p.Present++
		return nil
	case ingest.Conflict:
		at.Reason = v.reason
		p.ConflictCount++
		p.Conflicts = appendListed(p.Conflicts, at)
		return nil
	case ingest.Refused:
		p.refuse(at, v.err)
		return nil
	}
	legacy, err := m.examine(ctx, s, o, p.denied, project, c)
	switch {
	case err != nil && !fault.Is(err, fault.Invalid):
		return err
	case legacy:
		at.Kind, at.Reason = refusalKind(c.Filename, err), fault.Message(err)
		p.Legacy++
		p.LegacyFiles = appendListed(p.LegacyFiles, at)
		if !o.Legacy {
			p.refuse(at, err)
			return nil
		}
	case err != nil:
		p.refuse(at, err)
		return nil
	case !o.Deep:
		p.Unchecked++
	}
	p.Add++
	p.AddBytes += max(0, c.Size)
	p.countTime(c.File)
	return nil
}

// countTime counts a file that would be added by how well its time is known.
func (p *Plan) countTime(f File) {
	if len(f.Hashes) == 0 {
		p.WithoutDigest++
	}
	switch {
	case f.UploadedAt.IsZero() || f.TimeTrust == Unknown:
		p.Unknown++
	case f.TimeTrust == Stated:
		p.Stated++
	case f.TimeTrust == Latest:
		p.Latest++
	default:
		p.Guessed++
	}
}

func (p *Plan) refuse(at Listed, err error) {
	at.Kind = cmp.Or(at.Kind, refusalKind(at.Filename, err))
	at.Reason = strings.TrimPrefix(cmp.Or(at.Reason, fault.Message(err)), at.Filename+": ")
	p.RefusedBy[at.Kind]++
	p.Refused = appendListed(p.Refused, at)
}

func appendListed(all []Listed, at Listed) []Listed {
	if len(all) >= maxListed {
		return all
	}
	return append(all, at)
}

// examine checks a file as the gate does, with its content if the plan is deep. Otherwise it judges the name, and the
// digest that the source states. It returns fault.Invalid for a file that is refused.
func (m *Importer) examine(ctx context.Context, s Source, o Options, denied holds.Denials, project Project,
	c candidate,
) (bool, error) {
	if !o.Deep {
		if err := denied.CheckUpload(c.name, strings.ToLower(c.Hashes["sha256"])); err != nil {
			return false, fault.Wrap(fault.Invalid, err, "%s", fault.Message(err))
		}
		return m.Intake.Examine(nil, 0, c.Filename, project.Name)
	}
	stage, err := m.read(ctx, s, o, catalog.Limits{}, c.File, nil)
	if err != nil {
		return false, err
	}
	defer stage.Discard()
	if err := denied.CheckUpload(c.name, stage.in.Digests().SHA256); err != nil {
		return false, fault.Wrap(fault.Invalid, err, "%s", fault.Message(err))
	}
	return m.Intake.Examine(stage.in.Content(), stage.in.Size(), c.Filename, project.Name)
}

// refusalKind names the kind of a refused file, for counts.
func refusalKind(filename string, err error) string {
	lower := strings.ToLower(filename)
	for ending, kind := range map[string]string{
		".egg": "egg", ".exe": "Windows installer", ".msi": "Windows installer", ".rpm": "RPM package",
		".deb": "Debian package", ".dmg": "disk image",
	} {
		if strings.HasSuffix(lower, ending) {
			return kind
		}
	}
	text := fault.Message(err)
	for _, k := range []struct{ words, kind string }{
		{"is denied on this index", "denied here"},
		{"is pinned to another digest", "pinned to another digest"},
		{"binary archive", "binary archive"},
		{"has the version", "version that no tool reads"},
		{"is not a valid version", "version that no tool reads"},
		{"has no version", "version that no tool reads"},
		{"PKG-INFO\" is missing", "sdist without PKG-INFO"},
		{"RECORD\" is missing", "wheel without RECORD"},
		{"begins with \"./\"", "member ./"},
		{"requires_dist", "requirement that no tool reads"},
		{"File too large", "size limit"},
		{"file name", "file name"},
	} {
		if strings.Contains(text, k.words) {
			return k.kind
		}
	}
	return "content"
}
