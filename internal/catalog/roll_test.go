package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pyindex/internal/packaging"
)

// rollName returns a name from a few thousand, so that rolls have several sections.
func rollName(random *rand.Rand) packaging.ProjectName {
	name, err := packaging.ParseProjectName(fmt.Sprintf("p%c-%d", 'a'+random.IntN(26), random.IntN(1000)))
	if err != nil {
		panic(err)
	}
	return name
}

// randomListed returns a project with a spelling that may need escaping, and may be quarantined.
func randomListed(random *rand.Rand, serial int64) Listed {
	p := Listed{Name: rollName(random), Serial: serial, Status: Active}
	switch random.IntN(4) {
	case 0:
		p.Display = "P<&>é " + p.Name.String()
	case 1:
		p.Display = p.Name.Underscored()
	case 2:
		p.Display = fmt.Sprintf("%0300d", serial)
	}
	if random.IntN(5) == 0 {
		p.Status = Quarantined
	}
	return p
}

// model is a roll as a map.
type model map[string]Listed

func (m model) sorted() []Listed {
	byName := func(a, b Listed) int { return cmp.Compare(a.Name.String(), b.Name.String()) }
	return slices.SortedFunc(maps.Values(m), byName)
}

// equal checks that a roll is the same as one made from scratch, section by section.
func (m model) equal(t *testing.T, what string, got *Roll) {
	t.Helper()
	want := RollOf(m.sorted())
	if got.Len() != len(m) || len(got.sections) != len(want.sections) {
		t.Fatalf("%s: %d projects in %d sections, want %d in %d", what, got.Len(), len(got.sections), len(m),
			len(want.sections))
	}
	for i, s := range got.sections {
		w := want.sections[i]
		if string(s.packed) != string(w.packed) || s.last != w.last || s.n != w.n || s.shown != w.shown {
			t.Fatalf("%s: section %d of %d differs from one made from scratch", what, i, len(got.sections))
		}
	}
	lines := m.sorted()
	for l := range got.Lines() {
		p := lines[0]
		lines = lines[1:]
		if string(l.Name) != p.Name.String() || string(l.Shown) != cmp.Or(p.Display, p.Name.String()) ||
			l.Serial != p.Serial || l.Hidden != (p.Status == Quarantined) {
			t.Fatalf("%s: the line is %s %s %d %v, want %+v", what, l.Name, l.Shown, l.Serial, l.Hidden, p)
		}
	}
}

// TestRollKeepsUp: a roll after changes equals one made from scratch, and sections without a change are the same.
func TestRollKeepsUp(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 1))
	m, r, most := model{}, RollOf(nil), 0
	for step := range 120 {
		n := random.IntN(4)
		if step%30 == 0 {
			n = 3000
		}
		changed := model{}
		for range n {
			p := randomListed(random, int64(step))
			changed[p.Name.String()] = p
		}
		most = max(most, len(r.sections))
		before := map[*Section]bool{}
		for _, s := range r.sections {
			before[s] = true
		}
		if len(r.sections) > 1 && random.IntN(2) == 0 { // the end of a section is hidden
			p := m[r.sections[0].last]
			p.Status = Quarantined
			changed[p.Name.String()] = p
			n++
		}
		maps.Copy(m, changed)
		r = r.with(changed.sorted())
		m.equal(t, fmt.Sprint("step ", step), r)
		fresh := 0
		for _, s := range r.sections {
			if !before[s] {
				fresh++
			}
		}
		if fresh > 2*n {
			t.Errorf("step %d: %d sections are new after %d changes", step, fresh, n)
		}
		if random.IntN(3) > 0 {
			continue
		}
		gone := map[string]bool{}
		for _, p := range m.sorted() {
			if random.IntN(len(m)) < 2 {
				gone[p.Name.String()] = true
			}
		}
		if random.IntN(4) == 0 { // the end of a section
			gone[r.sections[random.IntN(len(r.sections))].last] = true
		}
		for name := range gone {
			delete(m, name)
		}
		r = r.without(gone)
		m.equal(t, fmt.Sprint("step ", step, " after a deletion"), r)
	}
	if most < 3 {
		t.Errorf("the roll had at most %d sections", most)
	}
}

func TestFindInRoll(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 2))
	m := model{}
	for range 5000 {
		p := randomListed(random, 1)
		m[p.Name.String()] = p
	}
	r := RollOf(m.sorted())
	for range 2000 {
		name := rollName(random).String()
		_, want := m[name]
		if l, ok := r.find(name); ok != want || ok && string(l.Name) != name {
			t.Fatalf("find(%s) = %s, %v, want %v", name, l.Name, ok, want)
		}
	}
}

// TestCombine compares combinations with those of a plain model: the first repository that has a name decides.
func TestCombine(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 3))
	var earlier *Roll
	for round := range 60 {
		from := make([]Readable, 1+random.IntN(3))
		want, taken := model{}, map[string]bool{}
		for i := range from {
			m := model{}
			for range random.IntN(3000) {
				p := randomListed(random, int64(round))
				m[p.Name.String()] = p
			}
			from[i].Roll = RollOf(m.sorted())
			from[i].some = map[string]bool{}
			switch random.IntN(4) {
			case 0:
				from[i].all = true
			case 1:
				from[i].rest = true
			case 2:
				from[i].named = func(n packaging.ProjectName) bool { return n.String() < "pg" }
			}
			for range random.IntN(200) {
				from[i].some[rollName(random).String()] = random.IntN(4) > 0
			}
			for name, p := range m {
				l := lineOf(p)
				if !taken[name] && from[i].reads(&l) {
					want[name] = p
				}
			}
			for name := range m {
				taken[name] = true
			}
		}
		names := map[packaging.ProjectName]bool{}
		for range random.IntN(50) {
			n := rollName(random)
			names[n] = true
			if !taken[n.String()] {
				want[n.String()] = Listed{Name: n}
			}
		}
		got := Combine(earlier, from, slices.Collect(maps.Keys(names)))
		lines := want.sorted()
		for l := range got.Lines() {
			if l.Hidden {
				continue
			}
			if len(lines) == 0 || string(l.Name) != lines[0].Name.String() || l.Serial != lines[0].Serial {
				t.Fatalf("round %d: the line is %s %d, want %+v", round, l.Name, l.Serial, lines[:min(1, len(lines))])
			}
			lines = lines[1:]
		}
		if len(lines) > 0 {
			t.Fatalf("round %d: %s is missing", round, lines[0].Name)
		}
		earlier = got
	}
}
