package page_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/upstream/page"
)

const digestD = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

// step is an answer of an upstream: a page of files, or none if it does not have the project.
type step struct {
	files []page.File
	gone  bool
}

func has(files ...page.File) step { return step{files: files} }

func TestReturned(t *testing.T) {
	one, two := sdist("1", digestA), sdist("2", digestB)
	other, third := sdist("3", digestC), sdist("4", digestD)
	same := sdist("1", digestD) // the name of an old file, with other content
	plain, plainOther := sdist("1", ""), sdist("3", "")
	gone := step{gone: true}
	for _, c := range []struct {
		name     string
		steps    []step
		returned int // the step at which it returned, -1 for never or no longer
	}{
		{"always there", []step{has(one), has(one, two), has(two)}, -1},
		{"a file is replaced", []step{has(one), has(two)}, -1},
		{"never there before", []step{gone, has(one)}, -1},
		{"back as it was", []step{has(one, two), gone, has(one, two)}, -1},
		{"an outage that looks like absence, twice", []step{has(one, two), gone, has(one), gone, gone, has(two, one)}, -1},
		{"back with some old files and a new one", []step{has(one, two), gone, has(two, other)}, -1},
		{"back with one that left before", []step{has(one, two), has(two), gone, has(one, other)}, -1},
		{"back with another file", []step{has(one, two), gone, has(other)}, 2},
		{"back with an old name and other content", []step{has(one, two), gone, has(same)}, 2},
		{"back after an empty page", []step{has(one), gone, has(), has(other)}, 3},
		{"back after two absences", []step{has(one), gone, gone, has(other)}, 3},
		{"emptied, without being away", []step{has(one), has(), has(other)}, -1},
		{"stays returned with more files", []step{has(one), gone, has(other), has(other, third)}, 2},
		{
			"stays returned when its own files leave and return",
			[]step{has(one), gone, has(other, third), has(other), has(other, third)},
			2,
		},
		{"stays returned after an outage", []step{has(one), gone, has(other), gone, has(other)}, 2},
		{"returned once more", []step{has(one), gone, has(other), gone, has(third)}, 4},
		{"an old file is back later", []step{has(one), gone, has(other), has(other, one)}, -1},
		{"without digests, back as it was", []step{has(plain), gone, has(plain)}, -1},
		{"without digests, back with another file", []step{has(plain), gone, has(plainOther)}, 2},
		{"back with a digest that was not stated before", []step{has(plain), gone, has(one)}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p page.Page
			at := func(i int) time.Time { return monday.Add(time.Duration(i) * time.Hour) }
			for i, s := range c.steps {
				if s.gone {
					p = page.Leave(p, at(i))
				} else {
					p = page.Merge(p, filesAt(s.files...), at(i))
				}
				if p.Away.IsZero() == (s.gone || len(s.files) == 0 && i > 0 && c.steps[i-1].gone) {
					t.Errorf("after step %d: away since %v", i, p.Away)
				}
				p = decoded(t, p.Encode()) // as between two looks
				if err := p.Check(project(t, "foo")); err != nil {
					t.Error(err)
				}
			}
			var want time.Time
			if c.returned >= 0 {
				want = at(c.returned)
			}
			if !p.Returned.Equal(want) {
				t.Errorf("returned %v, want %v", p.Returned, want)
			}
		})
	}
}

func TestLeaveKeepsTheFirstTime(t *testing.T) {
	p := page.Leave(page.Leave(page.Merge(page.Page{}, filesAt(sdist("1", digestA)), monday), tuesday), friday)
	if !p.Away.Equal(tuesday) || len(p.Files) != 0 || len(p.Gone) != 1 || !p.Gone[0].LastSeen.Equal(tuesday) {
		t.Errorf("away since %v with %v, want %v", p.Away, p.Gone, tuesday)
	}
}

func TestMergeKeepsAReturnThatAnotherIndexNoticed(t *testing.T) {
	next := filesAt(sdist("1", digestA))
	next.Returned = monday
	if p := page.Merge(page.Page{}, next, friday); !p.Returned.Equal(monday) {
		t.Errorf("returned %v, want %v", p.Returned, monday)
	}
}

func TestReplaces(t *testing.T) {
	one, two := sdist("1", digestA), sdist("2", digestB)
	held := page.Merge(page.Merge(page.Page{}, filesAt(one), monday), filesAt(two), tuesday) // one is gone
	for _, c := range []struct {
		name string
		next page.Page
		want bool
	}{
		{"another file", filesAt(sdist("3", digestC)), true},
		{"the name of an old file, whose content stays", filesAt(sdist("2", digestC)), false},
		{"the name of an old file, and another file", filesAt(sdist("2", digestC), sdist("3", digestC)), true},
		{"no files", page.Page{}, false},
		{"a listed file", filesAt(two, sdist("3", digestC)), false},
		{"a file from before", filesAt(one, sdist("3", digestC)), false},
	} {
		if got := c.next.Replaces(held); got != c.want {
			t.Errorf("%s: Replaces = %v, want %v", c.name, got, c.want)
		}
	}
	if filesAt(one).Replaces(page.Page{}) {
		t.Error("the first page replaces nothing")
	}
}

func TestFindGone(t *testing.T) {
	one, two := sdist("1", digestA), sdist("2", digestB)
	p := page.Merge(page.Merge(page.Page{}, filesAt(one, two), monday), filesAt(two), tuesday)
	got, ok := p.FindGone(one.Path(""), "")
	if !ok || !got.LastSeen.Equal(tuesday) || !got.FirstSeen.Equal(monday) || got.SHA256 != digestA {
		t.Errorf("FindGone = %+v, %v", got, ok)
	}
	for _, path := range []string{two.Path(""), "-/00000000000000000000000000000000/foo-1.zip", "foo-1.zip", ""} {
		if f, ok := p.FindGone(path, ""); ok {
			t.Errorf("FindGone(%q) = %v", path, f.Filename)
		}
	}
	if f, ok := p.Find(one.Path(""), ""); ok {
		t.Errorf("Find of a file that is gone = %v", f.Filename)
	}
}

func TestARecordWithoutAbsenceKeepsItsForm(t *testing.T) {
	p := page.Merge(page.Page{}, filesAt(sdist("1", digestA)), monday)
	away := page.Leave(p, tuesday)
	if a, b := p.Encode()[0], away.Encode()[0]; a > page.FormatPlain || b <= page.FormatPlain {
		t.Errorf("formats %d and %d: an older version must read the first", a, b)
	}
	if diff := cmp.Diff(away, decoded(t, away.Encode())); diff != "" {
		t.Error(diff)
	}
	for n := range away.Encode() {
		if _, err := page.Decode(away.Encode()[:n]); err == nil {
			t.Errorf("a record cut to %d bytes is accepted", n)
		}
	}
}
