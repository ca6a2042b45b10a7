package account_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
)

// mailing is a bureau whose two processes send mail.
func mailing(t *testing.T) *bureau {
	t.Helper()
	b := newBureau(t)
	b.mails()
	return b
}

// mails makes both processes of a bureau send mail.
func (b *bureau) mails() {
	b.serve(settings{outbox: outbox.Options{Sends: true, SecurityURL: "https://h.example/manage/account/security/"}})
}

var quiet = slog.New(slog.DiscardHandler)

// postman is a mail server that fails as it is told, and notes what it was given.
type postman struct {
	mu    sync.Mutex
	err   error
	taken []string
	tried int
	busy  map[string]bool
	twice bool // whether a letter was being sent twice at a time
}

func (p *postman) send(_ context.Context, to string, l outbox.Letter) error {
	key := to + " " + l.Subject
	p.mu.Lock()
	p.twice = p.twice || p.busy[key]
	if p.busy == nil {
		p.busy = map[string]bool{}
	}
	p.busy[key] = true
	p.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy[key] = false
	p.tried++
	if p.err == nil {
		p.taken = append(p.taken, key)
	}
	return p.err
}

// However many processes send at once, each letter goes once, and none is left.
func TestLettersGoOnce(t *testing.T) {
	onEach(t, func(t *testing.T, b *bureau) {
		b.mails()
		for i := range 60 {
			b.must(b.Warn(t.Context(), fmt.Sprintf("u%d@acme.example", i%30), outbox.Letter{Subject: fmt.Sprint(i), Text: "x"}))
		}
		select {
		case <-b.Letters():
		default:
			t.Error("nobody is told that letters wait")
		}
		p := &postman{}
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				a := b.process
				if i%2 == 1 {
					a = b.beside
				}
				if err := a.Deliver(t.Context(), quiet, p.send); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		seen := map[string]bool{}
		for _, key := range p.taken {
			seen[key] = true
		}
		if len(p.taken) != 60 || len(seen) != 60 || p.twice {
			t.Errorf("%d letters of 60 went, %d different ones, at a time: %v", len(p.taken), len(seen), p.twice)
		}
		b.must(b.Deliver(t.Context(), quiet, p.send))
		if len(p.taken) != 60 {
			t.Error("a letter went again")
		}
	})
}

// A letter that the server does not take is tried again after pauses that double, for three days. What it refuses for
// good is not.
func TestLettersAreTriedAgain(t *testing.T) {
	b := mailing(t)
	ctx := t.Context()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	l := outbox.Letter{Subject: "Your account", Text: "the text of it"}
	b.must(b.Warn(ctx, "ann@acme.example", l))
	p := &postman{err: fault.New(fault.Unavailable, "the mail server does not answer")}
	began := b.now
	var at []time.Duration
	for b.now.Sub(began) < 5*24*time.Hour {
		before := p.tried
		b.must(b.Deliver(ctx, logger, p.send))
		if p.tried > before {
			at = append(at, b.now.Sub(began))
		}
		b.pass(time.Minute)
	}
	want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 871, 1231}
	for i, m := range want {
		if i >= len(at) || at[i] != m*time.Minute {
			t.Fatalf("tried after %v, want %v minutes first", at, want)
		}
	}
	if last := at[len(at)-1]; last > 3*24*time.Hour || last < 2*24*time.Hour {
		t.Errorf("the last try was after %v, want one shortly before three days", last)
	}
	if text := log.String(); strings.Count(text, "given_up=true") != 1 || strings.Contains(text, "ann@") ||
		strings.Contains(text, "the text") {
		t.Errorf("the log says\n%s", text)
	}
	b.must(b.Warn(ctx, "ann@acme.example", l))
	b.must(b.Deliver(ctx, quiet, p.send))
	p.err = nil
	b.must(b.Deliver(ctx, quiet, p.send))
	if len(p.taken) != 0 {
		t.Error("a letter went during its pause")
	}
	b.pass(time.Minute)
	b.must(b.beside.Deliver(ctx, quiet, p.send))
	if len(p.taken) != 1 {
		t.Errorf("%d letters went after the server was well again, want 1", len(p.taken))
	}
	p.err = fault.New(fault.Invalid, "no such mailbox")
	b.must(b.Warn(ctx, "gone@acme.example", l))
	tried := p.tried
	for range 5 {
		b.must(b.Deliver(ctx, quiet, p.send))
		b.pass(24 * time.Hour)
	}
	if p.tried != tried+1 {
		t.Errorf("a letter that was refused for good was tried %d times", p.tried-tried)
	}
}

// A letter that a process was sending when it was killed is sent by another one later.
func TestLettersOutliveAProcess(t *testing.T) {
	b := mailing(t)
	b.must(b.Warn(t.Context(), "ann@acme.example", outbox.Letter{Subject: "x", Text: "x"}))
	dying, kill := context.WithCancel(t.Context())
	err := b.Deliver(dying, quiet,
		func(context.Context, string, outbox.Letter) error { kill(); return errors.New("cut off") })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Deliver at the end = %v", err)
	}
	p := &postman{}
	b.must(b.beside.Deliver(t.Context(), quiet, p.send))
	if p.tried != 0 {
		t.Error("the letter was tried while the other process could still be sending it")
	}
	b.pass(5 * time.Minute)
	b.must(b.beside.Deliver(t.Context(), quiet, p.send))
	if len(p.taken) != 1 {
		t.Errorf("%d letters went, want 1", len(p.taken))
	}
}

// So many letters wait for one address and no more, an index without mail keeps none, and the sweep removes what is too
// old.
func TestLettersAreBounded(t *testing.T) {
	b := mailing(t)
	ctx := t.Context()
	l := outbox.Letter{Subject: "x", Text: "x"}
	for range 20 {
		b.must(b.Warn(ctx, "ann@acme.example", l))
	}
	b.want("one more", b.Warn(ctx, "ann@acme.example", l), fault.TooMany)
	b.must(b.Warn(ctx, "bob@acme.example", l))
	b.must(b.Warn(ctx, "", l))
	silent := outbox.New(b.db.Outbox(), outbox.Options{Now: b.clock})
	b.must(silent.Warn(ctx, "carol@acme.example", l))
	b.pass(3*24*time.Hour + time.Minute)
	b.must(silent.Sweep(ctx))
	b.must(b.Warn(ctx, "ann@acme.example", l))
	p := &postman{}
	b.must(b.Deliver(ctx, quiet, p.send))
	if len(p.taken) != 1 {
		t.Errorf("%q went, want what was written after the sweep", p.taken)
	}
}

// Ten wrong codes in a row make one letter to the owner, in the transaction that counts the tenth.
func TestTenWrongCodesMakeALetter(t *testing.T) {
	b := mailing(t)
	ctx := t.Context()
	b.user("alice")
	_, alice, _ := b.authenticator("alice")
	b.must(b.SetProfile(ctx, alice, access.Profile{Email: "alice@acme.example"}))
	p := &postman{}
	var text string
	for i := range 15 {
		b.pass(20 * time.Minute)
		who := at(fmt.Sprintf("198.51.%d.1", i))
		step, err := b.step(who, "alice", "")
		b.must(err)
		_, err = b.SecondFactor(ctx, who, signin.Code{Step: step, Typed: "000000", Browser: "Firefox on Linux"})
		b.want("a wrong code", err, fault.Invalid)
		b.must(b.Deliver(ctx, quiet, func(ctx context.Context, to string, l outbox.Letter) error {
			text = to + "\n" + l.Text
			return p.send(ctx, to, l)
		}))
		if (len(p.taken) == 1) != (i >= 9) {
			t.Fatalf("after %d wrong codes %d letters went", i+1, len(p.taken))
		}
	}
	for _, want := range []string{
		"alice@acme.example", "ten wrong codes", "From: 198.51.9.1, Firefox on Linux",
		"https://h.example/manage/account/security/",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the letter lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, good) || strings.Contains(text, "000000") || strings.Contains(text, access.TokenPrefix) {
		t.Errorf("the letter holds a secret:\n%s", text)
	}
}
