package publishers_test

import (
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/publishers/exchange"
)

// TestReplay asks with one token at every second from before its expiry until long after: it works once.
func TestReplay(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	raw := b.token(nil)
	exp := b.clock.Now().Add(5 * time.Minute)
	b.clock.Set(exp.Add(-time.Second))
	won := 0
	for !b.clock.Now().After(exp.Add(exchange.Leeway + 60*time.Second)) {
		_, err := b.exchange(raw)
		late := !b.clock.Now().Before(exp.Add(exchange.Leeway))
		switch {
		case err == nil:
			won++
		case late:
			refuse(t, err, exchange.CodeToken, "expired")
		default:
			refuse(t, err, exchange.CodeReuse, "used before")
		}
		if err := b.registry.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.clock.Pass(time.Second)
	}
	if won != 1 {
		t.Errorf("one token was exchanged %d times", won)
	}
}

// TestMintRace sends one token 64 times at once, to two registries that share nothing but the database.
func TestMintRace(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		b.add("widgets")
		replicas := b.replicas()
		won := race(64, func(i int) error {
			_, err := replicas[i%2].Exchange(t.Context(), b.guest, b.tokenOnce(), upload)
			return err
		}, func(err error) { refuse(t, err, exchange.CodeReuse, "used before") })
		if won != 1 {
			t.Errorf("one token was exchanged %d times", won)
		}
		if n := len(b.store.of("publisher.exchange")); n != 64 {
			t.Errorf("%d entries of 64 exchanges", n)
		}
	})
}

// tokenOnce is the same token for every caller.
func (b *bench) tokenOnce() access.Secret {
	return access.Secret(b.issuer.Sign(b.issuer.Claims(audience, b.clock.Now(), map[string]any{"jti": "the one"})))
}

// race runs f n times at once and returns how many gave nil; lose judges the other errors.
func race(n int, f func(i int) error, lose func(error)) int {
	errs := make([]error, n)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() { start.Wait(); errs[i] = f(i) })
	}
	start.Done()
	done.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			lose(err)
		}
	}
	return won
}

// TestFailedMatchKeepsToken: a refusal for want of a publisher does not use the token up.
func TestFailedMatchKeepsToken(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	raw := b.token(nil)
	_, err := b.exchange(raw)
	refuse(t, err, exchange.CodePublisher,
		`no project here trusts "acme/widgets"; an owner of the project has to add a publisher for it, or correct its names and ids`)
	b.add("widgets", "environment", "staging")
	_, err = b.exchange(raw)
	refuse(t, err, exchange.CodePublisher, "environment")
	b.add("widgets")
	if _, err := b.exchange(raw); err != nil {
		t.Errorf("Exchange after the publisher was added = %v", err)
	}
	_, err = b.exchange(raw)
	refuse(t, err, exchange.CodeReuse, "used before")
}

// TestReplayOfLongJob checks that a GitLab token, which lasts as long as its job may run, can be used once during all
// that time, also after every sweep.
func TestReplayOfLongJob(t *testing.T) {
	s := newSite(t, gitlabKind)
	s.project("widgets", "")
	s.trust("widgets", nil)
	exp := s.clock.Now().Add(31 * 24 * time.Hour)
	raw := s.token(map[string]any{"exp": exp.Unix()})
	if _, err := s.exchange(raw); err != nil {
		t.Fatal(err)
	}
	for s.clock.Now().Before(exp) {
		s.clock.Pass(11 * time.Hour)
		if err := s.registry.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		code, word := exchange.CodeReuse, "used before"
		if !s.clock.Now().Before(exp.Add(exchange.Leeway)) {
			code, word = exchange.CodeToken, "expired"
		}
		_, err := s.exchange(raw)
		refuse(t, err, code, word)
	}
}
