package catalog

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sort"

	"pyindex/internal/access"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// maxLists limits the memory of cached lists of projects, in bytes: about two million projects.
const maxLists = 64 << 20

// listed returns the projects of a repository as of the stamp now, or later. Caching lists means that only changed
// projects are read after a change. A list from another epoch is discarded and read again in full.
func (x *Index) listed(ctx context.Context, repositoryID string, now memo.Stamp) (*Roll, error) {
	last, at, ok := x.lists.Last(repositoryID)
	if ok && at == now {
		return last, nil
	}
	var next *Roll
	err := x.store.View(ctx, func(tx Tx) (err error) {
		if ok && at.Epoch == now.Epoch && !at.After(now) {
			next, err = last.next(ctx, tx, repositoryID, at.Value)
		} else {
			next, err = readRoll(ctx, tx, repositoryID, last)
		}
		return err
	})
	if err == nil {
		x.lists.Put(now, repositoryID, next)
	}
	return next, err
}

// readRoll reads all projects of a repository.
func readRoll(ctx context.Context, tx Tx, repositoryID string, last *Roll) (*Roll, error) {
	b := NewRollBuilder(last)
	err := tx.EachListed(ctx, repositoryID, func(p Listed) error {
		b.addListed(p)
		return nil
	})
	return b.Roll(), err
}

// next returns the roll after the changes since a serial. A deleted project leaves no row: if the number of projects is
// not the expected one, next looks for those that are gone. Otherwise the roll is correct, because a deleted project
// that was created again has a later serial.
func (r *Roll) next(ctx context.Context, tx Tx, repositoryID string, since int64) (*Roll, error) {
	changed, total, err := tx.ListedSince(ctx, repositoryID, since)
	if err != nil {
		return nil, err
	}
	next := r.with(changed)
	if next.Len() == total {
		return next, nil
	}
	gone, err := next.gone(ctx, tx, repositoryID)
	if errors.Is(err, errManyGone) {
		return readRoll(ctx, tx, repositoryID, next)
	}
	if err != nil {
		return nil, err
	}
	if next = next.without(gone); next.Len() != total {
		return readRoll(ctx, tx, repositoryID, next)
	}
	return next, nil
}

var errManyGone = errors.New("too many projects are gone to look for them one by one")

// A search for projects that are gone counts those of ways ranges of serials at once, and compares ranges of at most
// leaf projects by their names. It ends after most ranges: then reading everything is faster.
const (
	searchWays  = 64
	searchLeaf  = 500
	searchLimit = 16
)

// search looks for the projects of a roll that have no row any more.
type search struct {
	tx           Tx
	repositoryID string
	serials      []int64 // of all projects, in order
	roll         *Roll
	gone         map[string]bool
	leaves       int
}

// gone returns the names of the projects that have no row any more. It returns errManyGone if reading everything is
// faster.
func (r *Roll) gone(ctx context.Context, tx Tx, repositoryID string) (map[string]bool, error) {
	s := search{tx, repositoryID, make([]int64, 0, r.n), r, map[string]bool{}, 0}
	for l := range r.Lines() {
		s.serials = append(s.serials, l.Serial)
	}
	slices.Sort(s.serials)
	if len(s.serials) == 0 {
		return nil, errManyGone
	}
	return s.gone, s.between(ctx, s.serials)
}

// between searches the projects whose serials are those of a part of s.serials.
func (s *search) between(ctx context.Context, serials []int64) error {
	first, last := serials[0], serials[len(serials)-1]
	n, err := s.tx.CountListed(ctx, s.repositoryID, first, last)
	if err != nil || n == len(serials) {
		return err
	}
	if len(serials) <= searchLeaf {
		return s.leaf(ctx, first, last)
	}
	if first == last {
		return errManyGone
	}
	for step := (len(serials) + searchWays - 1) / searchWays; len(serials) > 0; {
		end := min(step, len(serials))
		for end < len(serials) && serials[end] == serials[end-1] { // equal serials stay together
			end++
		}
		if end == len(serials) && serials[0] == first {
			return errManyGone
		}
		if err := s.between(ctx, serials[:end]); err != nil {
			return err
		}
		serials = serials[end:]
	}
	return nil
}

// leaf compares the names of the projects with serials from first to last.
func (s *search) leaf(ctx context.Context, first, last int64) error {
	if s.leaves++; s.leaves > searchLimit {
		return errManyGone
	}
	rows, err := s.tx.ListedBetween(ctx, s.repositoryID, first, last)
	if err != nil {
		return err
	}
	there := make(map[string]bool, len(rows))
	for _, p := range rows {
		there[p.Name.String()] = true
	}
	for l := range s.roll.Lines() {
		if l.Serial >= first && l.Serial <= last && !there[string(l.Name)] {
			s.gone[string(l.Name)] = true
		}
	}
	return nil
}

// Readable is what a caller may read in a repository, by the names of projects.
type Readable struct {
	Roll  *Roll
	all   bool
	rest  bool // whether the caller may read projects that are not in some
	some  map[string]bool
	named func(packaging.ProjectName) bool // nil if no rule on names applies
}

// ListedAt returns all projects of a repository, and which of them the caller may read.
func (x *Index) ListedAt(ctx context.Context, who access.Caller, at memo.Stamp, r Repository) (Readable, error) {
	roll, err := x.listed(ctx, r.ID, at)
	if err != nil {
		return Readable{}, err
	}
	out := Readable{Roll: roll, all: who.May(access.Reader, r.Object())}
	if out.all {
		return out, nil
	}
	// Permissions name projects by their ids, which the roll does not have.
	var granted []Project
	if ids := who.ProjectIDs(); len(ids) > 0 {
		if err := x.store.View(ctx, func(tx Tx) (err error) {
			granted, err = tx.ProjectsByID(ctx, r.ID, ids)
			return err
		}); err != nil {
			return Readable{}, err
		}
	}
	out.some = make(map[string]bool, len(granted))
	for _, p := range granted {
		out.some[p.Name.String()] = who.May(access.Reader, p.Object())
	}
	other := Project{ID: noProject, Repository: r}
	out.rest = who.May(access.Reader, other.Object())
	if who.NamesIn(r.ID) {
		out.named = func(name packaging.ProjectName) bool {
			other.Name = name
			return who.May(access.Reader, other.Object())
		}
	}
	return out, nil
}

// noProject stands for the id of a project that no permission names.
const noProject = "-"

// reads reports whether the caller may read a project of the roll.
func (r *Readable) reads(l *Line) bool {
	switch {
	case l.Hidden:
		return false
	case r.all:
		return true
	}
	if may, ok := r.some[string(l.Name)]; ok {
		return may
	}
	if r.named != nil {
		name, err := packaging.ParseProjectName(string(l.Name))
		return err == nil && r.named(name)
	}
	return r.rest
}

// few returns the names of the only projects that the caller may read, and false if that cannot be said without looking
// at each.
func (r *Readable) few() (names []string, ok bool) {
	if r.all || r.rest || r.named != nil {
		return nil, false
	}
	for name, may := range r.some {
		if may {
			names = append(names, name)
		}
	}
	return names, true
}

// find returns the project of a name.
func (r *Roll) find(name string) (l Line, ok bool) {
	i := sort.Search(len(r.sections), func(i int) bool { return r.sections[i].last >= name })
	if i == len(r.sections) {
		return l, false
	}
	for l := range r.sections[i].Lines() {
		if string(l.Name) >= name {
			return *l, string(l.Name) == name
		}
	}
	return l, false
}

// Combine returns the roll of what a caller may read in several repositories, of which the first that has a name counts
// even if the caller may not read it there, and of names that no repository has. earlier may be an earlier result, or
// nil.
func Combine(earlier *Roll, from []Readable, names []packaging.ProjectName) *Roll {
	if len(from) == 1 && from[0].all && len(names) == 0 {
		return from[0].Roll
	}
	names = slices.SortedFunc(slices.Values(names), byName)
	var some []string
	for i := range from {
		few, ok := from[i].few()
		if !ok {
			return combineAll(earlier, from, names)
		}
		some = append(some, few...)
	}
	for _, name := range names {
		some = append(some, name.String())
	}
	slices.Sort(some)
	b := NewRollBuilder(earlier)
	for _, name := range slices.Compact(some) {
		if l, ok := first(from, name, names); ok {
			b.Add(&l)
		}
	}
	return b.Roll()
}

func byName(a, b packaging.ProjectName) int { return cmp.Compare(a.String(), b.String()) }

// first returns the line to show for a name, and false if there is none. names is sorted.
func first(from []Readable, name string, names []packaging.ProjectName) (Line, bool) {
	for i := range from {
		if l, ok := from[i].Roll.find(name); ok {
			return l, from[i].reads(&l)
		}
	}
	_, ok := slices.BinarySearchFunc(names, name, func(n packaging.ProjectName, name string) int {
		return cmp.Compare(n.String(), name)
	})
	return bareLine(name), ok
}

// bareLine is the line of a name without a project.
func bareLine(name string) Line {
	return Line{Name: []byte(name), Shown: []byte(name), Plain: true}
}

// combineAll is Combine by looking at every project. names is sorted.
func combineAll(earlier *Roll, from []Readable, names []packaging.ProjectName) *Roll {
	heads := make([]cursor, len(from))
	for i := range from {
		heads[i].sections = from[i].Roll.sections
		heads[i].next()
	}
	b := NewRollBuilder(earlier)
	for i := range from {
		b.old = append(b.old, from[i].Roll.sections)
	}
	for {
		least := -1
		for i := range heads {
			if !heads[i].done && (least < 0 || string(heads[i].l.Name) < string(heads[least].l.Name)) {
				least = i
			}
		}
		for len(names) > 0 && (least < 0 || names[0].String() < string(heads[least].l.Name)) {
			l := bareLine(names[0].String())
			b.Add(&l)
			names = names[1:]
		}
		if least < 0 {
			return b.Roll()
		}
		l := &heads[least].l
		if l.Hidden && from[least].all || from[least].reads(l) { // hidden lines make sections the same
			b.Add(l)
		}
		for len(names) > 0 && names[0].String() == string(l.Name) {
			names = names[1:]
		}
		for i := len(heads) - 1; i >= 0; i-- { // least is the first of equal names, so that it moves last
			if i >= least && !heads[i].done && string(heads[i].l.Name) == string(l.Name) {
				heads[i].next()
			}
		}
	}
}

// cursor is a place in a roll.
type cursor struct {
	sections []*Section
	rest     []byte
	l        Line
	done     bool
}

func (c *cursor) next() {
	for len(c.rest) == 0 {
		if len(c.sections) == 0 {
			c.done = true
			return
		}
		c.rest, c.sections = c.sections[0].packed, c.sections[1:]
	}
	c.rest = c.l.unpack(c.rest)
}
