package exported

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/regular"
	"pyindex/internal/transfer"
)

// Source is a repository of an export. What it reads may have been changed since it was written: paths never lead out
// of the folder, and each file is compared with its digest by the import.
type Source struct {
	root   *os.Root // of the repository
	dir    string
	header Header
	about  Repository

	newID func() string

	mu    sync.Mutex
	empty []packaging.ProjectName // projects without files
	notes []transfer.Note
	more  int // notes that are not listed
}

// maxNotes limits the listed notes: each project may have several roles.
const maxNotes = 10_000

// OpenSource opens an export, or a repository in it: the folder of the export if it has one repository, otherwise that
// of the repository. It returns fault.Invalid if there is no finished export. newID returns ids for new rows.
func OpenSource(dir string, newID func() string) (s *Source, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s = &Source{dir: dir, newID: newID}
	top := dir
	if _, err := os.Stat(filepath.Join(dir, repositoryName)); err == nil {
		top = filepath.Dir(dir)
	}
	err = readJSON(filepath.Join(top, headerName), &s.header)
	if errors.Is(err, fs.ErrNotExist) {
		text := "%s is no export: it has no " + headerName
		if _, err := os.Stat(filepath.Join(top, unfinishedName)); err == nil {
			text = "the export in %s is not finished: run index export again"
		}
		return nil, fault.New(fault.Invalid, text, top)
	} else if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%v", err)
	}
	if s.header.Format != Format {
		return nil, fault.New(fault.Invalid, "%s has format %d, but this program reads format %d", top, s.header.Format,
			Format)
	}
	var names []string
	for _, r := range s.header.Repositories {
		if isFolderName(r.Name) {
			names = append(names, r.Name)
		}
	}
	if top == dir {
		if len(names) != 1 {
			return nil, fault.New(fault.Invalid, "%s has the repositories %s: specify the folder of one, such as %s", dir,
				strings.Join(names, ", "), filepath.Join(dir, strings.Join(names[:min(1, len(names))], "")))
		}
		s.dir = filepath.Join(dir, names[0])
	} else if !slices.Contains(names, filepath.Base(dir)) {
		return nil, fault.New(fault.Invalid, "%s is no repository of the export in %s", dir, top)
	}
	if err := readJSON(filepath.Join(s.dir, repositoryName), &s.about); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%v", err)
	}
	s.root, err = os.OpenRoot(s.dir)
	return s, err
}

// About returns the kind and location.
func (s *Source) About() transfer.About { return transfer.About{Kind: "export", Location: s.dir} }

// Close closes the folder.
func (s *Source) Close() error { return s.root.Close() }

// Projects yields the projects, by name.
func (s *Source) Projects(ctx context.Context,
	match func(packaging.ProjectName) bool,
) iter.Seq2[transfer.Project, error] {
	return func(yield func(transfer.Project, error) bool) {
		s.startNotes()
		d, err := s.root.Open(projectsName)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				yield(transfer.Project{}, err)
			}
			return
		}
		entries, err := d.Readdirnames(-1)
		d.Close()
		if err != nil {
			yield(transfer.Project{}, err)
			return
		}
		slices.Sort(entries)
		for _, entry := range entries {
			stem, ok := strings.CutSuffix(entry, ".json")
			name, err := packaging.ParseProjectName(stem)
			if !ok || err != nil || name.String() != stem || match != nil && !match(name) {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(transfer.Project{}, err)
				return
			}
			p, err := s.project(name)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// Facts returns everything that the export says about a project.
func (s *Source) Facts(name packaging.ProjectName) (Project, error) {
	p, err := s.read(name)
	if err == nil && p.Name != name.String() {
		err = fault.New(fault.Invalid, "%s: it is about another project",
			filepath.Join(s.dir, projectsName, name.String()+".json"))
	}
	return p, err
}

func (s *Source) read(name packaging.ProjectName) (p Project, err error) {
	path := filepath.Join(projectsName, name.String()+".json")
	f, err := regular.OpenIn(s.root, path)
	if err != nil {
		return p, err
	}
	defer f.Close()
	d := json.NewDecoder(io.LimitReader(f, maxProject))
	d.UseNumber()
	if err := d.Decode(&p); err != nil {
		return p, fault.Wrap(fault.Invalid, err, "%s: %v", filepath.Join(s.dir, path), err)
	}
	return p, nil
}

func (s *Source) project(name packaging.ProjectName) (out transfer.Project, err error) {
	p, err := s.Facts(name)
	if err != nil {
		return out, err
	}
	s.noteRules(p.Roles, p.Publishers)
	out = transfer.Project{
		Name: name, Display: p.display(), Status: string(p.status()), StatusReason: p.StatusReason, Settle: s.settler(name),
	}
	if len(p.Files) == 0 {
		s.mu.Lock()
		s.empty = append(s.empty, name)
		s.mu.Unlock()
	}
	for _, f := range p.Files {
		one := transfer.File{
			Place: p.Name + "/" + f.Filename, Filename: f.Filename, Version: f.Version, Size: f.Size,
			Hashes: map[string]string{"sha256": f.Hashes.SHA256}, UploadedAt: f.UploadedAt, TimeTrust: f.trust(),
			Uploader: f.Uploader.Name, Yanked: f.Yanked, YankedReason: f.YankedReason, RequiresPython: f.RequiresPython,
			MetadataSHA256: f.MetadataSHA256,
		}
		for _, digest := range []struct{ name, value string }{{"md5", f.Hashes.MD5}, {"blake2b_256", f.Hashes.Blake2b256}} {
			if digest.value != "" {
				one.Hashes[digest.name] = digest.value
			}
		}
		one.Provenance = slices.ContainsFunc(f.Attestations, func(a Attestation) bool { return a.Verified })
		if !isFilename(f.Filename) {
			one.Problem = "its name is no file name"
		}
		out.Files = append(out.Files, one)
	}
	return out, nil
}

// trust returns how well the upload time is known. The export is believed as any other source is: at most stated.
func (f File) trust() transfer.Trust {
	switch t := transfer.Trust(f.TimeTrust); t {
	case transfer.Stated, transfer.Latest, transfer.Guessed:
		return t
	}
	return transfer.Unknown
}

// isFilename reports whether a name is one part of a path.
func isFilename(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\\\x00")
}

// open opens the content of a file, or what is beside it.
func (s *Source) open(f transfer.File, suffix string) (*os.File, error) {
	project, filename, ok := strings.Cut(f.Place, "/")
	name, err := packaging.ParseProjectName(project)
	if !ok || err != nil || name.String() != project || !isFilename(filename) {
		return nil, fault.New(fault.Invalid, "%.200q is no file of an export", f.Place)
	}
	opened, err := regular.OpenIn(s.root, filepath.Join(packagesName, project, filename+suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, err, "the export has no content of %.200s", filename)
	} else if err != nil {
		return nil, err
	}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fault.New(fault.Invalid, "%.200s is no regular file in the export", filename)
	}
	if err != nil {
		opened.Close()
		return nil, err
	}
	return opened, nil
}

// Open returns the content of a file. It returns fault.NotFound if the content was missing when the export was written.
func (s *Source) Open(_ context.Context, f transfer.File) (io.ReadCloser, error) {
	return s.open(f, "")
}

// maxProvenance bounds a provenance document.
const maxProvenance = 16 << 20

// Provenance returns the provenance document of a file, nil if there is none.
func (s *Source) Provenance(_ context.Context, f transfer.File) ([]byte, error) {
	opened, err := s.open(f, provenanceSuffix)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer opened.Close()
	b, err := io.ReadAll(io.LimitReader(opened, maxProvenance+1))
	if err == nil && len(b) > maxProvenance {
		err = fault.New(fault.Invalid, "the provenance of %.200s is larger than %d bytes", f.Filename, maxProvenance)
	}
	return b, err
}

// Notes returns the roles, publishers and settings to recreate, with their commands.
func (s *Source) Notes() []transfer.Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.notes)
	if s.more > 0 {
		out = append(out, transfer.Note{
			Kind: "right", Text: fmt.Sprintf("%d more commands are in the files of the projects in %s", s.more,
				filepath.Join(s.dir, projectsName)),
		})
	}
	return out
}

// startNotes notes what belongs to the repository as a whole.
func (s *Source) startNotes() {
	s.mu.Lock()
	s.notes, s.more, s.empty = nil, 0, nil
	s.mu.Unlock()
	r := s.about
	s.note(transfer.Note{
		Kind: "setting", Text: fmt.Sprintf("repository %s was open to %s, with the role %s for every user; settings are not imported",
			r.Name, map[bool]string{true: "anonymous readers, if the server permits them", false: "users only"}[r.Public],
			r.Members),
	})
	if len(r.Bases) > 0 {
		s.note(transfer.Note{Kind: "setting", Text: "it drew on " + strings.Join(r.Bases, ", ")})
	}
	s.noteRules(r.Roles, slices.Concat(r.Publishers, r.Readers))
	for _, d := range r.Deleted {
		if len(d.Owners) > 0 {
			s.note(transfer.Note{
				Kind: "right", Text: fmt.Sprintf("the last owners of the deleted project %s were %s", d.Name,
					strings.Join(d.Owners, ", ")),
			})
		}
	}
}

func (s *Source) noteRules(roles []Role, rules []Rule) {
	for _, r := range roles {
		who := "user " + r.User
		if r.Group != "" {
			who = "group " + r.Group
		}
		s.note(transfer.Note{Kind: "right", Text: "a role of " + who, Command: r.Command})
	}
	for _, r := range rules {
		s.note(transfer.Note{Kind: "right", Text: "a trusted workload of " + r.Issuer, Command: r.Command})
	}
}

// note notes n. The export may have been changed: a command that a shell would take for more than one of this program
// is left out.
func (s *Source) note(n transfer.Note) {
	if !isCommand(n.Command) {
		n.Command = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notes) >= maxNotes {
		s.more++
		return
	}
	s.notes = append(s.notes, n)
}

// restore returns the transaction with the rows that an import of an export completes.
func restore(tx any) (RestoreTx, error) {
	if t, ok := tx.(RestoreTx); ok {
		return t, nil
	}
	return nil, fault.New(fault.Internal, "a %T cannot restore the rows of an export", tx)
}

// settler returns the function that completes the rows of a project.
func (s *Source) settler(name packaging.ProjectName) func(context.Context, ingest.Tx, catalog.Project, string,
	bool) (catalog.Project, error) {
	return func(ctx context.Context, tx ingest.Tx, here catalog.Project, importID string,
		created bool,
	) (catalog.Project, error) {
		t, err := restore(tx)
		if err != nil {
			return here, err
		}
		p, err := s.Facts(name) // read again: the import holds many projects
		if err != nil {
			return here, err
		}
		return p.settle(ctx, t, here, importID, created)
	}
}

// OwnNames calls f for the names without files that Settle makes own.
func (s *Source) OwnNames(match func(packaging.ProjectName) bool, f func(packaging.ProjectName) error) error {
	each := func(text string) error {
		name, err := packaging.ParseProjectName(text)
		if err != nil || match != nil && !match(name) {
			return err
		}
		return f(name)
	}
	for _, name := range s.empty {
		if err := each(name.String()); err != nil {
			return err
		}
	}
	for _, d := range s.about.Rulings {
		if d.Origin == string(catalog.Own) {
			if err := each(d.Name); err != nil {
				return err
			}
		}
	}
	for _, d := range s.about.Deleted {
		if err := each(d.Name); err != nil {
			return err
		}
	}
	return s.eachName(func(n Name) error {
		if n.Origin != string(catalog.Own) {
			return nil
		}
		return each(n.Name)
	})
}

// without returns the repository without the rows that make withheld names own.
func (r Repository) without(withheld func(packaging.ProjectName) bool) Repository {
	is := func(text string) bool {
		name, err := packaging.ParseProjectName(text)
		return err == nil && withheld(name)
	}
	r.Rulings = slices.DeleteFunc(slices.Clone(r.Rulings), func(d Ruling) bool {
		return d.Origin == string(catalog.Own) && is(d.Name)
	})
	r.Deleted = slices.DeleteFunc(slices.Clone(r.Deleted), func(d Deleted) bool { return is(d.Name) })
	return r
}

// Settle completes the rows of the repository and of the names that match, and creates projects without files.
func (s *Source) Settle(ctx context.Context, tx transfer.Tx, here catalog.Repository,
	match, withheld func(packaging.ProjectName) bool,
) error {
	t, err := restore(tx)
	if err != nil {
		return err
	}
	for _, name := range s.empty {
		if match != nil && !match(name) || withheld(name) {
			continue
		}
		if err := s.create(ctx, t, here, name); err != nil {
			return err
		}
	}
	about := s.About()
	left, err := s.about.without(withheld).settle(ctx, t, here, about.Kind+" "+about.Location)
	if err != nil {
		return err
	}
	s.noteLeft(left)
	err = s.eachName(func(n Name) error {
		if name, err := packaging.ParseProjectName(n.Name); err != nil || match != nil && !match(name) ||
			n.Origin == string(catalog.Own) && withheld(name) {
			return err
		}
		return n.settle(ctx, t, s.about.Reservations)
	})
	if err == nil {
		_, err = t.NextSerial(ctx) // decisions may have changed what readers see
	}
	return err
}

// noteLeft notes decisions that were left out. It may be called again with the same ones.
func (s *Source) noteLeft(left []Ruling) {
	for _, d := range left {
		n := transfer.Note{
			Kind: "setting",
			Text: fmt.Sprintf("%s had the origin %s there; here it stays a name of this index, "+
				"which had it before (index origin set changes that)", d.Name, d.Origin),
		}
		s.mu.Lock()
		known := slices.Contains(s.notes, n)
		s.mu.Unlock()
		if !known {
			s.note(n)
		}
	}
}

// create creates a project without files, unless there is one.
func (s *Source) create(ctx context.Context, tx RestoreTx, r catalog.Repository, name packaging.ProjectName) error {
	_, err := tx.ProjectByName(ctx, r.ID, name)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	p, err := s.Facts(name)
	if err != nil {
		return err
	}
	here, err := catalog.Create(ctx, tx, catalog.NewProject{
		ID: s.newID(), Repository: r, Name: name, Display: p.display(), EntryID: s.newID(), At: p.CreatedAt, Imported: true,
		Reason: map[string]any{"source": "export " + s.dir},
	})
	if err != nil {
		return err
	}
	if here, err = p.settle(ctx, tx, here, "", true); err != nil {
		return err
	}
	for _, v := range p.Releases {
		if err := s.release(ctx, tx, here, v); err != nil {
			return err
		}
	}
	return tx.UpdateProject(ctx, here)
}

func (s *Source) release(ctx context.Context, tx RestoreTx, p catalog.Project, r Release) error {
	v, err := packaging.ParseVersion(r.Version)
	if err != nil {
		return err
	}
	return tx.InsertRelease(ctx, catalog.Release{
		ID: s.newID(), ProjectID: p.ID, Version: v.String(), Key: v.Key(), CreatedAt: r.CreatedAt,
	})
}

// eachName calls f for the names that the other index knew.
func (s *Source) eachName(f func(Name) error) error {
	file, err := regular.Open(filepath.Join(filepath.Dir(s.dir), namesName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var n Name
		if err := json.Unmarshal(lines.Bytes(), &n); err != nil {
			return fault.Wrap(fault.Invalid, err, "%s: %v", file.Name(), err)
		}
		if err := f(n); err != nil {
			return err
		}
	}
	return lines.Err()
}
