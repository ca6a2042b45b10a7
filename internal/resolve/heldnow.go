package resolve

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
)

// HeldNow implements holds.Files. It reads the pages of upstreams that are stored, and asks no upstream. The projects
// are those that callers asked the repositories for, and those of this index that people decided about.
//
// The numbers come from a survey that this process keeps. Only what changed since it was last wanted is read again, and
// of the rows only those of the result, from one stored page for each project.
func (x *Reader) HeldNow(ctx context.Context, who access.Caller, repositories []catalog.Repository,
	q holds.Query,
) (holds.Now, error) {
	if err := x.look(ctx, q.Whole); err != nil {
		return holds.Now{}, err
	}
	may := mayList{x: x, who: who, repositories: map[string]*opened{}, upstreams: map[[2]string]bool{}}
	for _, r := range repositories {
		o, err := x.open(ctx, who, r.Name)
		if catalog.IsMissing(err) {
			continue // deleted meanwhile
		} else if err != nil {
			return holds.Now{}, err
		}
		may.repositories[r.Name] = &o
	}
	groups, out, err := x.survey.groups(ctx, &may, q)
	if err != nil {
		return out, err
	}
	out.Rows, err = x.window(ctx, &may, groups, q)
	return out, err
}

// mayList tells what a caller may read of a survey.
type mayList struct {
	x            *Reader
	who          access.Caller
	repositories map[string]*opened // by name
	upstreams    map[[2]string]bool // by repository and upstream
}

// read reports whether the caller may read an entry of the survey.
func (m *mayList) read(ctx context.Context, k surveyKey, e *surveyed) (bool, error) {
	o := m.repositories[k.repository]
	if o == nil {
		return false, nil
	}
	if e.behind != nil && !m.who.May(access.Reader, e.behind.Object()) {
		return false, nil
	}
	if e.upstream == "" {
		return true, nil
	}
	at := [2]string{k.repository, e.upstream}
	may, known := m.upstreams[at]
	if !known {
		var err error
		if may, err = m.x.mayReadFrom(ctx, m.who, *o, e.upstream); err != nil {
			return false, err
		}
		m.upstreams[at] = may
	}
	return may, nil
}

// group are the rows of one rule and project in a repository.
type group struct {
	rule int // its place in the order
	key  surveyKey
	rows int
}

func (g group) compare(o group) int {
	return cmp.Or(cmp.Compare(g.rule, o.rule), cmp.Compare(g.key.repository, o.key.repository),
		cmp.Compare(g.key.project.String(), o.key.project.String()))
}

// groups returns what a query selects of the survey, in order, and the numbers.
func (s *survey) groups(ctx context.Context, may *mayList, q holds.Query) (all []group, out holds.Now, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	order := holds.RulesInOrder()
	tallies := make([]holds.Tally, len(order))
	for k, e := range s.entries {
		readable, err := may.read(ctx, k, e)
		if err != nil {
			return nil, out, err
		}
		if !readable || !strings.Contains(k.project.String(), q.Project) {
			continue
		}
		for _, n := range e.tallies {
			rule := slices.Index(order, n.Rule)
			t := &tallies[rule]
			t.Rule = n.Rule
			t.Projects, t.Releases, t.Files = t.Projects+1, t.Releases+n.Releases, t.Files+n.Files
			t.Exempt += n.Exempt
			if q.Rule == "" || q.Rule == n.Rule {
				all = append(all, group{rule, k, n.rows})
				out.Total += n.rows
			}
		}
	}
	out.Tallies = slices.DeleteFunc(tallies, func(t holds.Tally) bool { return t.Projects == 0 })
	for name, n := range s.known {
		if may.repositories[name] != nil {
			out.Known, out.Read, out.Beyond = out.Known+n.all, out.Read+n.read, out.Beyond+n.beyond
		}
	}
	slices.SortFunc(all, group.compare)
	return all, out, nil
}

// window returns the rows of groups that a query selects, as they are now.
func (x *Reader) window(ctx context.Context, may *mayList, groups []group, q holds.Query) (out []holds.Row, err error) {
	read := map[surveyKey][]holds.Row{}
	at := 0
	for _, g := range groups {
		begin := at
		if at += g.rows; at <= q.Offset {
			continue
		}
		if len(out) >= q.Limit {
			break
		}
		rows, known := read[g.key]
		if !known {
			if rows, err = x.rowsNow(ctx, *may.repositories[g.key.repository], g.key); err != nil {
				return nil, err
			}
			read[g.key] = rows
		}
		rule := holds.RulesInOrder()[g.rule]
		mine := slices.DeleteFunc(slices.Clone(rows), func(r holds.Row) bool { return r.Decision.Rule != rule })
		mine = mine[min(max(0, q.Offset-begin), len(mine)):]
		out = append(out, mine[:min(len(mine), q.Limit-len(out))]...)
	}
	return out, nil
}

// rowsNow returns the rows of a project in a repository as they are now.
func (x *Reader) rowsNow(ctx context.Context, o opened, k surveyKey) ([]holds.Row, error) {
	t, err := x.tableNow(ctx, o, k)
	if err != nil || t == nil {
		return nil, err
	}
	return t.sorted(), nil
}

func (x *Reader) tableNow(ctx context.Context, o opened, k surveyKey) (*table, error) {
	if k.own {
		return x.ownTable(ctx, o, k.project)
	}
	var held pages.Held
	v, err := x.storedView(ctx, o, k.project, func(u *upstream.Upstream) (stored bool, err error) {
		held, stored, err = x.o.Pages.Stored(ctx, *u, k.project)
		return stored, err
	})
	if err != nil || v == nil {
		return nil, err
	}
	if v.held = held; v.Upstream.Name != "" {
		x.survey.pages.Add(1)
		if _, _, err := x.noted(ctx, v); err != nil {
			return nil, err
		}
	}
	return x.foreignTable(ctx, v)
}

// ReturnOf implements holds.Files.
func (x *Reader) ReturnOf(ctx context.Context, name string, project packaging.ProjectName,
) (gone, returned time.Time, err error) {
	at, err := x.index.Stamp(ctx)
	if err != nil {
		return gone, returned, err
	}
	all, err := x.o.Upstreams.All(ctx, at)
	if err != nil {
		return gone, returned, err
	}
	u := upstream.Find(all, name)
	if u == nil {
		return gone, returned, fault.New(fault.NotFound, "there is no upstream %.80q", name)
	}
	p, err := x.o.Pages.Remembered(ctx, *u, project)
	return p.Away, p.Returned, err
}
