package transfer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

// Kinds of differences between a source and what was imported.
const (
	DiffMissing  = "missing"         // the source has the file, and this index does not
	DiffContent  = "content"         // other bytes
	DiffYank     = "yank"            // yanked in one of both, or another reason
	DiffPython   = "requires-python" // the source states another one than the archive has
	DiffTime     = "upload time"
	DiffMetadata = "metadata" // the source states another digest of the core metadata
	DiffStatus   = "status"
	DiffUnread   = "not read" // the source does not yield the file
)

// Difference is one difference.
type Difference struct {
	Project  string `json:"project"`
	Filename string `json:"filename,omitempty"`
	Place    string `json:"place,omitempty"`
	Kind     string `json:"kind"`
	Source   string `json:"source"` // as the source states it
	Here     string `json:"here"`
}

// Verification is a comparison of a source with what was imported.
type Verification struct {
	Kind        string         `json:"kind"`
	Source      string         `json:"source"`
	Repository  string         `json:"repository"`
	At          time.Time      `json:"at"`
	Projects    int            `json:"projects"`
	Files       int            `json:"files"`
	Same        int            `json:"same"`         // files without a difference
	Digests     int            `json:"digests"`      // of them, those whose source states a digest
	Read        int            `json:"read"`         // files whose content was read from the source, for want of a digest
	NotImported int            `json:"not_imported"` // files that the import refused
	Refused     []Listed       `json:"refused"`
	OnlyHere    int            `json:"only_here"` // files of these projects that the source does not have
	By          map[string]int `json:"differences_by"`
	Differences []Difference   `json:"differences"`
	Count       int            `json:"difference_count"`
}

func (v *Verification) differ(d Difference) {
	v.Count++
	v.By[d.Kind]++
	if len(v.Differences) < maxListed {
		v.Differences = append(v.Differences, d)
	}
}

// Verify reads a source again and compares it with the repository. It writes nothing. The content of a file is read
// from the source only if it states no digest. It returns fault.NotFound if the source was never imported.
func (m *Importer) Verify(ctx context.Context, s Source, o Options) (*Verification, error) {
	about := s.About()
	v := &Verification{
		Kind: about.Kind, Source: about.Location, Repository: o.Repository, At: m.now().UTC(), Refused: []Listed{},
		By: map[string]int{}, Differences: []Difference{},
	}
	at, err := m.Index.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	r, err := m.Index.RepositoryAt(ctx, m.Who, at, o.Repository)
	if err != nil {
		return nil, err
	}
	known, err := m.known(ctx, r, about)
	if err != nil {
		return nil, err
	}
	if known.ID == "" {
		return nil, fault.New(fault.NotFound,
			"%s %s was never imported into %s: index import list shows the imports", about.Kind, about.Location, o.Repository)
	}
	refused, err := m.refused(ctx, known.ID)
	if err != nil {
		return nil, err
	}
	x := &verifying{Importer: m, v: v, source: s, options: o, repository: r, importID: known.ID, refused: refused}
	m.progress().Step("comparing", "file", 0)
	for p, err := range s.Projects(ctx, matchOf(o)) {
		if err != nil {
			return nil, err
		}
		if p.Files = selected(p.Files, o); len(p.Files) == 0 {
			continue
		}
		if err := x.project(ctx, p); err != nil {
			return nil, err
		}
	}
	return v, ctx.Err()
}

// refused returns the reasons of the files that an import refused, by place.
func (m *Importer) refused(ctx context.Context, importID string) (map[string]string, error) {
	out := map[string]string{}
	for after := ""; ; {
		var some []ingest.Outcome
		err := m.Store.View(ctx, func(tx Tx) (err error) {
			some, err = tx.ImportOutcomes(ctx, importID, after, journalPage)
			return err
		})
		if err != nil || len(some) == 0 {
			return out, err
		}
		for _, f := range some {
			if f.State == ingest.Refused {
				out[f.Place] = f.Reason
			}
			after = f.Place
		}
	}
}

const journalPage = 5000

type verifying struct {
	*Importer
	v          *Verification
	source     Source
	options    Options
	repository catalog.Repository
	importID   string
	refused    map[string]string
}

func (x *verifying) project(ctx context.Context, p Project) error {
	all, keys := candidates(p)
	st, err := x.kept(ctx, p, keys)
	if err != nil {
		return err
	}
	x.v.Projects++
	seen := map[string]bool{}
	for _, c := range all {
		x.v.Files++
		before := x.v.Count
		compared, err := x.file(ctx, p, st, c, seen)
		if err != nil {
			return err
		}
		if compared && x.v.Count == before {
			x.v.Same++
		}
		x.progress().Add(1, max(0, c.Size))
	}
	for k := range st.files {
		if !seen[k] {
			x.v.OnlyHere++
		}
	}
	if s := statusOf(p.Status); st.exists && s != "" && s != st.project.Status {
		x.v.differ(Difference{
			Project: p.Name.String(), Kind: DiffStatus, Source: string(s), Here: string(st.project.Status),
		})
	}
	return nil
}

// kept returns what this index has of a project: its own files, or those on the page that it holds of an upstream.
func (x *verifying) kept(ctx context.Context, p Project, keys []string) (standing, error) {
	if x.options.Upstream == "" {
		return x.standing(ctx, x.repository, x.importID, p.Name, keys)
	}
	s := standing{files: map[string]catalog.File{}, imported: map[string]catalog.Imported{}}
	row, err := x.Cache.Pages.Export(ctx, x.Cache.Upstream, p.Name)
	if fault.Is(err, fault.NotFound) {
		return s, nil
	} else if err != nil {
		return s, err
	}
	held, err := page.Decode(row.Record)
	for _, f := range held.Files {
		name, err := packaging.ParseFilename(f.Filename, p.Name)
		if err != nil {
			continue
		}
		s.files[name.Key()] = catalog.File{
			ID: f.Filename, Filename: f.Filename, SHA256: f.SHA256, Size: f.Size, Yanked: f.Yanked,
			YankedReason: f.YankedReason, RequiresPython: f.RequiresPython, UploadedAt: f.Uploaded,
			MetadataSHA256: f.MetadataSHA256,
		}
		if !f.Uploaded.IsZero() {
			s.imported[f.Filename] = catalog.Imported{TimeTrust: string(Stated)}
		}
	}
	return s, err
}

// file compares one file. It reports false if the import refused it.
func (x *verifying) file(ctx context.Context, p Project, st standing, c candidate, seen map[string]bool) (bool, error) {
	d := Difference{Project: p.Name.String(), Filename: c.Filename, Place: c.Place}
	var have catalog.File
	ok := false
	if c.err == nil {
		have, ok = st.files[c.name.Key()]
	}
	if ok {
		seen[c.name.Key()] = true
	}
	if !ok || have.Filename != c.Filename {
		reason, refused := x.refused[c.Place]
		if c.err != nil && !refused {
			reason, refused = fault.Message(c.err), true
		}
		if refused {
			x.v.NotImported++
			x.v.Refused = appendListed(x.v.Refused, Listed{
				Project: d.Project, Filename: c.Filename, Place: c.Place,
				Kind:   refusalKind(c.Filename, fault.New(fault.Invalid, "%s", reason)),
				Reason: reason,
			})
			return false, nil
		}
		d.Kind, d.Source, d.Here = DiffMissing, c.Filename, have.Filename
		x.v.differ(d)
		return true, nil
	}
	if err := x.content(ctx, d, c, have); err != nil {
		return true, err
	}
	x.statements(d, c, have, st.imported[have.ID])
	return true, nil
}

// content compares the content of a file by its digest.
func (x *verifying) content(ctx context.Context, d Difference, c candidate, have catalog.File) error {
	same, known := sameContent(c.File, have)
	sum := c.Hashes["sha256"]
	if known {
		x.v.Digests++
	} else {
		got, err := x.read(ctx, x.source, x.options, catalog.Limits{}, c.File, nil)
		if errors.Is(err, errUnreadable) {
			d.Kind, d.Source, d.Here = DiffUnread, fault.Explain(err), have.SHA256
			x.v.differ(d)
			return nil
		} else if err != nil {
			return err
		}
		defer got.Discard()
		x.v.Read++
		sum = got.in.Digests().SHA256
		same = sum == have.SHA256
	}
	if !same {
		d.Kind, d.Source, d.Here = DiffContent, sum, have.SHA256
		x.v.differ(d)
	}
	return nil
}

// statements compares what the source states about a file.
func (x *verifying) statements(d Difference, c candidate, have catalog.File, o catalog.Imported) {
	yank := func(yanked bool, reason string) string {
		if !yanked {
			return "not yanked"
		}
		return strings.TrimSpace("yanked " + reason)
	}
	at := c.UploadedAt.UTC().Truncate(time.Microsecond)
	for _, k := range []struct {
		kind, source, here string
		stated             bool
	}{
		{DiffYank, yank(c.Yanked, c.YankedReason), yank(have.Yanked, have.YankedReason), true},
		{DiffPython, c.RequiresPython, have.RequiresPython, c.RequiresPython != ""},
		{
			DiffMetadata, strings.ToLower(c.MetadataSHA256), have.MetadataSHA256,
			c.MetadataSHA256 != "" && have.MetadataSHA256 != "",
		},
		{
			DiffTime, at.Format(time.RFC3339Nano), have.UploadedAt.Format(time.RFC3339Nano),
			c.TimeTrust != Unknown && o.TimeTrust != "" && o.TimeTrust == string(c.TimeTrust),
		},
	} {
		if k.stated && k.source != k.here && !(k.kind == DiffPython && sameSpecifiers(k.source, k.here)) {
			d.Kind, d.Source, d.Here = k.kind, k.source, k.here
			x.v.differ(d)
		}
	}
}

// sameSpecifiers reports whether two texts have the same clauses, however they are spaced and ordered.
func sameSpecifiers(a, b string) bool {
	clauses := func(s string) []string {
		var out []string
		for c := range strings.SplitSeq(strings.ReplaceAll(s, " ", ""), ",") {
			out = append(out, c)
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(clauses(a), clauses(b))
}
