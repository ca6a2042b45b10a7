package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// queue is a database on which updates run in a known order.
type queue struct {
	t       *testing.T
	db      *db.DB
	commits atomic.Int64
	steps   atomic.Int64 // statements of joining updates
	fail    atomic.Pointer[func(db.Step, func() error) error]
}

// eachQueue runs f on a queue of each kind of database.
func eachQueue(t *testing.T, f func(t *testing.T, q *queue)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		q := &queue{t: t}
		q.db = storagetest.OpenDB(t, fresh(t), db.Options{Hook: q.step})
		q.commits.Store(0)
		f(t, q)
	})
}

func (q *queue) step(s db.Step, do func() error) error {
	if s.Writer && s.Op == db.OpCommit {
		q.commits.Add(1)
	}
	if strings.Contains(s.SQL, "SAVEPOINT") {
		q.steps.Add(1)
	}
	if fail := q.fail.Load(); fail != nil && s.Writer {
		return (*fail)(s, do)
	}
	return do()
}

// failing makes the steps that match fail with err, before they take effect.
func (q *queue) failing(match func(db.Step) bool, err error) {
	fail := func(s db.Step, do func() error) error {
		if match(s) {
			return err
		}
		return do()
	}
	q.fail.Store(&fail)
}

// behind starts the updates one after another while another update runs, and then lets that one end with its error. It
// returns the errors of the updates, and that of the first.
func (q *queue) behind(first error, all ...func(context.Context) error) (errs []error, firstErr error) {
	q.t.Helper()
	errs = make([]error, len(all))
	running, end := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	var once sync.Once // it may run again
	wg.Go(func() {
		firstErr = q.db.Catalog().Update(context.Background(), func(tx catalog.Tx) error {
			once.Do(func() { close(running) })
			<-end
			return first
		})
	})
	<-running
	for i, update := range all {
		wg.Go(func() { errs[i] = update(context.Background()) })
		q.await(i + 1)
	}
	close(end)
	wg.Wait()
	return errs, firstErr
}

// await waits until n updates wait.
func (q *queue) await(n int) {
	q.t.Helper()
	for range 5000 {
		if q.db.Waiting() == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	q.t.Fatalf("%d updates wait, want %d", q.db.Waiting(), n)
}

// add returns an update that adds a repository, and then returns err.
func (q *queue) add(name string, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		return q.db.Catalog().Update(ctx, func(tx catalog.Tx) error {
			return errors.Join(q.insert(ctx, tx, name), err)
		})
	}
}

func (q *queue) insert(ctx context.Context, tx catalog.Tx, name string) error {
	return tx.InsertRepository(ctx, catalog.Repository{ID: "id of " + name, Name: name})
}

// added returns the names of the repositories that updates added.
func (q *queue) added() (names []string) {
	q.t.Helper()
	err := q.db.Catalog().View(q.t.Context(), func(tx catalog.Tx) error {
		all, err := tx.Repositories(q.t.Context())
		for _, r := range all {
			if r.Name != catalog.MainRepository {
				names = append(names, r.Name)
			}
		}
		return err
	})
	if err != nil {
		q.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func (q *queue) want(names ...string) {
	q.t.Helper()
	if got := q.added(); fmt.Sprint(got) != fmt.Sprint(names) {
		q.t.Errorf("the updates added %v, want %v", got, names)
	}
}

// Updates that wait for each other share a commit, see each other's changes, and get serials in their order.
func TestUpdatesShareACommit(t *testing.T) {
	eachQueue(t, func(t *testing.T, q *queue) {
		serials := make([]int64, 8)
		seen := make([]int, 8)
		var all []func(context.Context) error
		for i := range serials {
			all = append(all, func(ctx context.Context) error {
				return q.db.Catalog().Update(ctx, func(tx catalog.Tx) (err error) {
					have, err := tx.Repositories(ctx)
					if err != nil {
						return err
					}
					seen[i] = len(have)
					if serials[i], err = tx.NextSerial(ctx); err != nil {
						return err
					}
					return q.insert(ctx, tx, fmt.Sprint(i))
				})
			})
		}
		before, err := q.db.Serial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		errs, err := q.behind(nil, all...)
		if err := errors.Join(append(errs, err)...); err != nil {
			t.Fatal(err)
		}
		for i := range serials {
			if serials[i] != before+int64(i)+1 || seen[i] != i+1 {
				t.Errorf("update %d got serial %d and saw %d repositories, want %d and %d", i, serials[i], seen[i],
					before+int64(i)+1, i+1)
			}
		}
		if n := q.commits.Load(); n != 1 {
			t.Errorf("9 updates made %d commits, want 1", n)
		}
		if at, err := q.db.Serial(t.Context()); err != nil || at != before+8 {
			t.Errorf("the serial is %d, %v, want %d", at, err, before+8)
		}
		q.want("0", "1", "2", "3", "4", "5", "6", "7")
	})
}

// A lone update takes no savepoint, and a transaction does not take any number of updates.
func TestUpdatesInATransaction(t *testing.T) {
	eachQueue(t, func(t *testing.T, q *queue) {
		for i := range 3 {
			if err := q.add(fmt.Sprint("alone ", i), nil)(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if q.commits.Load() != 3 || q.steps.Load() != 0 {
			t.Errorf("3 lone updates made %d commits and %d savepoint statements, want 3 and 0", q.commits.Load(),
				q.steps.Load())
		}
		q.commits.Store(0)
		var all []func(context.Context) error
		for i := range 2 * db.MaxJoined {
			all = append(all, q.add(fmt.Sprint(i), nil))
		}
		errs, err := q.behind(nil, all...)
		if err := errors.Join(append(errs, err)...); err != nil {
			t.Fatal(err)
		}
		if n := q.commits.Load(); n != 3 {
			t.Errorf("%d updates made %d commits, want 3", 2*db.MaxJoined+1, n)
		}
		if n := len(q.added()); n != 3+2*db.MaxJoined {
			t.Errorf("%d updates added %d rows", 3+2*db.MaxJoined, n)
		}
	})
}

// An error undoes the update that returned it, also the first one, and no other.
func TestErrorUndoesOneUpdate(t *testing.T) {
	refused := fault.New(fault.Denied, "not you")
	for _, first := range []error{nil, errors.New("first")} {
		eachQueue(t, func(t *testing.T, q *queue) {
			errs, err := q.behind(first, q.add("a", nil), q.add("b", refused), q.add("c", nil), q.add("d", refused))
			if !errors.Is(err, first) || errs[0] != nil || !fault.Is(errs[1], fault.Denied) || errs[2] != nil ||
				!fault.Is(errs[3], fault.Denied) {
				t.Errorf("the updates returned %v and %v", err, errs)
			}
			q.want("a", "c")
		})
	}
}

// Of updates that insert the same row in one transaction, the first wins.
func TestOneOfManyWins(t *testing.T) {
	eachQueue(t, func(t *testing.T, q *queue) {
		errs, _ := q.behind(nil, q.add("same", nil), q.add("same", nil), q.add("same", nil))
		if errs[0] != nil || !fault.Is(errs[1], fault.Conflict) || !fault.Is(errs[2], fault.Conflict) {
			t.Errorf("three equal inserts = %v, want one success and two conflicts", errs)
		}
		q.want("same")
	})
}

// A panic, or a goroutine that ends, undoes its own update alone and reaches its caller.
func TestPanicUndoesOneUpdate(t *testing.T) {
	eachQueue(t, func(t *testing.T, q *queue) {
		var panicked, ended any
		errs, err := q.behind(nil, q.add("a", nil),
			func(ctx context.Context) error {
				defer func() { panicked = recover() }()
				return q.db.Catalog().Update(ctx, func(tx catalog.Tx) error {
					err := q.insert(ctx, tx, "b")
					panic(fmt.Sprint("with ", err))
				})
			},
			q.add("c", nil),
			func(ctx context.Context) error {
				var all sync.WaitGroup
				all.Go(func() {
					defer func() { ended = "ended" }()
					_ = q.db.Catalog().Update(ctx, func(tx catalog.Tx) error {
						if err := q.insert(ctx, tx, "d"); err != nil {
							return err
						}
						runtime.Goexit()
						return nil
					})
				})
				all.Wait()
				return nil
			},
		)
		if err := errors.Join(append(errs, err)...); err != nil {
			t.Error(err)
		}
		if panicked != "with <nil>" || ended != "ended" {
			t.Errorf("the panic was %v, the other goroutine %v", panicked, ended)
		}
		q.want("a", "c")
		if err := q.add("e", nil)(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A panic of the first update in a transaction leaves nothing behind, and the next ones run.
func TestPanicOfTheFirstUpdate(t *testing.T) {
	eachQueue(t, func(t *testing.T, q *queue) {
		func() {
			defer func() { _ = recover() }()
			_ = q.db.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
				_ = q.insert(t.Context(), tx, "a")
				panic("first")
			})
		}()
		if err := q.add("b", nil)(t.Context()); err != nil {
			t.Error(err)
		}
		q.want("b")
	})
}

// If the commit fails, all updates of the transaction fail with its error, also those that were refused: a change that
// is not there may have been the reason.
func TestCommitFailsForAll(t *testing.T) {
	eachQueue(t, func(t *testing.T, q *queue) {
		q.failing(func(s db.Step) bool { return s.Op == db.OpCommit }, storagetest.ErrInjected)
		errs, err := q.behind(nil, q.add("a", nil), q.add("a", nil), q.add("b", fault.New(fault.Denied, "no")))
		for i, err := range append(errs, err) {
			if !errors.Is(err, storagetest.ErrInjected) {
				t.Errorf("update %d = %v, want the error of the commit", i, err)
			}
		}
		q.want()
		q.fail.Store(nil)
		if err := q.add("a", nil)(t.Context()); err != nil {
			t.Errorf("an update after the failed commit = %v", err)
		}
		q.want("a")
	})
}

// If an update breaks the whole transaction, it alone fails: the others run again. The error of their transaction is
// not theirs.
func TestLostTransactionRunsAgain(t *testing.T) {
	for _, verb := range []string{"ROLLBACK TO", "RELEASE", "SAVEPOINT joined"} {
		eachQueue(t, func(t *testing.T, q *queue) {
			var failed atomic.Bool
			third := 0
			q.failing(func(s db.Step) bool {
				if !strings.HasPrefix(s.SQL, verb) {
					return false
				}
				third++
				return third == 1 && !failed.Swap(true)
			}, storagetest.ErrInjected)
			broken := errors.New("broken")
			errs, err := q.behind(nil, q.add("a", nil), q.add("b", broken), q.add("c", nil))
			if err != nil || errs[0] != nil || !errors.Is(errs[1], broken) || errs[2] != nil {
				t.Errorf("%s fails: the updates returned %v and %v", verb, err, errs)
			}
			if !failed.Load() {
				t.Errorf("%s was never run", verb)
			}
			q.want("a", "c")
		})
	}
}

// A caller that gives up while it waits returns at once, and changes nothing.
func TestUpdateCanceledInLine(t *testing.T) {
	eachQueue(t, func(t *testing.T, q *queue) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		later := make(chan error, 2)
		err := q.db.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
			canceled := make(chan error)
			go func() { later <- q.add("a", nil)(context.Background()) }()
			q.await(1)
			go func() { canceled <- q.add("b", nil)(ctx) }()
			q.await(2)
			go func() { later <- q.add("c", nil)(context.Background()) }()
			q.await(3)
			cancel()
			if err := <-canceled; !errors.Is(err, context.Canceled) {
				t.Errorf("a canceled update = %v", err)
			}
			return nil
		})
		if err := errors.Join(err, <-later, <-later); err != nil {
			t.Error(err)
		}
		q.want("a", "c")
	})
}

// A caller that gives up while its update runs undoes that update alone.
func TestUpdateCanceledWhileItRuns(t *testing.T) {
	eachQueue(t, func(t *testing.T, q *queue) {
		errs, err := q.behind(nil, q.add("a", nil),
			func(ctx context.Context) error {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				return q.db.Catalog().Update(ctx, func(tx catalog.Tx) error {
					if err := q.insert(ctx, tx, "b"); err != nil {
						return err
					}
					cancel()
					return q.insert(ctx, tx, "c")
				})
			},
			q.add("d", nil))
		if err != nil || errs[0] != nil || !errors.Is(errs[1], context.Canceled) || errs[2] != nil {
			t.Errorf("the updates returned %v and %v", err, errs)
		}
		q.want("a", "d")
	})
}

// Many updates at once, some of which are refused, canceled or panic: exactly the others are there, each once.
func TestManyUpdatesAtOnce(t *testing.T) {
	eachQueue(t, func(t *testing.T, q *queue) {
		var all sync.WaitGroup
		var want []string
		for i := range 120 {
			name := fmt.Sprintf("%03d", i)
			if i%4 == 0 {
				want = append(want, name)
			}
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				defer func() { _ = recover() }()
				err := q.db.Catalog().Update(ctx, func(tx catalog.Tx) error {
					if err := q.insert(ctx, tx, name); err != nil {
						return err
					}
					switch i % 4 {
					case 1:
						return fault.New(fault.Denied, "no")
					case 2:
						cancel()
						return ctx.Err()
					case 3:
						panic("in an update")
					}
					return nil
				})
				if (err == nil) != (i%4 == 0) {
					t.Errorf("update %d = %v", i, err)
				}
			})
		}
		all.Wait()
		q.want(want...)
		if n := q.commits.Load(); n > 60 {
			t.Errorf("120 updates at once made %d commits", n)
		}
	})
}
