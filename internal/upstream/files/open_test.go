package files_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
)

// TestAFileIsPassedOnWhileItArrives checks that a reader gets what arrived before the download ends, all but the end of
// the file, and that the file is stored then and served without the upstream.
func TestAFileIsPassedOnWhileItArrives(t *testing.T) {
	w := newWorld(t, files.Options{MayServe: servesAll})
	p := content(3 << 20)
	f, r := w.file("big-1.0-py3-none-any.whl", p)
	r.gate, r.stopAt = make(chan struct{}), len(p)-1
	o, err := w.files.Open(t.Context(), public, f)
	w.must(err)
	defer o.Close()
	if o.Stream == nil || o.Size != f.Size || o.SHA256 != f.SHA256 {
		t.Fatalf("Open() = %+v, want a stream of %d bytes", o, f.Size)
	}
	early := make([]byte, len(p)-files.HoldBack)
	if _, err := io.ReadFull(o.Stream, early); err != nil || !bytes.Equal(early, p[:len(early)]) {
		t.Fatalf("reading all but the end while the download is under way: %v", err)
	}
	type result struct {
		p   []byte
		err error
	}
	rest := make(chan result, 1)
	go func() {
		p, err := io.ReadAll(o.Stream)
		rest <- result{p, err}
	}()
	select {
	case got := <-rest:
		t.Fatalf("the end came before the file was complete: %d bytes, %v", len(got.p), got.err)
	case <-time.After(50 * time.Millisecond):
	}
	close(r.gate)
	if got := <-rest; got.err != nil || !bytes.Equal(got.p, p[len(early):]) {
		t.Fatalf("the end of the file: %d bytes, %v", len(got.p), got.err)
	}
	w.settle()
	got, o, err := w.read(f)
	if err != nil || !bytes.Equal(got, p) || !o.Stored || !o.Ranges {
		t.Errorf("the second time: %d bytes of %+v, %v, want the stored file", len(got), o, err)
	}
	if _, ok := o.Blob.(*os.File); !ok {
		t.Errorf("a stored file is a %T, want an *os.File for sendfile", o.Blob)
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("the upstream was asked %d times, want 1", n)
	}
	if row := w.row(f); row.Project != "big" || row.Filename != f.Filename || !row.Stored {
		t.Errorf("the row is %+v", row)
	}
}

// TestNobodyGetsTheEndOfAWrongFile checks, for files of all sizes and every way in which content can be wrong, that no
// reader gets its last byte or a proper end, and that nothing of it is kept.
func TestNobodyGetsTheEndOfAWrongFile(t *testing.T) {
	w := newWorld(t, files.Options{})
	alarms := 0
	sizes := []int{1, 1000, files.HoldBack - 1, files.HoldBack, files.HoldBack + 1, 300_000, 2 << 20}
	for _, size := range sizes {
		right := content(size)
		flip := func(at int) []byte {
			p := bytes.Clone(right)
			p[at] ^= 1
			return p
		}
		for name, test := range map[string]struct {
			r       *reply
			alarm   bool
			unsized bool // the page states no size
		}{
			"the first byte":         {r: &reply{body: flip(0)}, alarm: true},
			"the last byte":          {r: &reply{body: flip(size - 1)}, alarm: true},
			"the last, without size": {r: &reply{body: flip(size - 1), size: -1}, alarm: true, unsized: true},
			"too long":               {r: &reply{body: append(bytes.Clone(right), 'x'), size: -1}, alarm: true},
			"too long, unsized":      {r: &reply{body: append(bytes.Clone(right), 'x')}, alarm: true, unsized: true},
			"too long, as stated":    {r: &reply{body: append(bytes.Clone(right), 'x')}},
			"too short":              {r: &reply{body: right[:size-1], size: -1}},
			"too short, unsized":     {r: &reply{body: right[:size-1], size: -1}, alarm: true, unsized: true},
			"broken":                 {r: &reply{body: right, fails: max(1, size/2)}},
			"a page":                 {r: &reply{body: []byte("<html>down</html>"), size: -1, kind: "text/html; charset=utf-8"}},
		} {
			if name == "broken" && size == 1 {
				continue // the one byte is all
			}
			t.Run(fmt.Sprint(size, " ", name), func(t *testing.T) {
				f, _ := w.file(fmt.Sprintf("p%d-1.0.tar.gz", size), right)
				f.URL += "?" + url.QueryEscape(name)
				if test.unsized {
					f.Size = -1
				}
				r := &reply{body: test.r.body, size: test.r.size, kind: test.r.kind, fails: test.r.fails}
				w.up.set(f.URL, r)
				var all sync.WaitGroup
				for range 5 {
					all.Go(func() {
						got, _, err := w.read(f)
						if err == nil {
							t.Error("reading ended without an error")
						}
						if max := len(r.body) - files.HoldBack; len(got) > 0 && len(got) >= len(r.body) ||
							len(got) > 0 && r.size == 0 && len(got) > max {
							t.Errorf("a reader got %d of %d bytes", len(got), len(r.body))
						}
						if kindOf(err) == "" {
							t.Errorf("the error is %v, want a failure of the upstream", err)
						}
					})
				}
				all.Wait()
				w.settle()
				if n := w.objects(); n != 0 {
					t.Errorf("%d objects were kept", n)
				}
				if test.alarm {
					alarms++
				}
				if n, m := len(w.entries("upstream.mismatch")), w.files.Counters().Mismatches; n != alarms || int(m) != alarms {
					t.Errorf("%d alarms were raised and %d counted, want %d", n, m, alarms)
				}
				if staged, _ := filepath.Glob(filepath.Join(w.folder, ".stage", "*")); len(staged) > 0 {
					t.Errorf("%v remains", staged)
				}
			})
		}
	}
}

// TestAMismatchBlocksTheFileForAWhile checks that the upstream is not asked again for ten minutes, and then serves the
// right content.
func TestAMismatchBlocksTheFileForAWhile(t *testing.T) {
	w := newWorld(t, files.Options{})
	p := content(1000)
	f, _ := w.file("p-1.0.tar.gz", p)
	lie := w.up.set(f.URL, &reply{body: content(1000 - 1), size: -1})
	lie.body = append(lie.body, 'x')
	for range 3 {
		_, _, err := w.read(f)
		if kindOf(err) != upstream.Wrong {
			t.Fatalf("reading = %v, want a wrong answer", err)
		}
		w.settle()
	}
	if n := lie.asked.Load(); n != 1 {
		t.Errorf("the upstream was asked %d times, want 1", n)
	}
	if !strings.Contains(w.log.String(), "level=ERROR") {
		t.Error("nothing was logged")
	}
	var why *upstream.Failure
	if _, _, err := w.read(f); !errors.As(err, &why) || why.RetryAfter < 9*time.Minute || why.RetryAfter > 10*time.Minute {
		t.Errorf("RetryAfter is %v, want the rest of ten minutes", why)
	}
	w.settle()
	w.up.set(f.URL, &reply{body: p})
	w.now.Store(int64(11 * time.Minute))
	if got, _, err := w.read(f); err != nil || !bytes.Equal(got, p) {
		t.Errorf("after ten minutes: %d bytes, %v", len(got), err)
	}
	w.settle()
	if row := w.row(f); !row.BlockedUntil.IsZero() {
		t.Errorf("the row is still blocked until %v", row.BlockedUntil)
	}
}

// TestAThousandClientsShareOneDownload checks that one request is sent for one file, and that all get it.
func TestAThousandClientsShareOneDownload(t *testing.T) {
	w := newWorld(t, files.Options{})
	p := content(5 << 20)
	f, r := w.file("p-1.0.tar.gz", p)
	r.piece = 200_000
	var all sync.WaitGroup
	var wrong atomic.Int64
	for range 1000 {
		all.Go(func() {
			o, err := w.files.Open(t.Context(), public, f)
			if err != nil {
				wrong.Add(1)
				t.Log(err)
				return
			}
			if err := same(o, p); err != nil {
				wrong.Add(1)
			}
		})
	}
	all.Wait()
	if n := r.asked.Load(); n != 1 || wrong.Load() != 0 {
		t.Errorf("%d requests and %d wrong files, want 1 and 0", n, wrong.Load())
	}
}

// same reads a file and compares it, without keeping it in memory.
func same(o files.Opened, want []byte) error {
	defer o.Close()
	from := io.Reader(o.Stream)
	if o.Blob != nil {
		from = o.Blob
	}
	got := make([]byte, 64<<10)
	for {
		n, err := from.Read(got)
		if n > len(want) || !bytes.Equal(got[:n], want[:n]) {
			return errors.New("other content")
		}
		if want = want[n:]; err == io.EOF && len(want) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%d bytes before the end: %w", len(want), err)
		}
	}
}

// TestAFollowerWaitsAFewSecondsOnly checks that a client whose file arrives slowly for another one is told to come
// back, and that the other one still gets it.
func TestAFollowerWaitsAFewSecondsOnly(t *testing.T) {
	for name, size := range map[string]int{"small": 1000, "large, without a byte yet": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, files.Options{})
			w.files.SetTimes(100*time.Millisecond, time.Second, time.Second, time.Second)
			p := content(size)
			f, r := w.file("p-1.0.tar.gz", p)
			r.gate, r.stopAt = make(chan struct{}), 0
			first := make(chan error, 1)
			go func() {
				got, _, err := w.read(f)
				if err == nil && !bytes.Equal(got, p) {
					err = errors.New("other content")
				}
				first <- err
			}()
			w.eventually("the request", func() bool { return r.asked.Load() == 1 })
			var why *upstream.Failure
			if _, _, err := w.read(f); !errors.As(err, &why) || why.Kind != upstream.Busy || why.RetryAfter <= 0 ||
				why.RetryAfter > 5*time.Second {
				t.Errorf("the follower got %v, want Busy with a short RetryAfter", err)
			}
			close(r.gate)
			if err := <-first; err != nil {
				t.Errorf("the first client got %v", err)
			}
			if n := r.asked.Load(); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// TestTheLastClientLeaves checks that a download ends with its last client, unless more than half of the file is there.
func TestTheLastClientLeaves(t *testing.T) {
	for _, test := range []struct {
		name   string
		stopAt int
		size   int64 // that page and response state, 0 for the right one
		goesOn bool
	}{
		{"before the first byte", 0, 0, false},
		{"before half", 1 << 20, 0, false},
		{"after half", 3 << 20, 0, true},
		{"after half of an unknown size", 3 << 20, -1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, files.Options{})
			p := content(4 << 20)
			f, r := w.file("p-1.0.tar.gz", p)
			r.gate, r.stopAt, r.size = make(chan struct{}), test.stopAt, test.size
			if test.size < 0 {
				f.Size = -1
			}
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					o, err := w.files.Open(ctx, public, f)
					if err == nil {
						io.Copy(io.Discard, o.Stream)
						o.Close()
					}
				})
			}
			w.eventually("the bytes", func() bool {
				return r.asked.Load() == 1 && w.files.Counters().FromUpstream == int64(test.stopAt)
			})
			leave()
			all.Wait()
			if test.goesOn {
				close(r.gate)
				w.settle()
				if !w.row(f).Stored {
					t.Error("the download that went on was not kept")
				}
				return
			}
			select {
			case <-r.ended:
			case <-time.After(5 * time.Second):
				t.Fatal("the download goes on without clients")
			}
			w.settle()
			w.up.set(f.URL, &reply{body: p})
			if got, _, err := w.read(f); err != nil || !bytes.Equal(got, p) {
				t.Errorf("the next client got %d bytes, %v", len(got), err)
			}
		})
	}
}

// TestLostContentIsFetchedAgain checks that a row whose content is missing or cut short repairs itself, and that a
// failure to do so is the upstream's wrong answer.
func TestLostContentIsFetchedAgain(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"missing": os.Remove,
		"cut":     func(path string) error { return os.Truncate(path, 10) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, files.Options{})
			p := content(400_000)
			f, r := w.file("p-1.0.tar.gz", p)
			_, _, err := w.read(f)
			w.must(err)
			w.settle()
			path := filepath.Join(w.folder, filepath.FromSlash(custody.FileKey(f.SHA256)))
			w.must(lose(path))
			r.err = &upstream.Failure{Upstream: "public", Kind: upstream.Silent, Err: errors.New("away")}
			if _, _, err := w.read(f); kindOf(err) != upstream.Wrong {
				t.Errorf("while the upstream is away: %v, want a wrong answer", err)
			}
			w.settle()
			r.err = nil
			if got, _, err := w.read(f); err != nil || !bytes.Equal(got, p) {
				t.Errorf("the repaired file has %d bytes, %v", len(got), err)
			}
			w.settle()
			if _, o, err := w.read(f); err != nil || !o.Stored {
				t.Errorf("after the repair: %+v, %v, want it stored", o, err)
			}
			if n := r.asked.Load(); n != 3 {
				t.Errorf("%d requests, want 3", n)
			}
		})
	}
}

// TestAListedFileIsNeverAbsent checks that an upstream that lacks a file of its page is said to answer wrongly.
func TestAListedFileIsNeverAbsent(t *testing.T) {
	w := newWorld(t, files.Options{})
	f, _ := w.file("p-1.0.tar.gz", content(10))
	f.URL += "?gone"
	if _, _, err := w.read(f); kindOf(err) != upstream.Wrong {
		t.Errorf("Open() = %v, want a wrong answer", err)
	}
}

// TestARangeOfAFileThatIsNotStored checks that a range of a file up to 50 MiB is answered from its verified content,
// and that a larger file and one of unknown size offer none.
func TestARangeOfAFileThatIsNotStored(t *testing.T) {
	w := newWorld(t, files.Options{})
	p := content(3 << 20)
	f, r := w.file("p-1.0.tar.gz", p)
	r.gate, r.stopAt = make(chan struct{}), 2<<20
	i, err := w.files.Stat(t.Context(), public, f)
	if want := (files.Info{Size: f.Size, SHA256: f.SHA256, Ranges: true}); err != nil || i != want {
		t.Errorf("Stat() = %+v, %v, want %+v", i, err, want)
	}
	o, err := w.files.Open(t.Context(), public, f)
	w.must(err)
	defer o.Close()
	if o.Stream == nil || !o.Ranges {
		t.Fatalf("Open() = %+v, want a stream with ranges", o)
	}
	time.AfterFunc(50*time.Millisecond, func() { close(r.gate) })
	b, ok, err := o.Stream.Whole(t.Context())
	if !ok || err != nil {
		t.Fatalf("Whole() = %v, %v", ok, err)
	}
	got := make([]byte, 1000)
	if _, err := b.Seek(-1000, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, p[len(p)-1000:]) {
		t.Errorf("the last 1000 bytes are wrong: %v", err)
	}
	w.must(b.Close())
	if n := r.asked.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	for name, size := range map[string]int64{"large": files.MaxWhole + 1, "unknown": -1} {
		other := page.File{Filename: name + "-1.0.tar.gz", URL: "http://files.test/x/" + name, Size: size}
		if i, err := w.files.Stat(t.Context(), public, other); err != nil || i.Ranges || i.Size != size {
			t.Errorf("Stat(%s) = %+v, %v, want no ranges", name, i, err)
		}
	}
}

// TestWholeDoesNotWaitForLong checks that a range is given up when the file takes long, and can still be read.
func TestWholeDoesNotWaitForLong(t *testing.T) {
	w := newWorld(t, files.Options{})
	w.files.SetTimes(time.Second, time.Second, 50*time.Millisecond, time.Second)
	p := content(3 << 20)
	f, r := w.file("p-1.0.tar.gz", p)
	r.gate, r.stopAt = make(chan struct{}), 2<<20
	o, err := w.files.Open(t.Context(), public, f)
	w.must(err)
	if _, ok, err := o.Stream.Whole(t.Context()); ok || err != nil {
		t.Errorf("Whole() = %v, %v, want false", ok, err)
	}
	close(r.gate)
	if got, err := readAll(o); err != nil || !bytes.Equal(got, p) {
		t.Errorf("reading it then: %d bytes, %v", len(got), err)
	}
}

// TestOtherReplicasBytesAreUsed checks that a process that downloads a file goes on with the bytes that another one has
// finished, and ends its own request.
func TestOtherReplicasBytesAreUsed(t *testing.T) {
	w := newWorld(t, files.Options{})
	p := content(3 << 20)
	f, slow := w.file("p-1.0.tar.gz", p)
	slow.gate, slow.stopAt = make(chan struct{}), 1<<20
	o, err := w.files.Open(t.Context(), public, f)
	w.must(err)
	other := w.replica(files.Options{})
	fast := w.up.set(f.URL, &reply{body: p})
	if got, _, err := other.read(f); err != nil || !bytes.Equal(got, p) {
		t.Fatalf("the other replica got %d bytes, %v", len(got), err)
	}
	other.settle()
	got, err := readAll(o)
	if err != nil || !bytes.Equal(got, p) {
		t.Errorf("the slow replica got %d bytes, %v", len(got), err)
	}
	select {
	case <-slow.ended:
	case <-time.After(5 * time.Second):
		t.Error("the request of the slow replica was not ended")
	}
	third := w.replica(files.Options{})
	if _, o, err := third.read(f); err != nil || !o.Stored {
		t.Errorf("a third replica got %+v, %v, want the stored file", o, err)
	}
	if a, b := slow.asked.Load(), fast.asked.Load(); a != 1 || b != 1 {
		t.Errorf("%d and %d requests, want one of each replica", a, b)
	}
	if n := w.objects(); n != 1 {
		t.Errorf("%d objects, want 1", n)
	}
}
