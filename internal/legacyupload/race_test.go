package legacyupload_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/packaging"
)

func (s *site) project(name string) packaging.ProjectName {
	s.t.Helper()
	n, err := packaging.ParseProjectName(name)
	check(s.t, err)
	return n
}

// together sends all requests at once and returns the responses in order.
func (s *site) together(all []request) []answer {
	s.t.Helper()
	out := make([]answer, len(all))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, q := range all {
		wg.Go(func() {
			<-start
			a, err := s.try(q)
			if err != nil {
				s.t.Errorf("request %d: %v", i, err)
			}
			out[i] = a
		})
	}
	close(start)
	wg.Wait()
	return out
}

// Of 32 uploads of one name with different content one succeeds, and the content of the others is removed.
func TestRaceDifferent(t *testing.T) {
	s := newSite(t, setting{})
	var all []request
	for i := range 32 {
		all = append(all, request{token: s.token, parts: wheel("demo", "1.0", fmt.Sprint(i)).parts()})
	}
	won := 0
	for i, a := range s.together(all) {
		switch {
		case a.status == 200:
			won++
		case a.status != 400 || !strings.Contains(a.body, "already exists") || !strings.Contains(a.reason, "already exists"):
			t.Errorf("request %d = %v, want 200 or 400 already exists", i, a)
		}
	}
	if won != 1 {
		t.Errorf("%d of 32 uploads won, want 1", won)
	}
	s.intact(demo.filename)
}

// 50 uploads of one file create one file.
func TestRaceIdentical(t *testing.T) {
	s := newSite(t, setting{})
	var all []request
	for range 50 {
		all = append(all, request{token: s.token, parts: demo.parts()})
	}
	for i, a := range s.together(all) {
		if a.status != 200 {
			t.Errorf("request %d = %v, want 200", i, a)
		}
	}
	s.intact(demo.filename)
}

// Concurrent first uploads create one project and all succeed, even if they began before the user owned it.
func TestRaceFirst(t *testing.T) {
	s := newSite(t, setting{})
	var all []request
	for i := range 16 {
		all = append(all, request{token: s.token, parts: wheel("demo", fmt.Sprintf("1.%d", i), "").parts()})
	}
	for i, a := range s.together(all) {
		if a.status != 200 {
			t.Errorf("request %d = %v, want 200", i, a)
		}
	}
	listing, err := s.index.Listing(t.Context(), operator, "")
	check(t, err)
	if files := s.stored(); len(listing.Projects()) != 1 || len(files) != 16 {
		t.Errorf("there are %d projects and %d files, want 1 and 16", len(listing.Projects()), len(files))
	}
}
