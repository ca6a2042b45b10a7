package publishers_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/storage/db"
	"pyindex/internal/workload"
)

// breaker fails one step of a database: the nth from when it was set, before it takes effect or after.
type breaker struct {
	left  atomic.Int64 // steps until the failure; never for 0
	after bool
}

var errBroken = errors.New("the disk is gone")

func (k *breaker) hook(_ db.Step, do func() error) error {
	if k.left.Load() == 0 || k.left.Add(-1) != 0 {
		return do()
	}
	if k.after {
		return errors.Join(do(), errBroken)
	}
	return errBroken
}

// TestExchangeOnBrokenDatabase breaks each step of an exchange that pins a publisher and makes a project. Its bearer
// gets an error and no token, and with the same token either everything at the next try, or, where the commit took
// effect and said otherwise, the word that the token was used.
func TestExchangeOnBrokenDatabase(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			broken, used := 0, 0
			for n := int64(1); ; n++ {
				again, reused := breakStep(t, n, after)
				if !again {
					break
				}
				broken++
				if reused {
					used++
				}
			}
			if want := map[bool]int{false: 0, true: 1}[after]; broken < 15 || used != want {
				t.Errorf("%d steps broke, and after %d the token was used up; want many and %d", broken, used, want)
			}
		})
	}
}

// breakStep breaks step n and reports whether there is one, and whether the token was used up by it.
func breakStep(t *testing.T, n int64, after bool) (broke, used bool) {
	b, k := newBench(t), &breaker{after: after}
	b.project("widgets", "")
	b.add("widgets", "owner_id", "")
	b.addPending(b.user("alice"), "new-thing")
	d, err := db.Open(t.Context(), b.url, db.Options{Now: b.clock.Now, Hook: k.hook})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r := newTrust(&record{d.Publishers(), b.store.entries}, b.verifier, []*workload.Kind{workload.GitHub},
		settings{rules: publishers.Options{Now: b.clock.Now}})
	raw := b.token(nil)
	k.left.Store(n)
	m, err := r.Exchange(t.Context(), b.guest, raw, upload)
	if k.left.Swap(0) != 0 {
		return false, false
	}
	if err == nil {
		return true, false // a step whose failure is of no account, such as one that closes
	}
	if _, refused := errors.AsType[*exchange.Refusal](err); refused || m.Token != "" {
		t.Errorf("step %d: Exchange = %v, %v; want no token and an error of ours", n, m.Projects, err)
	}
	m, err = r.Exchange(t.Context(), b.guest, raw, upload)
	if err != nil {
		refuse(t, err, exchange.CodeReuse, "used before")
		used = true
	} else if len(m.Projects) != 2 {
		t.Errorf("step %d: the next try covers %v, want both projects", n, m.Projects)
	}
	b.find("new-thing")
	list, err := b.registry.List(t.Context(), b.operator, "")
	if err != nil || len(list) != 2 || list[0].Pending || list[1].Pending || list[0].OwnerID != "4242" {
		t.Errorf("step %d: afterwards List = %+v, %v", n, list, err)
	}
	return true, used
}
