package publishers

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
)

// maxReaderProjects bounds how many projects one reader names.
const maxReaderProjects = 500

// ReaderRequest is what somebody typed to let a workload read.
type ReaderRequest struct {
	Provider   string            // Provider.Name: "github"
	Issuer     string            // exact "iss"; "" for the provider's own
	Repository string            // of this index; "" for main
	Projects   []string          // in any spelling; none for the whole repository
	Fields     map[string]string // see Provider.Compile
}

// ListedReader is a reader as listings show it.
type ListedReader struct {
	ID         string            `json:"id"`
	Repository string            `json:"repository"` // of this index
	Projects   []string          `json:"projects"`   // normal names; empty for the whole repository
	Whole      bool              `json:"whole_repository"`
	Provider   string            `json:"provider"`
	Issuer     string            `json:"issuer"`
	Fields     map[string]string `json:"fields"`
	OwnerID    string            `json:"owner_id,omitempty"`
	Sentence   string            `json:"reader"`
	AddedAt    time.Time         `json:"added_at"`

	Warning string `json:"-"` // of AddReader: why it is not pinned, "" where it is or cannot be
}

// readerPlace is where a reader is to read.
type readerPlace struct {
	repository catalog.Repository
	whole      bool
	projects   []catalog.Project // by normal name, each once
}

// AddReader lets a workload read a repository, or some projects of it. Only administrators and owners of the repository
// may, and for projects the owners of all of them; others get the fault.NotFound of what does not exist, and nobody gets
// fault.Unauthenticated. fault.Invalid names the field that is wrong; fault.Conflict is for a reader that is there already.
func (r *Registry) AddReader(ctx context.Context, who access.Caller, req ReaderRequest) (ListedReader, error) {
	if err := known(who); err != nil {
		return ListedReader{}, err
	}
	wanted, err := parseNames(req.Projects)
	if err != nil {
		return ListedReader{}, err
	}
	// Permission comes before the issuer's API is asked, and again in the transaction that writes.
	err = r.store.View(ctx, func(tx Tx) error {
		_, err := readerPlaceFor(ctx, tx, who, req.Repository, wanted)
		return err
	})
	if err != nil {
		return ListedReader{}, err
	}
	rule, warning, err := r.compile(ctx, who, AddRequest{Provider: req.Provider, Issuer: req.Issuer, Fields: req.Fields}, r.o.Now())
	if err != nil {
		return ListedReader{}, err
	}
	var out ListedReader
	err = access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) (err error) {
		out, err = r.insertReader(ctx, tx, who, req.Repository, wanted, rule)
		return err
	})
	out.Warning = warning
	return out, err
}

func parseNames(in []string) ([]packaging.ProjectName, error) {
	if len(in) > maxReaderProjects {
		return nil, fault.New(fault.Invalid, "a reader names at most %d projects", maxReaderProjects)
	}
	var out []packaging.ProjectName
	for _, s := range in {
		name, err := packaging.ParseProjectName(s)
		if err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	slices.SortFunc(out, func(a, b packaging.ProjectName) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(out), nil
}

// readerPlaceFor returns a place where who says who reads. What does not exist and what is not who's to say give the same
// fault.NotFound.
func readerPlaceFor(ctx context.Context, tx Tx, who access.Caller, repository string, wanted []packaging.ProjectName) (readerPlace, error) {
	absent := fault.New(fault.NotFound, "there is no repository %.100q here whose readers you may change: name projects that you own", repositoryName(repository))
	repo, err := tx.RepositoryByName(ctx, repositoryName(repository))
	if fault.Is(err, fault.NotFound) {
		return readerPlace{}, absent
	} else if err != nil {
		return readerPlace{}, err
	}
	p := readerPlace{repository: repo, whole: len(wanted) == 0}
	for _, name := range wanted {
		project, err := tx.ProjectByName(ctx, repo.ID, name)
		if fault.Is(err, fault.NotFound) || err == nil && !mayRule(who, repo, false, []catalog.Project{project}) {
			return p, fault.New(fault.NotFound, "there is no project %s here whose readers you may change", name)
		} else if err != nil {
			return p, err
		}
		p.projects = append(p.projects, project)
	}
	if !mayRule(who, repo, p.whole, p.projects) {
		return p, absent
	}
	return p, nil
}

func (r *Registry) insertReader(ctx context.Context, tx Tx, who access.Caller, repository string, wanted []packaging.ProjectName, rule Publisher) (ListedReader, error) {
	// First, so that of two who add the same at once the later one sees the other's. It is also needed: callers are kept in
	// memory while the counter stands still.
	if _, err := tx.NextSerial(ctx); err != nil {
		return ListedReader{}, err
	}
	place, err := readerPlaceFor(ctx, tx, who, repository, wanted)
	if err != nil {
		return ListedReader{}, err
	}
	rd := Reader{Publisher: rule, RepositoryID: place.repository.ID, Whole: place.whole}
	for _, p := range place.projects {
		rd.Projects = append(rd.Projects, ReaderProject{p.ID, p.Name.String()})
	}
	if err := sameReader(ctx, tx, rd); err != nil {
		return ListedReader{}, err
	}
	if err := tx.InsertReader(ctx, rd); err != nil {
		return ListedReader{}, err
	}
	return r.listed(rd, place.repository.Name), tx.InsertAudit(ctx, r.readerEntry("reader.add", who.Actor(), rd, rd.CreatedAt))
}

// sameReader returns fault.Conflict where a reader says the same as rd. One that is pinned stands in the way of one that is
// not: a loose copy would be open to whoever takes the owner's name next.
func sameReader(ctx context.Context, tx Tx, rd Reader) error {
	all, err := tx.ReadersFor(ctx, rd.Issuer, rd.Provider, rd.Lookup)
	if err != nil {
		return err
	}
	for _, q := range all {
		same := q.RepositoryID == rd.RepositoryID && q.Whole == rd.Whole && slices.Equal(q.Projects, rd.Projects)
		if same && equalRules(q.Publisher, rd.Publisher) && (rd.OwnerID == "" || rd.OwnerID == q.OwnerID) {
			return fault.New(fault.Conflict, "this reader is already registered, as %s", q.ID)
		}
	}
	return nil
}

func (r *Registry) listed(rd Reader, repository string) ListedReader {
	l := ListedReader{
		ID: rd.ID, Repository: repository, Projects: []string{}, Whole: rd.Whole, Provider: rd.Provider, Issuer: rd.Issuer,
		Fields: rd.Fields, OwnerID: rd.OwnerID, Sentence: r.sentence(rd.Publisher), AddedAt: rd.CreatedAt,
	}
	for _, p := range rd.Projects {
		l.Projects = append(l.Projects, p.Name)
	}
	return l
}

// Readers returns the readers that who may change, by repository and time. Nobody gets fault.Unauthenticated.
func (r *Registry) Readers(ctx context.Context, who access.Caller) (out []ListedReader, err error) {
	if err := known(who); err != nil {
		return nil, err
	}
	err = r.store.View(ctx, func(tx Tx) error {
		out = nil
		all, err := tx.ReadersAll(ctx)
		if err != nil {
			return err
		}
		for _, rd := range all {
			repo, ok, err := ruledBy(ctx, tx, who, rd)
			if err != nil {
				return err
			}
			if ok {
				out = append(out, r.listed(rd, repo.Name))
			}
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b ListedReader) int { return cmp.Compare(a.Repository, b.Repository) })
	return out, err
}

// ruledBy reports whether a reader is who's to see and remove.
func ruledBy(ctx context.Context, tx Tx, who access.Caller, rd Reader) (catalog.Repository, bool, error) {
	repo, err := repositoryByID(ctx, tx, rd.RepositoryID)
	if err != nil {
		return repo, false, err
	}
	var projects []catalog.Project
	for _, l := range rd.Projects {
		p, err := tx.ProjectByID(ctx, l.ID)
		if err != nil {
			return repo, false, err
		}
		projects = append(projects, p)
	}
	return repo, mayRule(who, repo, rd.Whole, projects), nil
}

// RemoveReader ends the trust in a reader; tokens minted for it see nothing by it from their next request on. An id that
// does not exist and one that is not who's business are the same fault.NotFound; nobody gets fault.Unauthenticated.
func (r *Registry) RemoveReader(ctx context.Context, who access.Caller, id string) error {
	if err := known(who); err != nil {
		return err
	}
	absent := fault.New(fault.NotFound, "there is no reader %.80q that you may remove", id)
	return access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) error {
		rd, err := tx.ReaderByID(ctx, id)
		if fault.Is(err, fault.NotFound) {
			return absent
		} else if err != nil {
			return err
		}
		if _, ok, err := ruledBy(ctx, tx, who, rd); err != nil {
			return err
		} else if !ok {
			return absent
		}
		return r.dropReader(ctx, tx, who.Actor(), rd)
	})
}

func (r *Registry) dropReader(ctx context.Context, tx Tx, by audit.Actor, rd Reader) error {
	if _, err := tx.DeleteReader(ctx, rd.ID); err != nil {
		return err
	}
	if _, err := tx.NextSerial(ctx); err != nil {
		return err
	}
	return tx.InsertAudit(ctx, r.readerEntry("reader.remove", by, rd, r.o.Now()))
}
