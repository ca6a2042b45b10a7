package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/disk"
	"pyindex/internal/transfer/scan"
	"pyindex/internal/transfer/stated"
)

// Bounds of the answers of a repository manager.
const (
	maxAnswer     = 64 << 20  // bytes
	maxItems      = 1_000_000 // files of a repository
	maxListed     = 10_000    // repositories of a manager
	namesInErrors = 20
)

// manager is a repository of a repository manager. Its files are listed by an API, all of them at once.
type manager struct {
	*server
	kind       string
	root       string // URL of the manager, with a final slash
	repository string
	files      string // URL below which the files lie
	// list calls add with every file of the repository. hint is the name of its project as the manager has it.
	list func(ctx context.Context, add func(f transfer.File, hint string) error) error

	mu   sync.Mutex
	told managerTold
}

// managerTold is what Notes tells of the list that was read last.
type managerTold struct {
	nameless, ignored, unsummed stated.Sample
	noTime                      int
	more                        []transfer.Note
}

// listed is one repository of a manager.
type listed struct{ name, kind, format string }

// check returns an error unless the repository has files of its own, by the manager's list of repositories at a path
// below its root. name and format are the keys of these in an entry of the list; owns are the types of such
// repositories.
func (m *manager) check(ctx context.Context, at, name, format string, owns ...string) error {
	var all []listed
	err := m.readJSON(ctx, m.root+at, func(r *scan.Reader) error {
		isList, err := r.List(func() error {
			var one listed
			_, err := r.Object(func(key string) (err error) {
				switch key {
				case name:
					one.name, err = r.Text()
				case "type":
					one.kind, err = r.Text()
				case format:
					one.format, err = r.Text()
				default:
					err = r.Skip()
				}
				return err
			})
			if len(all) == maxListed {
				return scan.Errorf("there are more than %d repositories", maxListed)
			}
			all = append(all, listed{stated.Text(one.name), stated.Text(one.kind), stated.Text(one.format)})
			return err
		})
		if err == nil && !isList {
			return scan.Errorf("this is not a list of repositories")
		}
		return err
	})
	if err != nil {
		return err
	}
	return choose(all, m.repository, owns...)
}

// choose returns an error unless a repository is one of those that have files of their own. owns are the types of
// those.
func choose(all []listed, name string, owns ...string) error {
	var names []string
	isOwn := func(r listed) bool { return slices.Contains(owns, strings.ToLower(r.kind)) }
	for _, r := range all {
		if strings.EqualFold(r.format, "pypi") && isOwn(r) {
			names = append(names, r.name)
		}
	}
	own := owns[0]
	slices.Sort(names)
	list := "it lists none"
	if len(names) > 0 {
		list = "they are " + strings.Join(names[:min(len(names), namesInErrors)], ", ")
		if more := len(names) - namesInErrors; more > 0 {
			list += fmt.Sprintf(" and %d more", more)
		}
	}
	i := slices.IndexFunc(all, func(r listed) bool { return r.name == name })
	switch {
	case i < 0:
		return fault.New(fault.NotFound,
			"there is no repository %s, or it may not be read. Repositories with files of their own (%s): %s",
			name, own, list)
	case all[i].format != "" && !strings.EqualFold(all[i].format, "pypi"):
		return fault.New(fault.Invalid, "%s is a repository of %s, not of Python packages", name, all[i].format)
	case isOwn(all[i]):
		return nil
	case strings.EqualFold(all[i].kind, "proxy"), strings.EqualFold(all[i].kind, "remote"):
		return fault.New(fault.Invalid,
			"%s has the files of another index (%s), which cannot become own files: add that index as an upstream. Repositories with files of their own (%s): %s",
			name, strings.ToLower(all[i].kind), own, list)
	}
	return fault.New(fault.Invalid,
		"%s shows the files of other repositories (%s): import those with files of their own (%s): %s",
		name, strings.ToLower(all[i].kind), own, list)
}

// About returns the repository.
func (m *manager) About() transfer.About { return transfer.About{Kind: m.kind, Location: m.files} }

// project is a project whose files are being collected.
type project struct {
	display string
	files   []transfer.File
	places  map[string]bool
}

// Projects lists the repository, and yields its projects in the order of their names.
func (m *manager) Projects(
	ctx context.Context, match func(packaging.ProjectName) bool,
) iter.Seq2[transfer.Project, error] {
	return func(yield func(transfer.Project, error) bool) {
		m.mu.Lock()
		m.told = managerTold{}
		m.mu.Unlock()
		all, err := m.collect(ctx, match)
		if err != nil {
			yield(transfer.Project{}, err)
			return
		}
		transfer.InOrder(ctx, maps.Keys(all), func(name packaging.ProjectName) (transfer.Project, error) {
			return transfer.Project{Name: name, Display: all[name].display, Files: all[name].files}, nil
		})(yield)
	}
}

// collect lists the repository by projects.
func (m *manager) collect(
	ctx context.Context, match func(packaging.ProjectName) bool,
) (map[packaging.ProjectName]*project, error) {
	all, count := map[packaging.ProjectName]*project{}, 0
	err := m.list(ctx, func(f transfer.File, hint string) error {
		if count++; count > maxItems {
			return fault.New(fault.TooLarge, "the repository has more than %d files", maxItems)
		}
		name, ok := m.projectOf(&f, hint)
		if !ok || match != nil && !match(name) {
			return nil
		}
		p := all[name]
		if p == nil {
			p = &project{places: map[string]bool{}}
			all[name] = p
		}
		if p.places[f.Place] {
			return nil
		}
		p.places[f.Place] = true
		if n, err := packaging.ParseProjectName(hint); err == nil && n == name && p.display == "" {
			p.display = stated.Text(hint)
		}
		p.files = append(p.files, f)
		return nil
	})
	if err == nil {
		err = ctx.Err()
	}
	return all, err
}

// notFiles are endings of what managers keep beside packages.
var notFiles = []string{".asc", ".html", ".json", ".md5", ".sha1", ".sha256", ".sha512", ".metadata", ".xml"}

// projectOf returns the project of a file, and false for what is none. It completes and checks the file.
func (m *manager) projectOf(f *transfer.File, hint string) (packaging.ProjectName, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f.Filename = path.Base(f.Place)
	lower := strings.ToLower(f.Filename)
	if slices.ContainsFunc(notFiles, func(ending string) bool { return strings.HasSuffix(lower, ending) }) {
		m.told.ignored.Add(f.Filename)
		return packaging.ProjectName{}, false
	}
	name, err := packaging.ProjectOf(f.Filename)
	if hinted, invalid := packaging.ParseProjectName(hint); invalid == nil {
		name = hinted // an egg, for example, is refused under the name that the manager has for it
	} else if err != nil {
		m.told.nameless.Add(f.Place)
		return name, false
	}
	if parsed, err := packaging.ParseFilename(f.Filename, name); err != nil {
		f.Problem = fault.Message(err)
	} else {
		f.Version = parsed.VersionPart()
	}
	if disk.Local(f.Place) != nil || stated.Text(f.Place) != f.Place {
		f.Place, f.Problem = stated.Text(f.Place), "its path is not one inside the repository"
	}
	if f.UploadedAt.IsZero() {
		m.told.noTime++
	}
	if len(f.Hashes) == 0 {
		m.told.unsummed.Add(f.Filename)
	}
	return name, true
}

// Open opens a file below the address of the repository, whatever address the manager states.
func (m *manager) Open(ctx context.Context, f transfer.File) (io.ReadCloser, error) {
	if err := disk.Local(f.Place); err != nil {
		return nil, err
	}
	at, err := url.Parse(m.files)
	if err != nil {
		return nil, err
	}
	return m.open(ctx, at.JoinPath(escaped(f.Place)).String(), limitOf(f))
}

// escaped returns a path with every segment escaped.
func escaped(place string) string {
	parts := strings.Split(place, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// Provenance returns nil: managers keep none.
func (m *manager) Provenance(context.Context, transfer.File) ([]byte, error) { return nil, nil }

// Notes returns what the list does not have.
func (m *manager) Notes() []transfer.Note {
	m.mu.Lock()
	defer m.mu.Unlock()
	notes := []transfer.Note{
		{
			Kind: "experimental",
			Text: "this kind was tested with recorded answers only: compare the result by index import verify, and report what differs",
		},
		{Kind: "user", Text: "users and rights are not read: give roles by index grant add"},
		{Kind: "downloads", Text: "downloads are not read"},
	}
	notes = append(notes, m.told.more...)
	add := func(kind, format string, args ...any) {
		notes = append(notes, transfer.Note{Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	if m.told.noTime > 0 {
		add("times", "%s no upload time", has(m.told.noTime))
	}
	if m.told.unsummed.Count > 0 {
		add("digests", "files without a digest, whose content cannot be compared (%d): %s", m.told.unsummed.Count,
			&m.told.unsummed)
	}
	if m.told.ignored.Count > 0 {
		add("skipped", "signatures, indexes and the like are not imported (%d): %s", m.told.ignored.Count, &m.told.ignored)
	}
	if m.told.nameless.Count > 0 {
		add("skipped", "files whose names belong to no project are not imported (%d): %s", m.told.nameless.Count,
			&m.told.nameless)
	}
	return notes
}

// Close ends the use of the source.
func (m *manager) Close() error {
	m.client.Forget(m.upstream.Name)
	return nil
}

// readJSON asks for an address and reads the answer as JSON.
func (m *manager) readJSON(ctx context.Context, at string, value func(*scan.Reader) error) error {
	b, err := m.get(ctx, at, maxAnswer)
	if err != nil {
		return fmt.Errorf("%s: %w", withoutQuery(at), err)
	}
	return badAnswer(scan.Bytes(withoutQuery(at), b).Read(value))
}

// query posts a question and reads the answer as JSON.
func (m *manager) query(ctx context.Context, at, contentType, question string, value func(*scan.Reader) error) error {
	var b []byte
	err := m.ask(ctx, func() error {
		body, err := m.client.Query(ctx, m.upstream, at, contentType, []byte(question), maxAnswer)
		if err != nil {
			return err
		}
		defer body.Close()
		b, err = io.ReadAll(body)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return badAnswer(scan.Bytes(at, b).Read(value))
}

// badAnswer returns an error about the content of an answer as a fault.
func badAnswer(err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Wrap(fault.BadGateway, err, "%v", err)
}

func withoutQuery(at string) string {
	before, _, _ := strings.Cut(at, "?")
	return before
}

// readTime reads a time as managers write it.
func readTime(text string) time.Time {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700"} {
		if t, err := time.Parse(form, text); err == nil {
			return stated.Time(t)
		}
	}
	return time.Time{}
}

// rooted returns a server whose address is the root of a manager: the part of the source's address before a part of
// its path, which is followed by the name of the repository.
func rooted(o Options, parts ...string) (s *server, root, name string, err error) {
	if s, err = newServer(o); err != nil {
		return nil, "", "", err
	}
	u, err := url.Parse(s.upstream.URL)
	if err != nil {
		return nil, "", "", err
	}
	at := strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/simple") + "/"
	for _, part := range parts {
		i := strings.LastIndex(at, part)
		if i < 0 {
			continue
		}
		name = strings.Trim(at[i+len(part):], "/")
		if name == "" || strings.Contains(name, "/") || disk.Local(name) != nil {
			continue
		}
		root = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: at[:i] + "/"}).String()
		s.upstream.URL = root
		return s, root, name, nil
	}
	return nil, "", "", fault.New(fault.Invalid, "the URL does not name a repository")
}
