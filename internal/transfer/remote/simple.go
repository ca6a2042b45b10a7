package remote

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/stated"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// pagesAtOnce is how many project pages are asked for at the same time.
const pagesAtOnce = 4

// SimpleOptions say how an index is read by its simple pages.
type SimpleOptions struct {
	Options
	// FilesFrom are URLs below which files may lie, beside the index that is asked.
	FilesFrom []string
	// Names are the projects of an index that has no list of them.
	Names []packaging.ProjectName
}

// Simple reads the simple pages of an index (PEP 503 and 691).
type Simple struct {
	*server
	bases []string // URLs below which files lie, the index itself first
	names []packaging.ProjectName

	mu      sync.Mutex
	details map[string]detail // of files by place, if their place does not say all
	told    told
}

// told is what Notes tells of the pages that were read last.
type told struct {
	elsewhere stated.Sample // files that lie elsewhere
	ofOthers  stated.Sample // files that the index has from another one
	absent    stated.Sample // listed projects without a page
	noTime    int           // files
	dropped   int           // entries that cannot be read
	listless  bool          // the index has no list of projects
}

// detail is what is needed to open a file, beside its place.
type detail struct{ url, provenance string }

var _ transfer.Source = (*Simple)(nil)

// NewSimple returns an index as a source. It asks nothing yet. It returns fault.Invalid if the options are not usable,
// and for the pages of devpi.
func NewSimple(o SimpleOptions) (*Simple, error) {
	s, err := newServer(o.Options)
	if err != nil {
		return nil, err
	}
	if strings.Contains(s.upstream.URL, "/+simple/") {
		return nil, errDevpi()
	}
	out := &Simple{server: s, bases: []string{below(s.upstream.URL)}, names: o.Names, details: map[string]detail{}}
	for _, base := range o.FilesFrom {
		u, err := url.Parse(base)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
			u.RawQuery != "" || u.Fragment != "" {
			return nil, fault.New(fault.Invalid, "--files-from is not an http or https URL: %.200q", base)
		}
		if !strings.HasSuffix(u.Path, "/") {
			u = u.JoinPath("/")
		}
		out.bases = append(out.bases, u.String())
	}
	return out, nil
}

// errDevpi explains why the pages of devpi are not read.
func errDevpi() error {
	return fault.New(fault.Invalid,
		"this is a devpi index: its pages name the projects of its bases and of whole mirrors as its own, and have no times. "+
			"Export it with devpi-export --serverdir DATA DIR, and use index import devpi DIR")
}

// below returns the URL below which the files of an index lie: its simple root without the last part.
func below(root string) string {
	for _, last := range []string{"simple/", "+simple/"} {
		if base, ok := strings.CutSuffix(root, "/"+last); ok {
			return base + "/"
		}
	}
	return root
}

// unusable returns an error about an answer that cannot be read.
func unusable(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.BadGateway, err, "the answer cannot be used: %v", err)
}

// About returns the URL of the index.
func (s *Simple) About() transfer.About {
	return transfer.About{Kind: "simple", Location: s.upstream.URL}
}

// list returns the names of all projects, sorted, each once.
func (s *Simple) list(ctx context.Context) (names []packaging.ProjectName, err error) {
	err = s.ask(ctx, func() error {
		r, err := s.client.List(ctx, s.upstream, upstream.Validators{})
		if err != nil {
			return err
		}
		names = nil
		return unusable(page.EachName(r.Body, r.ContentType, page.Bounds{}, func(n packaging.ProjectName) {
			names = append(names, n)
		}))
	})
	if fault.Is(err, fault.NotFound) {
		if len(s.names) == 0 {
			return nil, fault.Wrap(fault.NotFound, err, "%s has no list of projects (%s): name them by --project",
				s.upstream.URL, fault.Message(err))
		}
		names, err = slices.Clone(s.names), nil
		s.mu.Lock()
		s.told.listless = true
		s.mu.Unlock()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.upstream.URL, err)
	}
	slices.SortFunc(names, func(a, b packaging.ProjectName) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(names), nil
}

// Projects asks for the list of projects and then for the page of each.
func (s *Simple) Projects(
	ctx context.Context, match func(packaging.ProjectName) bool,
) iter.Seq2[transfer.Project, error] {
	return func(yield func(transfer.Project, error) bool) {
		s.mu.Lock()
		s.told = told{}
		s.mu.Unlock()
		names, err := s.list(ctx)
		if err != nil {
			yield(transfer.Project{}, err)
			return
		}
		if match != nil {
			names = slices.DeleteFunc(names, func(n packaging.ProjectName) bool { return !match(n) })
		}
		for p, err := range ahead(ctx, names, pagesAtOnce, s.project) {
			if err != nil {
				yield(transfer.Project{}, err)
				return
			}
			if p != nil && !yield(*p, nil) {
				return
			}
		}
	}
}

// ahead yields the result of get for each item in their order, with n calls running at the same time.
func ahead[T, R any](
	ctx context.Context, items []T, n int, get func(context.Context, T) (R, error),
) iter.Seq2[R, error] {
	type result struct {
		value R
		err   error
	}
	return func(yield func(R, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()
		waiting := make(chan chan result, n)
		running.Go(func() {
			defer close(waiting)
			for _, item := range items {
				one := make(chan result, 1)
				select {
				case waiting <- one:
				case <-ctx.Done():
					return
				}
				running.Go(func() {
					v, err := get(ctx, item)
					one <- result{v, err}
				})
			}
		})
		for one := range waiting {
			if r := <-one; !yield(r.value, r.err) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			var none R
			yield(none, err)
		}
	}
}

// project returns a project by its page, or nil if it has none.
func (s *Simple) project(ctx context.Context, name packaging.ProjectName) (*transfer.Project, error) {
	var p page.Page
	err := s.ask(ctx, func() error {
		r, err := s.client.Page(ctx, s.upstream, name, upstream.Validators{})
		if err != nil {
			return err
		}
		p, err = page.Parse(r.Body, r.ContentType, r.URL, name, page.Bounds{})
		return unusable(err)
	})
	if fault.Is(err, fault.NotFound) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told.absent.Add(name.String())
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s%s/: %w", s.upstream.URL, name, err)
	}
	out := &transfer.Project{Name: name, Status: p.Status, StatusReason: p.StatusReason}
	for i := range p.Files {
		f, err := s.file(&p.Files[i])
		if err != nil {
			return nil, fmt.Errorf("%s%s/: %w", s.upstream.URL, name, err)
		}
		out.Files = append(out.Files, f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told.dropped += p.Dropped
	return out, nil
}

// file returns a file of a page.
func (s *Simple) file(f *page.File) (transfer.File, error) {
	u, err := url.Parse(f.URL)
	if err != nil {
		return transfer.File{}, fault.New(fault.BadGateway, "the URL of %s is not valid", f.Filename)
	}
	if devpiFile.MatchString(u.EscapedPath()) {
		return transfer.File{}, errDevpi()
	}
	signed := u.RawQuery != "" || u.ForceQuery
	u.RawQuery, u.ForceQuery = "", false // a signed URL is another one next time
	out := stated.File(f)
	out.Place, out.Provenance = u.String(), f.Provenance != "" && s.mayAsk(f.Provenance)
	out.Problem = s.problem(out.Place, f.Filename)
	s.mu.Lock()
	defer s.mu.Unlock()
	if out.UploadedAt.IsZero() {
		s.told.noTime++
	}
	if signed || out.Provenance {
		s.details[out.Place] = detail{url: f.URL, provenance: f.Provenance}
	}
	return out, nil
}

// devpiFile matches the paths of files of devpi.
var devpiFile = regexp.MustCompile(`/\+[fe]/`)

// fromUpstream matches the path of a file that an Index, or another proxy, has from an upstream: the name of the
// upstream and the path there. The path of a file of its own has a digest in place of the name.
var fromUpstream = regexp.MustCompile(
	`^packages/([a-z0-9][a-z0-9-]*)/(?:-/[0-9a-f]{32}|(?:[0-9a-f]{2}/){2}[0-9a-f]{60})/`,
)

// problem says why a file is not taken, or returns "".
func (s *Simple) problem(place, filename string) string {
	rest, base := s.under(place)
	switch {
	case base < 0:
		s.mu.Lock()
		s.told.elsewhere.Add(filename)
		s.mu.Unlock()
		u, _ := url.Parse(place)
		return fmt.Sprintf("it lies at %s, not below %s: it may belong to somebody else", u.Host, s.bases[0])
	case base == 0:
		m := fromUpstream.FindStringSubmatch(rest)
		if m != nil && upstream.IsName(m[1]) {
			s.mu.Lock()
			s.told.ofOthers.Add(filename)
			s.mu.Unlock()
			return fmt.Sprintf("the index has it from its upstream %s", m[1])
		}
	}
	return ""
}

// under returns the path of a URL below the last of the bases that it lies below, and the number of that base, or -1.
func (s *Simple) under(at string) (string, int) {
	u, err := url.Parse(at)
	if err != nil || slices.ContainsFunc(strings.Split(u.Path, "/"),
		func(s string) bool { return s == "." || s == ".." }) {
		return "", -1
	}
	for i := len(s.bases) - 1; i >= 0; i-- {
		b, err := url.Parse(s.bases[i])
		if err != nil || !strings.EqualFold(b.Scheme, u.Scheme) || !strings.EqualFold(b.Host, u.Host) {
			continue
		}
		if rest, ok := strings.CutPrefix(u.EscapedPath(), b.EscapedPath()); ok {
			return rest, i
		}
	}
	return "", -1
}

// mayAsk reports whether something lies where files may.
func (s *Simple) mayAsk(at string) bool {
	_, base := s.under(at)
	return base >= 0
}

// at returns what is known about a file beside its place.
func (s *Simple) at(place string) detail {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.details[place]; ok {
		return d
	}
	return detail{url: place}
}

// Open opens a file.
func (s *Simple) Open(ctx context.Context, f transfer.File) (io.ReadCloser, error) {
	if !s.mayAsk(f.Place) {
		return nil, fault.New(fault.Invalid, "%s does not lie below the source", f.Filename)
	}
	return s.open(ctx, s.at(f.Place).url, limitOf(f))
}

// Provenance returns the provenance of a file. It lies below the source too.
func (s *Simple) Provenance(ctx context.Context, f transfer.File) ([]byte, error) {
	at := s.at(f.Place).provenance
	if at == "" || !s.mayAsk(at) {
		return nil, nil
	}
	b, err := s.get(ctx, at, maxProvenance)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return b, err
}

// Notes returns what the pages do not tell.
func (s *Simple) Notes() []transfer.Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	var notes []transfer.Note
	add := func(kind, format string, args ...any) {
		notes = append(notes, transfer.Note{Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	add("user", "pages name no uploaders, users and rights: give roles by index grant add")
	if s.told.noTime > 0 {
		add("times", "%s no upload time on the pages: projects that use exclude-newer do not see such files until later",
			has(s.told.noTime))
	}
	if s.told.elsewhere.Count > 0 {
		add("skipped", "files elsewhere than below %s are not imported (%d): %s. If they are yours, add --files-from URL",
			s.bases[0], s.told.elsewhere.Count, &s.told.elsewhere)
	}
	if s.told.ofOthers.Count > 0 {
		add("skipped", "files that the index has from an upstream are not imported (%d): %s", s.told.ofOthers.Count,
			&s.told.ofOthers)
	}
	if s.told.absent.Count > 0 {
		add("skipped", "projects that are listed but have no page (%d): %s", s.told.absent.Count, &s.told.absent)
	}
	if s.told.dropped > 0 {
		add("skipped", "entries of pages that are no wheel or source distribution of their project: %d", s.told.dropped)
	}
	if s.told.listless {
		add("skipped", "the index has no list of projects: only those of --project were asked for")
	}
	return notes
}

// has returns "1 file has" or "7 files have".
func has(n int) string {
	if n == 1 {
		return "1 file has"
	}
	return stated.Plural(n, "file") + " have"
}

// Close ends the use of the source.
func (s *Simple) Close() error {
	s.client.Forget(s.upstream.Name)
	return nil
}
