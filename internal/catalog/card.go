package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Card is a project as lists show it: what its latest release says. It is written in the transaction that changes any of it.
type Card struct {
	ProjectID, RepositoryID    string
	Name, Display              string
	Status                     Status
	Summary                    string
	Version                    string
	Yanked                     bool // the release is, for want of another
	SourceKind                 packaging.Kind
	ReleasedAt                 time.Time
	Pythons                    []string // "3.9", "3.10": the versions that it runs on, of those that are known
	License                    string
	Classifiers                []string
	Attested                   bool // a file of the release has a verified attestation
	UploaderKind, UploaderName string
}

// CardText is what is searched and not shown.
type CardText struct{ Keywords, People, Body string }

// Required is a project that a release requires.
type Required struct {
	Name string // normal
	Text string // the requirement as written, cut to 500 bytes
}

// Sort is an order of results.
type Sort string

// The orders. The zero one is by relevance, or by time where nothing is searched for.
const (
	ByRelevance Sort = ""
	ByNewest    Sort = "newest"
	ByName      Sort = "name"
)

// SearchQuery is a search as the database is asked.
type SearchQuery struct {
	RepositoryID  string
	Words         []string // letters and digits; each must begin a word of the project's
	Name          string   // what was typed, as a project name would be
	ProjectIDs    []string // nil for all of the repository
	Classifier    string
	Python        string
	Attested      bool
	Sort          Sort
	Limit, Offset int
}

// SearchRows keeps cards, and the words by which projects are found. Cards go with their project.
type SearchRows interface {
	// PutCard adds or replaces a project's card and its words.
	PutCard(ctx context.Context, c Card, text CardText) error
	SetCardAttested(ctx context.Context, projectID string) error
	DeleteCard(ctx context.Context, projectID string) error
	CardOf(ctx context.Context, projectID string) (Card, error)
	// WithoutCards returns ids, after one of them, of projects that have releases and no card, in order.
	WithoutCards(ctx context.Context, after string, limit int) ([]string, error)
	// Search returns results, and their number, at most MaxFound + 1.
	Search(ctx context.Context, q SearchQuery) ([]Card, int, error)
	// NamesFrom returns names that begin with a prefix, in order; ids as in SearchQuery.
	NamesFrom(ctx context.Context, repositoryID, prefix string, ids []string, limit int) ([]string, error)
	// PutRequirements replaces what a project requires.
	PutRequirements(ctx context.Context, c Card, required []Required) error
	// Dependents returns the projects whose latest release requires one of that name, and their number, at most MaxFound.
	Dependents(ctx context.Context, repositoryID, name string, ids []string, limit, offset int) ([]Card, int, error)
}

// knownPythons are the versions that projects are searched by.
var knownPythons = func() (out []string) {
	for minor := 6; minor <= 20; minor++ {
		out = append(out, fmt.Sprintf("3.%d", minor))
	}
	return out
}()

// KnownPythons returns the versions of Python that projects can be searched by, oldest first.
func KnownPythons() []string { return slices.Clone(knownPythons) }

// runsOn returns which known versions of Python a Requires-Python admits.
func runsOn(requires string) []string {
	specifiers, err := packaging.ParseSpecifiers(requires)
	if err != nil {
		return nil
	}
	var out []string
	for _, text := range knownPythons {
		// The newest patch of each: a lower bound such as >=3.9.1 admits the later ones.
		v, err := packaging.ParseVersion(text + ".99")
		if err == nil && specifiers.Contains(v) {
			out = append(out, text)
		}
	}
	return out
}

// What of a description and of a list is searched, in bytes and items.
const (
	maxBody        = 32 << 10
	maxRequired    = 1_000
	maxRequirement = 500
)

// card makes a project's card of a release and the file that stands for it.
func card(p Project, s Summary, f File, m packaging.Metadata) (Card, CardText) {
	c := Card{
		ProjectID: p.ID, RepositoryID: p.Repository.ID, Name: p.Name.String(), Display: p.Display, Status: p.Status,
		Summary: cutBytes(m.Summary, 1000), Version: s.Version, Yanked: s.Yanked, SourceKind: f.Kind, ReleasedAt: s.CreatedAt, Pythons: runsOn(m.RequiresPython),
		License: licenseOf(m), Classifiers: m.Classifiers, Attested: f.Attested, UploaderKind: f.Uploader.Kind, UploaderName: f.Uploader.Name,
	}
	return c, CardText{
		Keywords: m.Keywords, People: strings.Join([]string{m.Author, m.AuthorEmail, m.Maintainer, m.MaintainerEmail}, " "), Body: cutBytes(m.Description, maxBody),
	}
}

func licenseOf(m packaging.Metadata) string {
	if m.LicenseExpression != "" {
		return cutBytes(m.LicenseExpression, 200)
	}
	first, _, _ := strings.Cut(m.License, "\n")
	return cutBytes(first, 200)
}

// cutBytes shortens a text to at most n bytes, between characters.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// required reads the names of what a release requires.
func required(m packaging.Metadata) []Required {
	var out []Required
	for _, text := range m.RequiresDist[:min(len(m.RequiresDist), maxRequired)] {
		if r, err := packaging.ParseRequirement(text); err == nil {
			out = append(out, Required{r.Name.String(), cutBytes(text, maxRequirement)})
		}
	}
	return out
}

// putCard writes a project's card of its latest release, or takes it away where there is none.
func putCard(ctx context.Context, tx Tx, p Project) error {
	all, err := tx.Summaries(ctx, p.ID)
	if err != nil {
		return err
	}
	for i := range all {
		all[i].parse()
	}
	s := newest(all)
	if s.ID == "" {
		return tx.DeleteCard(ctx, p.ID)
	}
	files, err := tx.FilesOfRelease(ctx, s.ID)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return tx.DeleteCard(ctx, p.ID)
	}
	f := telling(files)
	m, err := tx.Metadata(ctx, f.ID)
	if err != nil {
		return err
	}
	f.Attested = slices.ContainsFunc(files, func(f File) bool { return f.Attested })
	return writeCard(ctx, tx, p, s, f, m)
}

func writeCard(ctx context.Context, tx Tx, p Project, s Summary, f File, m packaging.Metadata) error {
	c, text := card(p, s, f, m)
	if err := tx.PutCard(ctx, c, text); err != nil {
		return err
	}
	return tx.PutRequirements(ctx, c, required(m))
}

// AddToCard brings a project's card up to date with a file that was added to a release, with its metadata. It reads the card
// alone, whatever the number of releases: they are looked at afresh only when something else than an upload changes them.
func AddToCard(ctx context.Context, tx Tx, p Project, f File, m packaging.Metadata) error {
	now, err := tx.CardOf(ctx, p.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	added := Summary{Release: Release{Version: f.Version, CreatedAt: f.UploadedAt}}
	added.parse()
	if err == nil {
		shown := Summary{Release: Release{Version: now.Version}, Yanked: now.Yanked}
		shown.parse()
		switch {
		case shown.parsed.Compare(added.parsed) == 0 && !now.Yanked:
			return addToRelease(ctx, tx, p, now, f, m)
		case now.Yanked:
			return putCard(ctx, tx, p)
		case !shown.rank().below(added.rank()):
			return nil
		}
	}
	rel, err := tx.ReleaseByKey(ctx, p.ID, added.parsed.Key())
	if err != nil {
		return err
	}
	added.CreatedAt = rel.CreatedAt
	return writeCard(ctx, tx, p, added, f, m)
}

// addToRelease is AddToCard for one more file of the release that the card shows: a wheel says more than an sdist.
func addToRelease(ctx context.Context, tx Tx, p Project, now Card, f File, m packaging.Metadata) error {
	if now.SourceKind != packaging.Wheel && f.Kind == packaging.Wheel {
		s := Summary{Release: Release{Version: now.Version, CreatedAt: now.ReleasedAt}}
		f.Attested = f.Attested || now.Attested
		return writeCard(ctx, tx, p, s, f, m)
	}
	if f.Attested && !now.Attested {
		return tx.SetCardAttested(ctx, p.ID)
	}
	return nil
}

// backfillBatch is how many projects get their cards in one transaction.
const backfillBatch = 50

// Backfill gives cards to projects that were made before there were any, a few at a time, until none is left or ctx ends.
// It goes on where it stopped, and two processes may do it at once.
func (x *Index) Backfill(ctx context.Context) error {
	for after := ""; ; {
		var ids []string
		err := x.store.Update(ctx, func(tx Tx) (err error) {
			if ids, err = tx.WithoutCards(ctx, after, backfillBatch); err != nil {
				return err
			}
			for _, id := range ids {
				p, err := tx.ProjectByID(ctx, id)
				if err == nil {
					err = putCard(ctx, tx, p)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(ids) < backfillBatch {
			return err
		}
		after = ids[len(ids)-1]
	}
}
