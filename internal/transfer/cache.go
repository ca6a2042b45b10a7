package transfer

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/pages"
)

// Cache is the cache of an upstream, into which an import puts the files of a mirror.
type Cache struct {
	Upstream upstream.Upstream
	Pages    *pages.Pages
	Files    *files.Files
}

// errNotTheirs is the refusal of a name that does not belong to the upstream.
func errNotTheirs(u upstream.Upstream, o catalog.Ownership, name packaging.ProjectName) error {
	switch {
	case !u.MayAsk(name):
		return fault.New(fault.Denied, "the settings names, allow and deny of upstream %s exclude it", u.Name)
	case o.Origin == catalog.Own, o.Origin == catalog.Adopted:
		return fault.New(fault.Conflict, "the name is this index's own")
	case o.Private && u.Kind != upstream.Private:
		return fault.New(fault.Conflict, "the name belongs to a private upstream")
	case o.Upstream != "" && o.Upstream != u.Name && u.Kind != upstream.Private && !u.Lists(name):
		return fault.New(fault.Conflict, "the name belongs to upstream %s", o.Upstream)
	}
	return nil
}

// cacheProject imports the files of a project into the cache of the upstream, and then its page.
func (r *run) cacheProject(ctx context.Context, p Project) error {
	u := r.Cache.Upstream
	r.change(func(s *Summary) { s.Projects++ })
	if err := r.mayCache(ctx, p.Name); err != nil {
		if ctx.Err() != nil || fault.KindOf(err) == fault.Internal || fault.Is(err, fault.Unavailable) {
			return err
		}
		for _, c := range mustCandidates(p) {
			r.count(p, c, ingest.Outcome{State: ingest.Refused, Reason: fault.Message(err)}, err)
		}
		return nil
	}
	var listed page.Page
	listed.Status, listed.StatusReason = string(statusOf(p.Status)), p.StatusReason
	for _, c := range mustCandidates(p) {
		if c.err != nil {
			r.count(p, c, ingest.Outcome{State: ingest.Refused, Reason: fault.Message(c.err)}, c.err)
			continue
		}
		f, outcome, err := r.cacheFile(ctx, u, c)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			listed.Files = append(listed.Files, f)
		case errors.Is(err, errUnreadable), fault.Is(err, fault.Conflict), fault.Is(err, fault.TooLarge),
			fault.Is(err, fault.Invalid):
		default:
			return err
		}
		r.count(p, c, outcome, err)
	}
	if len(listed.Files) == 0 {
		return nil
	}
	if err := listed.Check(p.Name); err != nil {
		return err
	}
	o, err := r.Index.ClaimUpstream(ctx, r.plan.repository.ID, p.Name, u)
	if err != nil || o.Upstream != u.Name {
		return err
	}
	now := r.now().UTC()
	_, err = r.Cache.Pages.Import(ctx, u, pages.Row{
		Key: pages.Key{Upstream: u.Name, Name: p.Name}, URL: strings.TrimSuffix(u.URL, "/") + "/" + p.Name.String() + "/",
		FetchedAt: now, CheckedAt: now,
	}, listed)
	if err == nil {
		r.change(func(s *Summary) { s.NewProjects++ })
	}
	return err
}

func mustCandidates(p Project) []candidate {
	all, _ := candidates(p)
	return all
}

// mayCache returns an error if the name does not belong to the upstream.
func (r *run) mayCache(ctx context.Context, name packaging.ProjectName) error {
	at, err := r.Index.Stamp(ctx)
	if err != nil {
		return err
	}
	chain, err := r.Index.Chain(ctx, at, r.plan.repository)
	if err != nil {
		return err
	}
	var ids []string
	for _, s := range chain {
		if s.Upstream == "" {
			ids = append(ids, s.Repository.ID)
		}
	}
	o, err := r.Index.OriginOf(ctx, at, ids, name)
	if err != nil {
		return err
	}
	return errNotTheirs(r.Cache.Upstream, o, name)
}

// DrawsOn returns fault.Invalid unless a repository draws on an upstream.
func DrawsOn(chain []catalog.Source, r catalog.Repository, name string) error {
	if slices.ContainsFunc(chain, func(s catalog.Source) bool { return s.Upstream == name }) {
		return nil
	}
	return fault.New(fault.Invalid,
		"repository %s does not draw on upstream %s: see index repository set %[1]s --base upstream:%[2]s", r.Name, name)
}

// cacheFile puts a file into the cache, and returns it as the page of the upstream lists it.
func (r *run) cacheFile(ctx context.Context, u upstream.Upstream, c candidate) (page.File, ingest.Outcome, error) {
	f := page.File{
		Filename: c.Filename, URL: c.URL, Kind: c.name.Kind(), Version: c.name.Version().String(),
		SHA256: strings.ToLower(c.Hashes["sha256"]), Size: c.Size, RequiresPython: c.RequiresPython, Yanked: c.Yanked,
		YankedReason: c.YankedReason,
	}
	if c.TimeTrust == Stated {
		f.Uploaded = c.UploadedAt.UTC().Truncate(time.Microsecond)
	}
	if f.URL == "" {
		f.URL = strings.TrimSuffix(u.URL, "/") + "/" + url.PathEscape(c.Filename)
	}
	got, err := r.read(ctx, r.source, r.options, catalog.Limits{}, c.File, r.rate)
	if err != nil {
		return f, ingest.Outcome{}, err
	}
	defer got.Discard()
	var document []byte
	if c.Provenance {
		if document, err = r.source.Provenance(ctx, c.File); err != nil {
			return f, ingest.Outcome{}, unreadable(err)
		}
		if document != nil {
			f.Provenance = f.URL + ".provenance"
		}
	}
	sum := got.in.Digests().SHA256
	f.SHA256, f.Size = sum, got.in.Size()
	o := ingest.Outcome{Place: c.Place, Filename: c.Filename, SHA256: sum, State: ingest.Present}
	added, err := r.Cache.Files.Import(ctx, u, f, sum, f.Size, sectionOf(got))
	if err != nil {
		o.State, o.Reason = ingest.Refused, fault.Message(err)
		if fault.Is(err, fault.Conflict) {
			o.State = ingest.Conflict
		}
		return f, o, err
	}
	if added {
		o.State = ingest.Done
		r.change(func(s *Summary) { s.Bytes += f.Size })
	}
	if document != nil {
		err = r.Cache.Files.ImportProvenance(ctx, u, f, document, r.now())
	}
	return f, o, err
}
