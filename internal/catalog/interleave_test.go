package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
)

// This file runs the real functions in every order in which the steps of two processes and the store can be
// interleaved, and of some more in every order with a few switches between processes that could continue. A step is a
// transaction that writes, or a request to the store. Steps wait at a gate until the explorer lets one of them pass, so
// that no order depends on time. Requests that the store carries out late are steps too. docs/decisions/0013 has the
// protocol.

// outcome is the result of a request to the store.
type outcome int

const (
	done   outcome = iota // it succeeds
	lost                  // it is executed, but the response is lost
	never                 // it fails and is never executed
	late                  // it fails, but the store executes it at some later time
	killed                // the process ends with the request, and the store executes it later
)

// actor is a process of a scene: its work, and the outcomes of its requests.
type actor struct {
	name     string
	do       func(ctx context.Context, x *assembly.Index) error
	ahead    time.Duration // how far its clock is ahead
	keep     outcome
	delete   outcome
	refused  bool // an error is expected
	err      error
	dead     bool
	at, pass chan string
}

// scene is a run of actors in one order.
type scene struct {
	pending []func() // requests that the store has not executed yet
	steps   []string
}

type actorKey struct{}

// gate waits for the turn of the actor in ctx. It returns an error if the actor was killed.
func gate(ctx context.Context, step string) (*actor, error) {
	a, _ := ctx.Value(actorKey{}).(*actor)
	if a == nil {
		return nil, nil
	}
	if a.dead {
		return a, errors.New("the process ended")
	}
	a.at <- step
	<-a.pass
	return a, nil
}

// gatedStore gates transactions that write.
type gatedStore struct{ catalog.Store }

func (s gatedStore) Update(ctx context.Context, f func(catalog.Tx) error) error {
	if _, err := gate(ctx, "transaction"); err != nil {
		return err
	}
	return s.Store.Update(ctx, f)
}

// gatedBlobs gates requests that change the store.
type gatedBlobs struct {
	custody.Blobs
	scene *scene
}

func (b gatedBlobs) request(a *actor, what outcome, do func() error) error {
	failed := errors.New("the store does not answer")
	if a == nil {
		return do()
	}
	switch what {
	case done:
		return do()
	case lost:
		return errors.Join(do(), failed)
	case late, killed:
		b.scene.pending = append(b.scene.pending, func() { _ = do() })
	}
	a.dead = what == killed
	return failed
}

func (b gatedBlobs) Delete(ctx context.Context, key string) error {
	a, err := gate(ctx, "DELETE "+key[len(key)-3:])
	if err != nil {
		return err
	}
	what := done
	if a != nil {
		what = a.delete
	}
	return b.request(a, what, func() error { return b.Blobs.Delete(context.WithoutCancel(ctx), key) })
}

func (b gatedBlobs) Keep(ctx context.Context, key string, s custody.Stage) error {
	a, err := gate(ctx, "PUT "+key[len(key)-3:])
	if err != nil {
		return err
	}
	p := make([]byte, s.Size())
	if _, err := s.ReadAt(p, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	what := done
	if a != nil {
		what = a.keep
	}
	return b.request(a, what, func() error { return b.Put(context.WithoutCancel(ctx), key, p) })
}

// play runs all actors to completion. At each point, choose returns which of n possible steps is next. It switches away
// from an actor that could continue at most switches times.
func (s *scene) play(t *testing.T, w *world, actors []*actor, switches int, choose func(n int) int) {
	t.Helper()
	ended := make(chan *actor)
	waiting := map[*actor]string{}
	arrive := func(a *actor) {
		select {
		case step := <-a.at:
			waiting[a] = step
		case <-ended:
			delete(waiting, a)
		}
	}
	for _, a := range actors {
		a.at, a.pass, a.dead, a.err = make(chan string), make(chan string), false, nil
		x := assembly.New(gatedStore{w.db.Catalog()}, gatedBlobs{w.blobs, s}, assembly.Options{
			Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Now().Add(a.ahead) },
		})
		go func() {
			a.err = a.do(context.WithValue(t.Context(), actorKey{}, a), x)
			ended <- a
		}()
		arrive(a)
	}
	var current *actor
	for len(waiting) > 0 || len(s.pending) > 0 {
		var ready []*actor
		_, goesOn := waiting[current]
		if goesOn {
			ready = append(ready, current)
		}
		for _, a := range actors {
			if _, ok := waiting[a]; ok && a != current {
				ready = append(ready, a)
			}
		}
		n := len(ready)
		if len(s.pending) > 0 {
			n++
		}
		if goesOn && switches == 0 {
			n = 1
		}
		i := choose(n)
		if goesOn && i > 0 {
			switches--
		}
		if i == len(ready) {
			s.steps = append(s.steps, "the store carries out what it held")
			s.pending[0]()
			s.pending = s.pending[1:]
			continue
		}
		a := ready[i]
		current = a
		s.steps = append(s.steps, a.name+": "+waiting[a])
		a.pass <- ""
		arrive(a)
	}
}

// explore runs a scene in every order: it passes a choose function to run that takes another path each time.
func explore(run func(choose func(n int) int)) (runs int) {
	var taken, of []int
	for {
		depth := 0
		run(func(n int) int {
			if depth == len(taken) {
				taken, of = append(taken, 0), append(of, n)
			}
			depth++
			return taken[depth-1]
		})
		runs++
		for len(taken) > 0 && taken[len(taken)-1]+1 == of[len(of)-1] {
			taken, of = taken[:len(taken)-1], of[:len(of)-1]
		}
		if len(taken) == 0 {
			return runs
		}
		taken[len(taken)-1]++
	}
}

// publish uploads f to a repository.
func publish(ctx context.Context, x *assembly.Index, who access.Caller, repo string, f packagingtest.File) error {
	project, _ := packaging.ParseProjectName(f.Project)
	in, err := x.Begin(ctx, who, repo, project)
	if err != nil {
		return err
	}
	defer func() { _ = in.Discard() }()
	if _, err := in.Write(f.Bytes); err != nil {
		return err
	}
	_, err = x.Publish(ctx, in, ingest.Upload{Filename: f.Name, Kind: packaging.Kind(f.Kind)})
	return err
}

// repositories are the repositories that the same content is uploaded to.
var repositories = []string{"main", "two", "three"}

// TestDeletionAgainstUpload: in every order of the steps of uploads, deletions, sweeps and the store, an upload is not
// refused because the same content is being deleted, and content of a successful upload is never lost.
func TestDeletionAgainstUpload(t *testing.T) {
	uploads := func(repo string) func(w *world, f packagingtest.File) *actor {
		return func(w *world, f packagingtest.File) *actor {
			return &actor{
				name: "upload to " + repo,
				do:   func(ctx context.Context, x *assembly.Index) error { return publish(ctx, x, w.admin, repo, f) },
			}
		}
	}
	deletes := func(w *world, f packagingtest.File) *actor {
		return &actor{name: "deletion", do: func(ctx context.Context, x *assembly.Index) error {
			p, _ := packaging.ParseProjectName(f.Project)
			return x.DeleteProject(ctx, w.admin, "", p)
		}}
	}
	sweeps := func(w *world, f packagingtest.File) *actor {
		return &actor{name: "sweep", do: func(ctx context.Context, x *assembly.Index) error {
			_, err := x.Custody.Sweep(ctx, w.admin)
			return err
		}}
	}
	with := func(make func(*world, packagingtest.File) *actor,
		change func(*actor),
	) func(*world, packagingtest.File) *actor {
		return func(w *world, f packagingtest.File) *actor { a := make(w, f); change(a); return a }
	}
	deleting := func(o outcome) func(*world, packagingtest.File) *actor {
		return with(deletes, func(a *actor) { a.delete, a.refused = o, o != done })
	}
	failing := func(o outcome) func(*world, packagingtest.File) *actor {
		return with(uploads("three"), func(a *actor) { a.keep, a.delete, a.refused = o, done, true })
	}
	type cast []func(*world, packagingtest.File) *actor
	for _, c := range []struct {
		name   string
		there  bool // main has the file at the start
		actors cast

		switches int // limit of switches between actors that could continue; 0 for no limit
	}{
		{"deletion", true, cast{deleting(done), uploads("two")}, 0},
		{"deletion, two uploads", true, cast{deleting(done), uploads("two"), uploads("three")}, 2},
		{"deletion whose DELETE is carried out late", true, cast{deleting(late), uploads("two")}, 0},
		{"deletion whose DELETE fails", true, cast{deleting(never), uploads("two")}, 0},
		{"deletion that loses its answer", true, cast{deleting(lost), uploads("two")}, 0},
		{"deletion that is killed at its DELETE", true, cast{deleting(killed), uploads("two")}, 0},
		{
			"deletion and a sweeper that considers it dead", true,
			cast{deleting(late), uploads("two"), with(sweeps, func(a *actor) { a.ahead = 3 * time.Minute })},
			1,
		},
		{"upload whose PUT fails", false, cast{failing(never), uploads("two")}, 0},
		{"upload whose PUT is carried out late", false, cast{failing(late), uploads("two")}, 4},
		{"upload that is killed at its PUT", false, cast{failing(killed), uploads("two")}, 0},
		{"upload that lost its answer beside a deletion", true, cast{failing(lost), deleting(late)}, 2},
		{
			"sweeper that considers an upload abandoned", false,
			cast{
				with(uploads("two"), func(a *actor) { a.refused = true }),
				with(sweeps, func(a *actor) { a.ahead, a.delete, a.refused = 25*time.Hour, late, true }),
			},
			2,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := repositoriesOf(t)
			n := 0
			runs := explore(func(choose func(int) int) {
				n++
				f := packagingtest.SDist(fmt.Sprintf("demo-%d", n), "1.0", c.name)
				if c.there {
					w.must(f)
				}
				var actors []*actor
				for _, a := range c.actors {
					actors = append(actors, a(w, f))
				}
				s := new(scene)
				switches := -1 // no limit
				if c.switches > 0 {
					switches = c.switches
				}
				s.play(t, w, actors, switches, choose)
				w.settled(s, actors, f)
			})
			t.Logf("%d orders", runs)
		})
	}
}

func repositoriesOf(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	for _, repo := range repositories[1:] {
		if err := w.AddRepository(t.Context(), w.admin, catalog.NewRepository{Name: repo}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// settled fails the test unless every upload that should have succeeded did, and everything that is listed can be read.
// Another upload then succeeds at once, whatever failed before.
func (w *world) settled(s *scene, actors []*actor, f packagingtest.File) {
	w.t.Helper()
	for _, a := range actors {
		if (a.err != nil) && !a.refused {
			w.t.Fatalf("%s = %v, after\n%q", a.name, a.err, s.steps)
		}
		if a.err == nil && len(a.name) > 10 && a.name[:10] == "upload to " {
			w.reads(s, a.name[10:], f)
		}
	}
	if err := publish(w.t.Context(), w.Index, w.admin, "three", f); err != nil {
		w.t.Fatalf("the next upload = %v, after\n%q", err, s.steps)
	}
	// The sweeper deletes the rest, so that the next order starts without it.
	x := assembly.New(w.db.Catalog(), w.blobs,
		assembly.Options{
			Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Now().Add(3 * time.Minute) },
		})
	if _, err := x.Custody.Sweep(w.t.Context(), w.admin); err != nil {
		w.t.Fatalf("the next sweep = %v, after\n%q", err, s.steps)
	}
	for _, repo := range repositories {
		if _, err := w.File(w.t.Context(), w.admin, repo, f.SHA256(), f.Name); err == nil {
			w.reads(s, repo, f)
		}
	}
}

func (w *world) reads(s *scene, repo string, f packagingtest.File) {
	w.t.Helper()
	b, _, err := w.Open(w.t.Context(), w.admin, repo, f.SHA256(), f.Name, catalog.Bytes)
	if err != nil {
		w.t.Fatalf("reading from %s = %v, after\n%q", repo, err, s.steps)
	}
	defer b.Close()
	if got, err := io.ReadAll(b); err != nil || !slices.Equal(got, f.Bytes) {
		w.t.Fatalf("reading from %s: %d bytes, %v, after\n%q", repo, len(got), err, s.steps)
	}
}

// TestRenewedMark: a deletion leaves content alone if its mark is gone or belongs to another process, as after a
// failover to a database that lost the deletion.
func TestRenewedMark(t *testing.T) {
	forget := func(ctx context.Context, tx catalog.Tx, key string) error {
		return errors.Join(tx.ForgetBlob(ctx, key), tx.ForgetSpent(ctx, time.Now().Add(time.Hour)))
	}
	for name, c := range map[string]struct {
		between func(ctx context.Context, tx catalog.Tx, key string) error
		stays   bool
	}{
		"the mark is there": {func(context.Context, catalog.Tx, string) error { return nil }, false},
		"the row is gone":   {forget, true},
		"it is used again": {func(ctx context.Context, tx catalog.Tx, key string) error {
			err := forget(ctx, tx, key)
			_, held := tx.HoldBlob(ctx, key, "", time.Now())
			return errors.Join(err, held)
		}, true},
		"another process owns it": {func(ctx context.Context, tx catalog.Tx, key string) error {
			_, err := tx.OwnDrop(ctx, key, "another", time.Time{})
			return err
		}, true},
		"it is spent": {func(ctx context.Context, tx catalog.Tx, key string) error { return tx.ForgetBlob(ctx, key) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
			f := packagingtest.SDist("demo", "1.0", "x")
			w.must(f)
			key := custody.FileKey(f.SHA256())
			demo, _ := packaging.ParseProjectName("demo")
			x := assembly.New(&interrupted{
				Store: w.db.Catalog(), after: func(ctx context.Context, tx catalog.Tx) error { return c.between(ctx, tx, key) },
			},
				w.blobs, assembly.Options{Log: slog.New(slog.DiscardHandler)})
			if err := x.DeleteProject(t.Context(), w.admin, "", demo); err != nil {
				t.Errorf("DeleteProject = %v", err)
			}
			if _, err := w.blobs.Size(t.Context(), key); (err == nil) != c.stays {
				t.Errorf("the content afterwards: %v, want it to exist: %v", err, c.stays)
			}
		})
	}
}

// interrupted is a store in which something else happens after its first change.
type interrupted struct {
	catalog.Store
	after func(context.Context, catalog.Tx) error
}

func (s *interrupted) Update(ctx context.Context, f func(catalog.Tx) error) error {
	err := s.Store.Update(ctx, f)
	if after := s.after; err == nil && after != nil {
		s.after = nil
		return s.Store.Update(ctx, func(tx catalog.Tx) error { return after(ctx, tx) })
	}
	return err
}
