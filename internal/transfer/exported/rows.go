package exported

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// rows writes the rows of one snapshot as files.
type rows struct {
	tx        Tx
	dir       string
	selection Selection
	progress  Progress

	users  map[string]string // names by id
	groups map[string]string
	roles  map[string][]Role // of groups, by project id; by repository id for those in all of a repository
	denied holds.Denials
	found  []repositoryRows
}

// repositoryRows is a repository whose rows were written.
type repositoryRows struct {
	totals Totals
	names  []string // of its projects, in order
	// keys has the generations of stored content by part and digest, for the few that are not stored under a plain key.
	generations map[contentKey]string
}

type contentKey struct {
	metadata bool
	sha256   string
}

func (r *rows) write(ctx context.Context) error {
	r.users, r.groups, r.roles, r.found = map[string]string{}, map[string]string{}, map[string][]Role{}, nil
	all, err := r.tx.Repositories(ctx)
	if err != nil {
		return err
	}
	for _, name := range r.selection.Repositories {
		if !slices.ContainsFunc(all, func(x catalog.Repository) bool { return x.Name == name }) {
			return fault.New(fault.NotFound, "there is no repository %.80s: index repository list shows them", name)
		}
	}
	if err := r.groupRoles(ctx); err != nil {
		return err
	}
	rulings, err := r.tx.FileRulings(ctx)
	if err != nil {
		return err
	}
	r.denied = holds.NewDenials(rulings)
	for _, x := range all {
		if r.selection.has(x.Name) {
			if err := r.repository(ctx, x); err != nil {
				return err
			}
		}
	}
	return r.names(ctx)
}

// groupRoles reads the roles of all groups: an index has few.
func (r *rows) groupRoles(ctx context.Context) error {
	groups, err := r.tx.Groups(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		r.groups[g.ID] = g.Name
	}
	grants, err := r.tx.GroupGrants(ctx, "")
	if err != nil {
		return err
	}
	for _, g := range grants {
		key := cmp.Or(g.ProjectID, g.RepositoryID)
		r.roles[key] = append(r.roles[key], Role{
			Group: g.Group, Role: g.Role.String(), Command: grantCommand("--group", g.Group, g.Role, g.Repository, g.Project),
		})
	}
	return nil
}

// user returns the name of a user, "" if there is none.
func (r *rows) user(ctx context.Context, id string) (string, error) {
	if name, ok := r.users[id]; ok || id == "" {
		return name, nil
	}
	u, err := r.tx.UserByID(ctx, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	r.users[id] = u.Name
	return u.Name, nil
}

func (r *rows) userRoles(ctx context.Context, x catalog.Repository, p catalog.Project) (out []Role, err error) {
	grants, err := r.tx.GrantsAbout(ctx, x.ID, p.ID)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		if g.ProjectID != p.ID {
			continue
		}
		name, err := r.user(ctx, g.UserID)
		if err != nil {
			return nil, err
		}
		if name != "" {
			out = append(out, Role{
				User: name, Role: g.Role.String(), Command: grantCommand("--user", name, g.Role, x.Name, p.Name.String()),
			})
		}
	}
	out = append(out, r.roles[cmp.Or(p.ID, x.ID)]...)
	slices.SortFunc(out, func(a, b Role) int { return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Group, b.Group)) })
	return out, nil
}

func (r *rows) repository(ctx context.Context, x catalog.Repository) error {
	projects, _, err := r.tx.ListedSince(ctx, x.ID, -1)
	if err != nil {
		return err
	}
	projects = slices.DeleteFunc(projects, func(l catalog.Listed) bool { return !r.selection.covers(l.Name.String()) })
	r.progress.Step("reading the rows of repository "+x.Name, "project", int64(len(projects)))
	out := repositoryRows{totals: Totals{Name: x.Name}, generations: map[contentKey]string{}}
	for _, l := range projects {
		out.names = append(out.names, l.Name.String())
	}
	if err := r.about(ctx, x, out.names); err != nil {
		return err
	}
	for _, l := range projects {
		out.totals.Serial = max(out.totals.Serial, l.Serial)
		if err := r.project(ctx, x, l.ID, &out); err != nil {
			return err
		}
		r.progress.Add(1, 0)
	}
	out.totals.Projects = int64(len(projects))
	r.found = append(r.found, out)
	return nil
}

// about writes repository.json. names are the exported projects, in order.
func (r *rows) about(ctx context.Context, x catalog.Repository, names []string) (err error) {
	out := Repository{
		Name: x.Name, CreatedAt: x.CreatedAt, Members: x.Members.String(), Public: x.Public, RequireHashes: x.RequireHashes,
		UpstreamReaders: x.UpstreamReaders, AnonymousFetch: x.AnonymousFetch,
	}
	bases, err := r.tx.Bases(ctx, x.ID)
	if err != nil {
		return err
	}
	for _, b := range bases {
		out.Bases = append(out.Bases, b.String())
	}
	if err := r.decisions(ctx, x, &out); err != nil {
		return err
	}
	if out.Deleted, err = r.deleted(ctx, x); err != nil {
		return err
	}
	if out.Tombstones, err = r.tombstones(ctx, x, func(t Tombstone) bool {
		name := t.project()
		_, exported := slices.BinarySearch(names, name)
		return !exported && r.selection.covers(name)
	}); err != nil {
		return err
	}
	if out.Roles, err = r.userRoles(ctx, x, catalog.Project{}); err != nil {
		return err
	}
	if out.Publishers, err = r.repositoryPublishers(ctx, x); err != nil {
		return err
	}
	if out.Readers, err = r.readers(ctx, x); err != nil {
		return err
	}
	return writeJSON(filepath.Join(r.dir, x.Name, repositoryName), out)
}

func by(a audit.Actor) By { return By{Kind: a.Kind, Name: a.Name} }

// decisions adds the decisions about names, and the reservations.
func (r *rows) decisions(ctx context.Context, x catalog.Repository, out *Repository) error {
	rulings, err := r.tx.Rulings(ctx)
	if err != nil {
		return err
	}
	for _, d := range rulings {
		if d.RepositoryID == x.ID && r.selection.covers(d.Name.String()) {
			out.Rulings = append(out.Rulings, Ruling{
				Name: d.Name.String(), Origin: string(d.Origin), Versions: d.Versions, Since: d.Since, By: by(d.By), Why: d.Why,
			})
		}
	}
	reservations, err := r.tx.Reservations(ctx)
	if err != nil {
		return err
	}
	for _, v := range reservations {
		if v.RepositoryID == x.ID {
			out.Reservations = append(out.Reservations, Reservation{
				Pattern: v.Pattern, Prefix: v.Prefix, Why: v.Why, Since: v.Since, EndsAt: v.EndsAt, By: by(v.By), Reason: v.Reason,
			})
		}
	}
	return nil
}

func (r *rows) deleted(ctx context.Context, x catalog.Repository) (out []Deleted, err error) {
	all, err := r.tx.DeletedProjects(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.Repository != x.Name || !r.selection.covers(d.Name.String()) {
			continue
		}
		one := Deleted{Name: d.Name.String(), DeletedAt: d.At, FreeAt: d.FreeAt, AgainAt: d.AgainAt}
		for _, id := range d.Users {
			name, err := r.user(ctx, id)
			if err != nil {
				return nil, err
			}
			if name != "" {
				one.Owners = append(one.Owners, "user "+name)
			}
		}
		for _, id := range d.Groups {
			if name := r.groups[id]; name != "" {
				one.Owners = append(one.Owners, "group "+name)
			}
		}
		slices.Sort(one.Owners)
		out = append(out, one)
	}
	return out, nil
}

// project returns the normal name of the project that a deleted file belonged to, which the key begins with.
func (t Tombstone) project() string {
	name, _, _ := strings.Cut(t.Key, "-")
	return strings.ReplaceAll(name, "_", "-")
}

const tombstonesAtOnce = 1000

func (r *rows) tombstones(ctx context.Context, x catalog.Repository,
	f func(Tombstone) bool,
) (out []Tombstone, err error) {
	for after := ""; ; {
		some, err := r.tx.TombstonesBetween(ctx, x.ID, after, "\x7f", tombstonesAtOnce)
		if err != nil {
			return nil, err
		}
		for _, t := range some {
			after = t.Key
			if f(t) {
				out = append(out, t)
			}
		}
		if len(some) < tombstonesAtOnce {
			return out, nil
		}
	}
}

// tombstonesOf returns the deleted files of one project: keys begin with the name and a dash.
func (r *rows) tombstonesOf(ctx context.Context, x catalog.Repository,
	name packaging.ProjectName,
) (out []Tombstone, err error) {
	before := name.Underscored() + "." // which follows the dash
	for after := name.Underscored() + "-"; ; {
		some, err := r.tx.TombstonesBetween(ctx, x.ID, after, before, tombstonesAtOnce)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
		if len(some) < tombstonesAtOnce {
			return out, nil
		}
		after = some[len(some)-1].Key
	}
}

// project writes the file of a project.
func (r *rows) project(ctx context.Context, x catalog.Repository, id string, into *repositoryRows) error {
	p, err := r.tx.ProjectByID(ctx, id)
	if err != nil {
		return err
	}
	out, err := r.describe(ctx, x, p)
	if err != nil {
		return err
	}
	files, err := r.tx.AllFiles(ctx, p.ID)
	if err != nil {
		return err
	}
	slices.SortFunc(files, func(a, b catalog.File) int {
		return cmp.Or(a.UploadedAt.Compare(b.UploadedAt), strings.Compare(a.Filename, b.Filename))
	})
	origins, err := r.tx.FileOrigins(ctx, p.ID)
	if err != nil {
		return err
	}
	w, err := createFile(filepath.Join(r.dir, x.Name, projectsName, out.Name+".json"))
	if err != nil {
		return err
	}
	defer w.discard()
	b := bufio.NewWriterSize(w, 64<<10)
	head, err := encodeJSON(out, "")
	if err != nil {
		return err
	}
	b.WriteString(strings.TrimSuffix(string(head), "]\n}"))
	for i, f := range files { // one by one: metadata may be long
		into.totals.Files++
		into.totals.Bytes += f.Size
		into.note(f)
		one, err := r.file(ctx, out.Name, f, origins)
		if err != nil {
			return err
		}
		text, err := encodeJSON(one, "    ")
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n    ")
		b.Write(text)
	}
	if len(files) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("]\n}\n")
	if err := b.Flush(); err != nil {
		return err
	}
	return w.commitChanged()
}

// note remembers where the content of a file is stored, if not under a plain key.
func (r *repositoryRows) note(f catalog.File) {
	if f.Generation != "" {
		r.generations[contentKey{sha256: f.SHA256}] = f.Generation
	}
	if f.MetadataGeneration != "" {
		r.generations[contentKey{metadata: true, sha256: f.MetadataSHA256}] = f.MetadataGeneration
	}
}

// describe returns a project without its files.
func (r *rows) describe(ctx context.Context, x catalog.Repository, p catalog.Project) (out Project, err error) {
	out = Project{
		Name: p.Name.String(), Display: p.Display, Status: string(p.Status), StatusReason: p.StatusReason,
		CreatedAt: p.CreatedAt, TrustedOnly: p.TrustedOnly, StartupFiles: p.StartupFiles, FileLimit: p.Limits.FileSize,
		SizeLimit: p.Limits.ProjectSize, Releases: []Release{}, Files: []File{},
	}
	releases, err := r.tx.AllReleases(ctx, p.ID)
	if err != nil {
		return out, err
	}
	for _, v := range releases {
		out.Releases = append(out.Releases, Release{Version: v.Version, CreatedAt: v.CreatedAt})
	}
	slices.SortFunc(out.Releases, func(a, b Release) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.Version, b.Version))
	})
	if out.Tombstones, err = r.tombstonesOf(ctx, x, p.Name); err != nil {
		return out, err
	}
	base, err := r.tx.DownloadBase(ctx, p.ID)
	if err == nil {
		out.DownloadBase = &base
	} else if !fault.Is(err, fault.NotFound) {
		return out, err
	}
	if out.Downloads, err = r.tx.DownloadDays(ctx, p.ID); err != nil {
		return out, err
	}
	if out.Roles, err = r.userRoles(ctx, x, p); err != nil {
		return out, err
	}
	attached, err := r.tx.AttachedTo(ctx, "", p.ID)
	for _, a := range attached {
		out.Publishers = append(out.Publishers,
			rule(a.Publisher, publisherCommand(a.Publisher, x.Name, "--project", out.Name)))
	}
	sortRules(out.Publishers)
	return out, err
}

// trustStated is the trust in the time of an upload to this index.
const trustStated = "stated"

// file describes a file of a project. One that an administrator denied is described as in quarantine: static pages must
// not offer it, and an index that imports it knows no denial.
func (r *rows) file(ctx context.Context, project string, f catalog.File,
	origins map[string]FileOrigin,
) (File, error) {
	if ruling, why, denied := r.denied.Of(project, f); denied && !f.Quarantined() {
		f.QuarantinedAt, f.QuarantineReason = ruling.Since, why.Text()
	}
	out := File{
		Filename: f.Filename, Kind: string(f.Kind), Version: f.Version, PythonVersion: f.PythonVersion, Size: f.Size,
		Hashes:         Hashes{SHA256: f.SHA256, MD5: f.MD5, Blake2b256: f.Blake2b256},
		MetadataSHA256: f.MetadataSHA256, RequiresPython: f.RequiresPython, Comment: f.Comment, UploadedAt: f.UploadedAt,
		TimeTrust: trustStated, Uploader: Uploader{Kind: f.Uploader.Kind, Name: f.Uploader.Name, Claims: f.Uploader.Claims},
		Yanked: f.Yanked, YankedReason: f.YankedReason, QuarantinedAt: f.QuarantinedAt,
		QuarantineReason: f.QuarantineReason,
	}
	if o, ok := origins[f.ID]; ok {
		out.TimeTrust = o.TimeTrust
		if err := o.describe(&out); err != nil {
			return out, err
		}
	}
	statements, err := r.tx.Attestations(ctx, f.ID)
	if err != nil {
		return out, err
	}
	for _, a := range statements {
		out.Attestations = append(out.Attestations, Attestation{
			Predicate: a.Predicate, Document: a.Document, Verified: a.Verified, Publisher: a.Publisher,
		})
	}
	m, err := r.tx.Metadata(ctx, f.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return out, err
	}
	out.Metadata, err = encodeJSON(m, "")
	return out, err
}

// facts is what an export said about a file that an import cannot keep in the usual columns: the uploader of another
// index is never one of this one.
type facts struct {
	Uploader Uploader  `json:"uploader"`
	Imported *Imported `json:"imported,omitempty"`
}

func (o FileOrigin) describe(f *File) error {
	if o.Facts != "" {
		var was facts
		d := json.NewDecoder(strings.NewReader(o.Facts))
		d.UseNumber()
		if err := d.Decode(&was); err != nil {
			return err
		}
		f.Uploader, f.Imported = was.Uploader, was.Imported
		return nil
	}
	f.Imported = &Imported{Source: o.Source, Uploader: o.Uploader, Legacy: o.Legacy, DigestStated: o.DigestStated}
	return nil
}

func (r *rows) repositoryPublishers(ctx context.Context, x catalog.Repository) (out []Rule, err error) {
	wide, err := r.tx.RepositoryPublishers(ctx, "", x.ID)
	if err != nil {
		return nil, err
	}
	for _, w := range wide {
		args := []string{"--names", w.Prefix.String()}
		if w.Creates {
			args = append(args, "--create")
		}
		owner, err := r.user(ctx, w.OwnerUser)
		if err != nil {
			return nil, err
		}
		if owner != "" {
			args = append(args, "--user", owner)
		}
		one := rule(w.Publisher, publisherCommand(w.Publisher, x.Name, args...))
		one.Names, one.Creates = w.Prefix.String(), w.Creates
		out = append(out, one)
	}
	pending, err := r.tx.PendingAll(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range pending {
		if p.RepositoryID != x.ID || !r.selection.covers(p.Project) {
			continue
		}
		args := []string{"--pending", "--project", p.Display}
		registrant, err := r.user(ctx, p.Registrant)
		if err != nil {
			return nil, err
		}
		if registrant != "" {
			args = append(args, "--user", registrant)
		}
		one := rule(p.Publisher, publisherCommand(p.Publisher, x.Name, args...))
		one.Projects, one.Creates = []string{p.Project}, true
		out = append(out, one)
	}
	sortRules(out)
	return out, nil
}

func (r *rows) readers(ctx context.Context, x catalog.Repository) (out []Rule, err error) {
	all, err := r.tx.ReadersAll(ctx)
	if err != nil {
		return nil, err
	}
	for _, reader := range all {
		if reader.RepositoryID != x.ID || !reader.Whole && len(reader.Projects) == 0 {
			continue
		}
		var names []string
		for _, p := range reader.Projects {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		one := rule(reader.Publisher, readerCommand(reader, x.Name, names))
		one.Projects = names
		out = append(out, one)
	}
	sortRules(out)
	return out, nil
}

func rule(p publishers.Publisher, command string) Rule {
	return Rule{Provider: p.Provider, Issuer: p.Issuer, Fields: p.Fields, OwnerID: p.OwnerID, Command: command}
}

func sortRules(all []Rule) {
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(a.Command, b.Command) })
}

// names writes the names that the index knows.
func (r *rows) names(ctx context.Context) error {
	w, err := createFile(filepath.Join(r.dir, namesName))
	if err != nil {
		return err
	}
	defer w.discard()
	b := bufio.NewWriterSize(w, 64<<10)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for after := ""; ; {
		some, err := r.tx.Names(ctx, after, namesAtOnce)
		if err != nil {
			return err
		}
		for _, n := range some {
			after = n.Name.String()
			if !r.selection.covers(after) {
				continue
			}
			if err := e.Encode(Name{
				Name: after, Origin: string(n.Origin), Upstream: n.Upstream, Since: n.Since, By: by(n.By), Why: n.Why,
			}); err != nil {
				return err
			}
		}
		if len(some) < namesAtOnce {
			break
		}
	}
	if err := b.Flush(); err != nil {
		return err
	}
	return w.commitChanged()
}

const namesAtOnce = 1000

// grantCommand returns the command that gives a role.
func grantCommand(flag, name string, role access.Role, repository, project string) string {
	args := []string{"index", "grant", "add", flag, name, "--role", role.String()}
	if repository != catalog.MainRepository || project == "" {
		args = append(args, "--repository", repository)
	}
	if project != "" {
		args = append(args, "--project", project)
	}
	return words(args)
}
