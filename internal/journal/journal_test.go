package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pyindex/internal/journal"
)

func textLines(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }

func jsonLines(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }

// hostile are strings that a client could have put into a line.
var hostile = []string{
	"", "plain", "with blank", "a=b", `quo"te`, `back\slash`, "line\nbreak", "tab\t", "\x00", "\x1b[31m", "\x7f", "<script>&",
	"é", "\u2028", "\u200b", "\xff\xfe", "😀", "time=", `","level":"ERROR`, "=", " ", "\r\n", strings.Repeat("long ", 500),
}

// TestLinesAreThoseOfSlog: every line has exactly the bytes that log/slog writes.
func TestLinesAreThoseOfSlog(t *testing.T) {
	at := time.Date(2026, 11, 30, 1, 2, 3, 45_678_900, time.UTC)
	times := []time.Time{
		at, at.Truncate(time.Second), at.Truncate(time.Second).Add(999_999_999), at.Add(1), at.Truncate(time.Millisecond),
		at.In(time.FixedZone("east", 5*3600+1800)), at.In(time.FixedZone("west", -8*3600)), time.Now(),
		time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(12345, 1, 1, 0, 0, 0, 5, time.UTC),
	}
	durations := []time.Duration{0, 1, 999, 1500, 2_499_410, time.Second, 61 * time.Minute, -5, 1<<63 - 1}
	for name, format := range map[string]func(io.Writer) slog.Handler{"text": textLines, "json": jsonLines} {
		var got, want bytes.Buffer
		h, plain := journal.New(&got, name == "json", format), format(&want)
		check := func(at time.Time, level slog.Level, msg string, attrs ...slog.Attr) {
			t.Helper()
			got.Reset()
			want.Reset()
			h.WriteLine(t.Context(), at, level, msg, attrs)
			h.Flush()
			r := slog.NewRecord(at, level, msg, 0)
			r.AddAttrs(attrs...)
			plain.Handle(t.Context(), r)
			if got.String() != want.String() {
				t.Errorf("%s: got\n%swant\n%s", name, got.String(), want.String())
			}
		}
		for i, s := range hostile {
			at := times[i%len(times)]
			check(at, slog.LevelInfo, s, slog.String("path", s), slog.Int("status", i), slog.String("next", "x"))
			check(at, slog.LevelInfo, "request", slog.String(s, "value"))
		}
		for _, at := range times {
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, 2, -7} {
				check(at, level, "request", slog.Int64("bytes", -1<<63), slog.String("a", "b"))
			}
		}
		for _, d := range durations {
			check(at, slog.LevelInfo, "request", slog.Duration("duration", d))
		}
		check(at, slog.LevelInfo, "request")
		check(at, slog.LevelInfo, "request", slog.Attr{}, slog.Any("error", errors.New(`a "b"`)), slog.Bool("ok", true),
			slog.Float64("f", 1.5), slog.Time("at", at), slog.Group("g", "a", 1), slog.Any("", nil), slog.Uint64("u", 1<<63))
	}
}

// TestDerivedHandlersShareTheBatch: lines of loggers with attributes keep their place.
func TestDerivedHandlersShareTheBatch(t *testing.T) {
	var got, want bytes.Buffer
	h := journal.New(&got, false, func(w io.Writer) slog.Handler { return textWithoutTime(w) })
	for _, l := range []*slog.Logger{slog.New(h), slog.New(textWithoutTime(&want))} {
		l.Info("one")
		l.With("a", 1).Info("two")
		l.WithGroup("g").With("b", 2).Info("three", "c", 3)
		l.Info("four")
	}
	h.Flush()
	if got.String() != want.String() {
		t.Errorf("got\n%swant\n%s", got.String(), want.String())
	}
}

func textWithoutTime(w io.Writer) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
}

// sink counts writes and can block.
type sink struct {
	mu     sync.Mutex
	lines  bytes.Buffer
	writes int
	open   chan struct{} // nil, or closed when writes may return
}

func (s *sink) Write(p []byte) (int, error) {
	if s.open != nil {
		<-s.open
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.lines.Write(p)
}

func (s *sink) state() (lines, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Count(s.lines.Bytes(), []byte("\n")), s.writes
}

// TestBatches: lines are written at once until there are many of them. Then those that follow are written together, and
// none is kept longer than Every.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		w := journal.NewWriter(&s)
		expect := func(lines, writes int, when string) {
			t.Helper()
			if l, n := s.state(); l != lines || n != writes {
				t.Errorf("%s: %d lines by %d writes, want %d by %d", when, l, n, lines, writes)
			}
		}
		write := func(n int) {
			for range n {
				w.Write([]byte("line\n"))
			}
		}
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		write(64)
		expect(64, 64, "the first lines")
		write(50)
		expect(64, 64, "within the time")
		pass(journal.Every)
		expect(114, 65, "after the time")
		write(1)
		expect(114, 65, "a line soon after a batch")
		pass(journal.Every)
		expect(115, 66, "after the time")
		pass(time.Hour)
		write(64)
		expect(179, 130, "after a pause")
		write(1)
		w.Flush()
		expect(180, 131, "after Flush")
		w.Write(bytes.Repeat([]byte("x"), 64<<10))
		expect(180, 132, "a large line")
	})
}

// TestWarningsAreWrittenAtOnce: with all lines before them, by each way to write one.
func TestWarningsAreWrittenAtOnce(t *testing.T) {
	for name, warn := range map[string]func(*journal.Handler){
		"record":  func(h *journal.Handler) { slog.New(h).Warn("hot") },
		"error":   func(h *journal.Handler) { slog.New(h).Error("hot") },
		"derived": func(h *journal.Handler) { slog.New(h).With("a", 1).WithGroup("g").With("b", 2).Warn("hot") },
		"line": func(h *journal.Handler) {
			h.WriteLine(context.Background(), time.Now(), slog.LevelWarn, "hot", nil)
		},
		"unusual line": func(h *journal.Handler) {
			h.WriteLine(context.Background(), time.Now(), slog.LevelError, "hot", []slog.Attr{slog.String("a", "\n")})
		},
	} {
		var s sink
		h := journal.New(&s, false, textLines)
		slog.New(h).Info("one")
		slog.New(h).Info("two")
		warn(h)
		if lines, _ := s.state(); lines != 3 || !strings.Contains(s.lines.String(), "hot") {
			t.Errorf("%s: %d lines are written, want 3", name, lines)
		}
	}
}

// TestNoLineIsLost: lines of many goroutines are all written, each whole, and those of each in its order.
func TestNoLineIsLost(t *testing.T) {
	const writers, each = 16, 5000
	var s sink
	h := journal.New(&s, false, textLines)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := range each {
				h.WriteLine(t.Context(), time.Now(), slog.LevelInfo, "request", []slog.Attr{slog.Int("w", i), slog.Int("n", n)})
			}
		})
	}
	wg.Wait()
	h.Flush()
	next := make([]int, writers)
	for line := range strings.Lines(s.lines.String()) {
		var w, n int
		_, rest, _ := strings.Cut(line, " w=")
		if _, err := fmt.Sscanf(rest, "%d n=%d\n", &w, &n); err != nil || next[w] != n {
			t.Fatalf("%q: %v, want line %d of that writer", line, err, next[w])
		}
		next[w]++
	}
	for i, n := range next {
		if n != each {
			t.Errorf("%d lines of writer %d, want %d", n, i, each)
		}
	}
	if _, writes := s.state(); writes > writers*each/20 {
		t.Errorf("%d writes for %d lines", writes, writers*each)
	}
}

// TestBlockedSink: callers wait instead of filling the memory, and all lines arrive when the sink works again.
func TestBlockedSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink{open: make(chan struct{})}
		w := journal.NewWriter(&s)
		line := append(bytes.Repeat([]byte("x"), 999), '\n')
		var wg sync.WaitGroup
		var mu sync.Mutex
		accepted := 0
		for range 8 {
			wg.Go(func() {
				for range 200 {
					w.Write(line)
					mu.Lock()
					accepted++
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		held := accepted
		mu.Unlock()
		if held > 300 || held < 100 {
			t.Errorf("%d lines of 1 kB were accepted while the sink was blocked, want about 256", held)
		}
		close(s.open)
		wg.Wait()
		w.Flush()
		if lines, _ := s.state(); lines != 1600 {
			t.Errorf("%d lines arrived, want 1600", lines)
		}
	})
}

// TestSinkPanics: a panic of the sink reaches its caller, and later lines are written.
func TestSinkPanics(t *testing.T) {
	var s sink
	broken := true
	w := journal.NewWriter(writerFunc(func(p []byte) (int, error) {
		if broken {
			panic("broken")
		}
		return s.Write(p)
	}))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		w.Write([]byte("lost\n"))
	}()
	broken = false
	w.Write([]byte("kept\n"))
	w.Flush()
	if s.lines.String() != "kept\n" {
		t.Errorf("got %q, want the later line", s.lines.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestLineAllocatesNothing: a usual line is written without allocation.
func TestLineAllocatesNothing(t *testing.T) {
	h := journal.New(io.Discard, false, textLines)
	at, attrs := time.Now(), []slog.Attr{
		slog.String("method", "GET"), slog.Int("status", 200), slog.Duration("duration", 2_499_410),
	}
	for range 200 { // grows the buffers
		h.WriteLine(t.Context(), at, slog.LevelInfo, "request", attrs)
	}
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { h.WriteLine(ctx, at, slog.LevelInfo, "request", attrs) }); n > 0 {
		t.Errorf("a line allocates %v times", n)
	}
}

// FuzzLine compares lines with arbitrary strings with those of log/slog.
func FuzzLine(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, s, int64(1))
	}
	f.Fuzz(func(t *testing.T, key, value string, d int64) {
		for _, format := range []func(io.Writer) slog.Handler{textLines, jsonLines} {
			var got, want bytes.Buffer
			_, isJSON := format(io.Discard).(*slog.JSONHandler)
			h, at := journal.New(&got, isJSON, format), time.Unix(d%(1<<33), d%1e9)
			attrs := []slog.Attr{slog.String(key, value), slog.String("k", value), slog.Duration("d", time.Duration(d))}
			h.WriteLine(t.Context(), at, slog.LevelInfo, value, attrs)
			h.Flush()
			r := slog.NewRecord(at, slog.LevelInfo, value, 0)
			r.AddAttrs(attrs...)
			format(&want).Handle(t.Context(), r)
			if got.String() != want.String() {
				t.Errorf("got\n%swant\n%s", got.String(), want.String())
			}
		}
	})
}
