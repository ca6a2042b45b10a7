package resolve

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
)

// survey keeps how many files of each project are held and denied in each repository. A project is decided about again
// when something that decides about it has changed, or when time alone changes a decision; the pages of all others are
// not read. It keeps numbers alone, of at most maxSurveyed projects.
type survey struct {
	mu      sync.Mutex
	entries map[surveyKey]*surveyed
	known   map[string]surveyCount // by the name of a repository
	running *surveyRound
	last    surveyRound // that ended without an error
	round   int

	seed maphash.Seed
	ctx  context.Context // of the work in the background, which outlives the requests that begin it
	stop context.CancelFunc
	work sync.WaitGroup

	pages, decided atomic.Int64 // stored pages that were read, and files that were decided about
}

// Bounds of a survey.
const (
	maxSurveyed = 200_000         // projects, once for each repository
	surveyAgain = time.Second     // in which a survey counts as current, unless the index changes
	surveyWait  = 2 * time.Second // for which a caller waits for a survey
)

func newSurvey() *survey {
	s := &survey{entries: map[surveyKey]*surveyed{}, known: map[string]surveyCount{}, seed: maphash.MakeSeed()}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

func (s *survey) close() {
	s.stop()
	s.work.Wait()
}

// surveyKey is a project in a repository. own tells its files of this index from those of an upstream.
type surveyKey struct {
	repository string
	project    packaging.ProjectName
	own        bool
}

// surveyed is what is known of a project.
type surveyed struct {
	inputs   uint64 // of everything that decided
	until    int64  // when a decision changes by time alone, in nanoseconds since 1970; 0 if none does
	round    int    // the last one that found the project
	upstream string // that has the files; "" for files of this index
	behind   *catalog.Project
	tallies  []tallied
}

// surveyCount is the number of projects of a repository.
type surveyCount struct{ all, read, beyond int }

// surveyRound is one look at everything.
type surveyRound struct {
	at    memo.Stamp // that it began with
	ended time.Time
	until int64 // the nearest of its entries
	done  chan struct{}
	err   error
}

// look brings the survey up to date. Unless whole is set, it stops waiting after a while, and the survey goes on.
func (x *Reader) look(ctx context.Context, whole bool) error {
	at, err := x.index.Stamp(ctx)
	if err != nil || x.o.Upstreams == nil || x.o.Files == nil {
		return err
	}
	var late <-chan time.Time
	if !whole {
		t := time.NewTimer(surveyWait)
		defer t.Stop()
		late = t.C
	}
	for range 2 { // a round that others began may have begun before the last change
		r := x.begin(at)
		if r == nil {
			return nil
		}
		select {
		case <-late:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-r.done:
		}
		if r.err != nil || !at.After(r.at) {
			return r.err
		}
	}
	return nil
}

// begin returns the round that is running, which it begins if the last one is not current, or nil.
func (x *Reader) begin(at memo.Stamp) *surveyRound {
	s, now := x.survey, x.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return s.running
	}
	if l := &s.last; l.at == at && now.Sub(l.ended) < surveyAgain && (l.until == 0 || now.UnixNano() < l.until) {
		return nil
	}
	r := &surveyRound{at: at, done: make(chan struct{})}
	s.running = r
	s.work.Go(func() {
		r.err = x.surveyAll(s.ctx, r)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.running = nil; r.err == nil {
			r.ended = x.o.Now()
			s.last = *r
		}
		close(r.done)
	})
	return r
}

// surveyAll looks at every project of every repository.
func (x *Reader) surveyAll(ctx context.Context, r *surveyRound) error {
	plan, err := x.plan(ctx, r.at)
	if err != nil {
		return err
	}
	s := x.survey
	s.mu.Lock()
	s.round++
	s.known = map[string]surveyCount{}
	left := maxSurveyed
	for i := range plan.steps {
		p := &plan.steps[i]
		n := surveyCount{all: len(p.names) + len(p.own)}
		n.beyond = max(0, n.all-left)
		left -= n.all - n.beyond
		p.limit = n.all - n.beyond
		s.known[p.o.Repository.Name] = n
	}
	s.mu.Unlock()
	for i := range plan.steps {
		if err := x.surveyRepository(ctx, plan, &plan.steps[i]); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, e := range s.entries {
		if e.round != s.round {
			delete(s.entries, k)
		} else if e.until != 0 && (r.until == 0 || e.until < r.until) {
			r.until = e.until
		}
	}
	return nil
}

// surveyPlan is what a round looks at.
type surveyPlan struct {
	steps []surveyStep
	heads map[string]map[packaging.ProjectName]pages.Head // by upstream
	noted map[string]map[string]bool                      // see Files.Noted
}

// surveyStep is a repository with the projects to look at.
type surveyStep struct {
	o     opened
	names []packaging.ProjectName // that upstreams answered
	own   []packaging.ProjectName // of the repository itself, about which people decided
	limit int                     // of both together
}

func (x *Reader) plan(ctx context.Context, at memo.Stamp) (*surveyPlan, error) {
	p := &surveyPlan{heads: map[string]map[packaging.ProjectName]pages.Head{}, noted: map[string]map[string]bool{}}
	repositories, err := x.index.Repositories(ctx, x.o.Surveyor)
	if err != nil {
		return nil, err
	}
	for _, r := range repositories {
		step := surveyStep{o: opened{Repository: r, At: at}}
		if step.o.chain, err = x.index.Chain(ctx, at, r); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(step.o.chain, func(s catalog.Source) bool { return s.Upstream != "" }) {
			if step.names, err = x.index.SeenNames(ctx, r.ID); err != nil {
				return nil, err
			}
		}
		if step.own, err = x.ruledOwn(ctx, step.o); err != nil {
			return nil, err
		}
		p.steps = append(p.steps, step)
	}
	all, err := x.o.Upstreams.All(ctx, at)
	if err != nil {
		return nil, err
	}
	for _, u := range all {
		if p.heads[u.Name], err = x.o.Pages.Heads(ctx, u, maxSurveyed); err != nil {
			return nil, err
		}
		if p.noted[u.Name], err = x.o.Files.Noted(ctx, u); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// ruledOwn returns the projects of a repository itself that denials and pins are about, or denied content is in.
func (x *Reader) ruledOwn(ctx context.Context, o opened) (out []packaging.ProjectName, err error) {
	if x.o.Rulings == nil {
		return nil, nil
	}
	projects, contents, err := x.o.Rulings.Ruled(ctx, o.At)
	if err != nil {
		return nil, err
	}
	seen := map[packaging.ProjectName]bool{}
	for _, name := range projects {
		_, _, err := x.index.ProjectAt(ctx, x.o.Surveyor, o.At, o.Repository, name)
		if seen[name] = err == nil; err != nil && !catalog.IsMissing(err) {
			return nil, err
		}
	}
	for _, sha256 := range contents {
		names, err := x.index.ProjectsWith(ctx, o.Repository.ID, sha256)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			seen[name] = true
		}
	}
	for name, is := range seen {
		if is {
			out = append(out, name)
		}
	}
	return out, nil
}

func (x *Reader) surveyRepository(ctx context.Context, p *surveyPlan, step *surveyStep) error {
	repository, n := step.o.Repository.Name, 0
	done := func(k surveyKey, e *surveyed) {
		s := x.survey
		s.mu.Lock()
		defer s.mu.Unlock()
		if e != nil {
			e.round = s.round
			s.entries[k] = e
		}
		n++
		count := s.known[repository]
		count.read = n
		s.known[repository] = count
	}
	for _, name := range step.own[:min(len(step.own), step.limit)] {
		k := surveyKey{repository, name, true}
		e, err := x.surveyOwn(ctx, step.o, k)
		if err != nil {
			return err
		}
		done(k, e)
	}
	for _, name := range step.names[:min(len(step.names), step.limit-n)] {
		k := surveyKey{repository, name, false}
		e, err := x.surveyForeign(ctx, p, step.o, k)
		if err != nil {
			return err
		}
		done(k, e)
	}
	return ctx.Err()
}

// stillHolds returns the entry of a project if its decisions still hold, or nil.
func (x *Reader) stillHolds(k surveyKey, inputs uint64) *surveyed {
	s, now := x.survey, x.o.Now().UnixNano()
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[k]; e != nil && e.inputs == inputs && (e.until == 0 || now < e.until) {
		return e
	}
	return nil
}

// surveyOwn looks at a project of the repository itself. It returns nil if there is none.
func (x *Reader) surveyOwn(ctx context.Context, o opened, k surveyKey) (*surveyed, error) {
	p, _, err := x.index.ProjectAt(ctx, x.o.Surveyor, o.At, o.Repository, k.project)
	if catalog.IsMissing(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	standing, err := x.standing(ctx, o.At, k.project)
	if err != nil {
		return nil, err
	}
	inputs := x.inputs(p.ID, p.Stamp(), p.Status, standing.Revision)
	if e := x.stillHolds(k, inputs); e != nil {
		return e, nil
	}
	t, err := x.ownTable(ctx, o, k.project)
	if err != nil || t == nil {
		return nil, err
	}
	return t.surveyed(inputs), nil
}

// surveyForeign looks at a project of an upstream. It returns nil if no page of it is stored.
func (x *Reader) surveyForeign(ctx context.Context, p *surveyPlan, o opened, k surveyKey) (*surveyed, error) {
	var head pages.Head
	v, err := x.storedView(ctx, o, k.project, func(u *upstream.Upstream) (stored bool, err error) {
		head, stored = p.heads[u.Name][k.project]
		return stored, nil
	})
	if err != nil || v == nil {
		return nil, err
	}
	if v.denied {
		t, err := x.foreignTable(ctx, v)
		if err != nil || t == nil {
			return nil, err
		}
		return t.surveyed(0), nil
	}
	inputs, err := x.inputsOf(ctx, v, head, p.noted[v.Upstream.Name][k.project.String()])
	if err != nil {
		return nil, err
	}
	if e := x.stillHolds(k, inputs); e != nil {
		return e, nil
	}
	stored := false
	if v.held, stored, err = x.o.Pages.Stored(ctx, v.Upstream, k.project); err != nil || !stored {
		return nil, err
	}
	x.survey.pages.Add(1)
	t, err := x.foreignTable(ctx, v)
	if err != nil || t == nil {
		return nil, err
	}
	return t.surveyed(inputs), nil
}

// inputsOf returns a number that differs whenever something differs that decides about the files of a view.
func (x *Reader) inputsOf(ctx context.Context, v *View, head pages.Head, noted bool) (n uint64, err error) {
	var pinned, examined string
	if noted {
		pinned, examined, err = x.noted(ctx, v)
	} else {
		v.ruled, err = x.rule(ctx, v)
	}
	if err != nil {
		return 0, err
	}
	feeds := v.ruled.feeds
	old := !feeds.OldAt.IsZero() && !x.o.Now().Before(feeds.OldAt)
	return x.inputs(head, v.Upstream.Name, v.Upstream.Revision, v.Upstream.ArtifactBase, pinned, examined, v.ruled.steady,
		feeds.Name, feeds.OldAt.IsZero(), old, v.Repository.RequireHashes, v.Ownership.Origin, v.Project.ID,
		v.Project.Stamp(), v.Project.Status), nil
}

// inputs returns a number that differs whenever one of the values does.
func (x *Reader) inputs(all ...any) uint64 {
	var h maphash.Hash
	h.SetSeed(x.survey.seed)
	for _, one := range all {
		fmt.Fprintf(&h, "%v\x00", one)
	}
	return h.Sum64()
}

// surveyed returns the numbers of a table.
func (t *table) surveyed(inputs uint64) *surveyed {
	e := &surveyed{inputs: inputs, upstream: t.v.Upstream.Name, tallies: t.tallies()}
	if e.upstream != "" && t.v.Project.ID != "" {
		e.behind = new(t.v.Project)
	}
	if !t.until.IsZero() {
		e.until = t.until.UnixNano()
	}
	return e
}
