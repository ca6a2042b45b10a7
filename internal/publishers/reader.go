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

// Reader is a rule that trusts workloads to read. Workloads whose verified claims match may see a repository, or some
// projects of it. Its Publisher is the rule itself; the ID is the reader's.
type Reader struct {
	Publisher
	RepositoryID string
	Whole        bool            // the whole repository; Projects is empty
	Projects     []ReaderProject // by normal name; if empty and not Whole, the reader grants nothing
}

// ReaderProject is a project that a reader names.
type ReaderProject struct{ ID, Name string }

const maxReaderProjects = 500 // of one reader

// ReaderRequest is a request to let a workload read.
type ReaderRequest struct {
	Provider   string            // Provider.Name: "github"
	Issuer     string            // exact "iss"; "" for the provider's default
	Repository string            // of this index; "" for main
	Projects   []string          // in any spelling; none for the whole repository
	Fields     map[string]string // see Provider.Compile
}

// ListedReader is a reader in a listing.
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
	Unserved   string            `json:"warning,omitempty"` // if the server does not have the issuer

	Warning string `json:"-"` // from AddReader: why it is not pinned; "" if it is, or if its kind never is
}

// AddReader allows a workload to read a repository, or some projects of it. It returns fault.Unauthenticated for an
// anonymous caller, and fault.NotFound unless the caller is an administrator or owns the repository or all of the
// projects. It returns a fault.Invalid that names the malformed field, and fault.Conflict if the reader exists already.
func (r *Registry) AddReader(ctx context.Context, who access.Caller, req ReaderRequest) (ListedReader, error) {
	if err := CheckKnown(who); err != nil {
		return ListedReader{}, err
	}
	wanted, err := parseNames(req.Projects)
	if err != nil {
		return ListedReader{}, err
	}
	// Check permission before calling the issuer's API. The transaction checks it again.
	err = r.store.View(ctx, func(tx Tx) error {
		_, _, err := readerFor(ctx, tx, who, req.Repository, wanted)
		return err
	})
	if err != nil {
		return ListedReader{}, err
	}
	rule, warning, err := r.compile(ctx, who, AddRequest{Provider: req.Provider, Issuer: req.Issuer, Fields: req.Fields},
		r.o.Now())
	if err != nil {
		return ListedReader{}, err
	}
	var out ListedReader
	err = access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) error {
		// Incrementing the serial first serializes concurrent calls, so that the second one sees the first one's reader. It
		// also invalidates cached callers.
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		rd, repo, err := readerFor(ctx, tx, who, req.Repository, wanted)
		if err != nil {
			return err
		}
		rd.Publisher = rule
		if err := sameReader(ctx, tx, rd); err != nil {
			return err
		}
		if err := tx.InsertReader(ctx, rd); err != nil {
			return err
		}
		out = r.listed(rd, repo.Name)
		return tx.InsertAudit(ctx, r.readerEntry("reader.add", who.Actor(), rd, rd.CreatedAt))
	})
	out.Warning = warning
	return out, err
}

func parseNames(in []string) ([]packaging.ProjectName, error) {
	if len(in) > maxReaderProjects {
		return nil, fault.New(fault.Invalid, "a reader can name at most %d projects", maxReaderProjects)
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

// readerFor returns a reader without its rule, and its repository, if the caller may change readers there. It returns
// the same fault.NotFound if the place does not exist and if the caller may not.
func readerFor(ctx context.Context, tx Tx, who access.Caller, repository string,
	wanted []packaging.ProjectName,
) (Reader, catalog.Repository, error) {
	absent := fault.New(fault.NotFound,
		"there is no repository %.100q here whose readers you may change: name projects that you own",
		repositoryName(repository))
	repo, err := tx.RepositoryByName(ctx, repositoryName(repository))
	if fault.Is(err, fault.NotFound) {
		return Reader{}, repo, absent
	} else if err != nil {
		return Reader{}, repo, err
	}
	rd := Reader{RepositoryID: repo.ID, Whole: len(wanted) == 0}
	for _, name := range wanted {
		project, err := tx.ProjectByName(ctx, repo.ID, name)
		if fault.Is(err, fault.NotFound) || err == nil && !mayRule(who, repo, false, []catalog.Project{project}) {
			return rd, repo, fault.New(fault.NotFound, "there is no project %s here whose readers you may change", name)
		} else if err != nil {
			return rd, repo, err
		}
		rd.Projects = append(rd.Projects, ReaderProject{project.ID, project.Name.String()})
	}
	if rd.Whole && !mayRule(who, repo, true, nil) {
		err = absent
	}
	return rd, repo, err
}

// sameReader returns fault.Conflict if a reader with the same rule, owner and projects exists. A pinned reader also
// conflicts with an unpinned one, which would trust the next account that takes the owner's name.
func sameReader(ctx context.Context, tx Tx, rd Reader) error {
	all, err := tx.ReadersFor(ctx, rd.Issuer, Key{rd.Provider, rd.Lookup})
	if err != nil {
		return err
	}
	for _, q := range all {
		same := q.RepositoryID == rd.RepositoryID && q.Whole == rd.Whole && slices.Equal(q.Projects, rd.Projects)
		if same && SameRule(q.Publisher, rd.Publisher) && (rd.OwnerID == "" || rd.OwnerID == q.OwnerID) {
			return fault.New(fault.Conflict, "this reader is already registered, as %s", q.ID)
		}
	}
	return nil
}

func (r *Registry) listed(rd Reader, repository string) ListedReader {
	l := ListedReader{
		ID: rd.ID, Repository: repository, Projects: []string{}, Whole: rd.Whole, Provider: rd.Provider, Issuer: rd.Issuer,
		Fields: rd.Fields, OwnerID: rd.OwnerID, Sentence: r.Sentence(rd.Publisher), AddedAt: rd.CreatedAt,
		Unserved: r.unserved(rd.Publisher),
	}
	for _, p := range rd.Projects {
		l.Projects = append(l.Projects, p.Name)
	}
	return l
}

// Readers returns the readers that the caller may change, by repository and time. It returns fault.Unauthenticated for
// an anonymous caller.
func (r *Registry) Readers(ctx context.Context, who access.Caller) (out []ListedReader, err error) {
	if err := CheckKnown(who); err != nil {
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

func ruledBy(ctx context.Context, tx Tx, who access.Caller, rd Reader) (catalog.Repository, bool, error) {
	repo, err := RepositoryByID(ctx, tx, rd.RepositoryID)
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

// RemoveReader removes a reader. The removal takes effect on the next request of its tokens. RemoveReader returns the
// same fault.NotFound if the id does not exist and if the caller may not remove the reader, and fault.Unauthenticated
// for an anonymous caller.
func (r *Registry) RemoveReader(ctx context.Context, who access.Caller, id string) error {
	if err := CheckKnown(who); err != nil {
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
		if _, ok, err := ruledBy(ctx, tx, who, rd); err != nil || !ok {
			return cmp.Or(err, absent)
		}
		if _, err := tx.DeleteReader(ctx, rd.ID); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, r.readerEntry("reader.remove", who.Actor(), rd, r.o.Now()))
	})
}

func (r *Registry) readerEntry(action string, by audit.Actor, rd Reader, at time.Time) audit.Entry {
	e := r.entry(action, by, catalog.Project{Repository: catalog.Repository{ID: rd.RepositoryID}}, rd.ID, at,
		r.ReaderDetail(rd))
	if len(rd.Projects) == 1 {
		e.Project = rd.Projects[0].Name
	}
	return e
}

// mayRule reports whether the caller may change a reader: an administrator, an owner of the repository, or, for a
// reader of some projects, an owner of all of them.
func mayRule(who access.Caller, repo catalog.Repository, whole bool, projects []catalog.Project) bool {
	if who.Admin() || who.May(access.Owner, repo.Object()) {
		return true
	}
	foreign := slices.ContainsFunc(projects, func(p catalog.Project) bool { return !MayManage(who, p) })
	return !whole && len(projects) > 0 && !foreign
}
