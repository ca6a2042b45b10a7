package legacyupload_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/custody"
	"pyindex/internal/storage/db"
)

// Three different files compete for each of eight names, all at once: one of each wins, and the others are refused as
// ever, without undoing uploads whose transaction they share.
func TestRaceForManyNames(t *testing.T) {
	s := newSite(t, setting{})
	var all []request
	for i := range 24 {
		all = append(all,
			request{token: s.token, parts: wheel(fmt.Sprintf("demo%d", i%8), "1.0", fmt.Sprint(i)).parts()})
	}
	won := make([]int, 8)
	for i, a := range s.together(all) {
		switch {
		case a.status == 200:
			won[i%8]++
		case a.status != 400 || !strings.Contains(a.body, "already exists"):
			t.Errorf("request %d = %v, want 200 or 400 already exists", i, a)
		}
	}
	var want []string
	for i, n := range won {
		if n != 1 {
			t.Errorf("%d uploads of demo%d won, want 1", n, i)
		}
		want = append(want, wheel(fmt.Sprintf("demo%d", i), "1.0", "").filename)
	}
	s.intact(want...)
}

// If the commit of uploads fails, all of them are told so, no project or file is there, and sending them again
// succeeds.
func TestCommitFailsForAllUploads(t *testing.T) {
	var armed, inserted atomic.Bool
	var failed atomic.Int64
	s := newSite(t, setting{hook: func(step db.Step, do func() error) error {
		switch {
		case !step.Writer || !armed.Load():
		case step.Op == db.OpBegin:
			inserted.Store(false)
		case strings.HasPrefix(step.SQL, "INSERT INTO files"):
			inserted.Store(true)
		case step.Op == db.OpCommit && inserted.Load():
			failed.Add(1)
			return errBroken
		}
		return do()
	}})
	var all []request
	for i := range 8 {
		all = append(all, request{token: s.token, parts: wheel("demo", fmt.Sprintf("1.%d", i), "").parts()})
	}
	armed.Store(true)
	for i, a := range s.together(all) {
		if a.status != 500 {
			t.Errorf("request %d, whose commit failed = %v, want 500", i, a)
		}
	}
	armed.Store(false)
	if failed.Load() == 0 { // the holds of uploads may be in the same transaction, so the number of files varies
		t.Error("no commit with a file failed")
	}
	listing, err := s.index.Listing(t.Context(), operator, "")
	check(t, err)
	if projects := listing.Projects(); len(projects) > 0 {
		t.Errorf("projects are listed: %v", projects)
	}
	for i, a := range s.together(all) {
		if a.status != 200 {
			t.Errorf("request %d again = %v, want 200", i, a)
		}
	}
	files := s.stored()
	for _, f := range files {
		s.opens(f)
	}
	if len(files) != 8 {
		t.Errorf("%d files are listed, want 8", len(files))
	}
}

// gated are blobs whose Keep waits.
type gated struct {
	custody.Blobs
	waiting chan struct{}
	open    chan struct{}
}

func (g *gated) Keep(ctx context.Context, key string, s custody.Stage) error {
	g.waiting <- struct{}{}
	<-g.open
	return g.Blobs.Keep(ctx, key, s)
}

// Uploads that wait for a change which revokes their token are refused, and others in the same transaction are not.
func TestRevokedWhileItWaits(t *testing.T) {
	g := &gated{waiting: make(chan struct{}, 8), open: make(chan struct{})}
	s := newSite(t, setting{blobs: func(b custody.Blobs) custody.Blobs { g.Blobs = b; return g }})
	s.user("bob")
	token, revoked, err := s.directory.CreateToken(t.Context(), operator,
		access.NewAPIToken{User: "bob", Scope: access.ScopeUpload})
	check(t, err)
	var all sync.WaitGroup
	answers := make([]answer, 8)
	for i := range answers {
		secret, project := s.token, "hers"
		if i%2 == 1 {
			secret, project = revoked, "his"
		}
		q := request{token: secret, parts: wheel(project, fmt.Sprintf("1.%d", i), "").parts()}
		all.Go(func() {
			a, err := s.try(q)
			if err != nil {
				t.Error(err)
			}
			answers[i] = a
		})
	}
	for range answers {
		<-g.waiting
	}
	err = s.db.Access().Update(t.Context(), func(tx access.Tx) error {
		close(g.open)
		time.Sleep(50 * time.Millisecond) // most uploads wait for this transaction now, and join it
		_, err := tx.RevokeToken(t.Context(), token.ID, time.Now())
		return err
	})
	check(t, err)
	all.Wait()
	for i, a := range answers {
		if i%2 == 0 && a.status != 200 || i%2 == 1 && (a.status != 401 && a.status != 403) {
			t.Errorf("request %d = %v, want 200 for alice and a refusal for bob", i, a)
		}
	}
	for _, f := range s.stored() {
		if strings.HasPrefix(f.Filename, "his") {
			t.Errorf("%s is listed", f.Filename)
		}
	}
	if n := len(s.stored()); n != 4 {
		t.Errorf("%d files are listed, want 4", n)
	}
}
