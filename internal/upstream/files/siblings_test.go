package files_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
)

func (w *world) metadata(f page.File, mayFetch bool) ([]byte, string, error) {
	return w.files.Metadata(w.Context(), public, f, mayFetch)
}

// TestMetadataIsFetchedVerifiedAndKept checks the way of a .metadata file: one request for all who want it, from the
// store then, and again if it is lost.
func TestMetadataIsFetchedVerifiedAndKept(t *testing.T) {
	w := newWorld(t, files.Options{})
	document := []byte("Metadata-Version: 2.4\nName: p\nVersion: 1.0\n")
	for _, stated := range []string{sum(document), ""} {
		f, _ := w.file("p-1.0-py3-none-any"+stated+".whl", content(10))
		f.Metadata, f.MetadataSHA256 = true, stated
		if _, _, err := w.metadata(f, false); !errors.Is(err, files.ErrNotHeld) || !fault.Is(err, fault.Denied) {
			t.Errorf("Metadata(held only) = %v, want ErrNotHeld", err)
		}
		r := w.up.set(f.URL+".metadata", &reply{body: document, gate: make(chan struct{})})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				b, got, err := w.metadata(f, true)
				if err != nil || !bytes.Equal(b, document) || got != sum(document) {
					t.Errorf("Metadata() = %q, %s, %v", b, got, err)
				}
			})
		}
		w.eventually("the request", func() bool { return r.asked.Load() == 1 })
		close(r.gate)
		all.Wait()
		if _, _, err := w.metadata(f, false); err != nil || r.asked.Load() != 1 {
			t.Errorf("Metadata(held only) = %v after %d requests, want it after 1", err, r.asked.Load())
		}
		w.must(os.WriteFile(filepath.Join(w.folder, filepath.FromSlash(custody.MetadataKey(sum(document)))), []byte("x"),
			0o600))
		if b, _, err := w.metadata(f, true); err != nil || !bytes.Equal(b, document) || r.asked.Load() != 2 {
			t.Errorf("Metadata(damaged) = %q, %v after %d requests, want it again after 2", b, err, r.asked.Load())
		}
	}
}

// TestMetadataOfAnotherReplica checks that a replica that remembers a file without metadata finds what another replica
// kept since, instead of asking an upstream that is away.
func TestMetadataOfAnotherReplica(t *testing.T) {
	w := newWorld(t, files.Options{MayServe: servesAll})
	other := w.replica(files.Options{MayServe: servesAll})
	other.files.SetRowTime(time.Hour)
	f, _ := w.file("p-1.0-py3-none-any.whl", content(10))
	document := []byte("Metadata-Version: 2.4\nName: p\nVersion: 1.0\n")
	f.Metadata, f.MetadataSHA256 = true, sum(document)
	if _, _, err := other.read(f); err != nil {
		t.Fatal(err)
	}
	other.settle()
	r := w.up.set(f.URL+".metadata", &reply{body: document})
	if _, _, err := w.metadata(f, true); err != nil {
		t.Fatal(err)
	}
	if b, got, err := other.metadata(f, true); err != nil || !bytes.Equal(b, document) || got != sum(document) ||
		r.asked.Load() != 1 {
		t.Errorf("Metadata() of the other replica = %q, %v after %d requests, want it after 1", b, err, r.asked.Load())
	}
}

// TestWrongMetadataIsRefused checks that metadata with another digest than stated reaches nobody, raises an alarm, and
// is not asked for again for a while, and that the file itself is served.
func TestWrongMetadataIsRefused(t *testing.T) {
	w := newWorld(t, files.Options{MayServe: servesAll})
	f, _ := w.file("p-1.0-py3-none-any.whl", content(10))
	f.Metadata, f.MetadataSHA256 = true, sum([]byte("right"))
	r := w.up.set(f.URL+".metadata", &reply{body: []byte("wrong")})
	for range 3 {
		if b, _, err := w.metadata(f, true); kindOf(err) != upstream.Wrong || b != nil {
			t.Errorf("Metadata() = %q, %v, want a wrong answer", b, err)
		}
	}
	if n := r.asked.Load(); n != 1 || len(w.entries("upstream.mismatch")) != 1 || w.objects() != 0 {
		t.Errorf("%d requests, %d alarms and %d objects, want 1, 1 and 0", n, len(w.entries("upstream.mismatch")),
			w.objects())
	}
	if _, _, err := w.read(f); err != nil {
		t.Errorf("the file itself: %v", err)
	}
	w.now.Store(int64(11 * time.Minute))
	w.up.set(f.URL+".metadata", &reply{body: []byte("right")})
	if b, _, err := w.metadata(f, true); err != nil || string(b) != "right" {
		t.Errorf("Metadata() later = %q, %v", b, err)
	}
}

// TestMetadataOfAStoredWheel checks that metadata which the upstream does not offer, or lost, comes from the content of
// a stored wheel, and from nothing else.
func servesAll(context.Context, upstream.Upstream, packaging.ProjectName, page.File, files.Startup) error {
	return nil
}

func TestMetadataOfAStoredWheel(t *testing.T) {
	w := newWorld(t, files.Options{MayServe: servesAll}) // what is no wheel, too
	wheel := packagingtest.Wheel("p", "1.0", "content")
	f, _ := w.file(wheel.Name, wheel.Bytes)
	if _, _, err := w.metadata(f, true); !fault.Is(err, fault.NotFound) {
		t.Errorf("Metadata(not stored) = %v, want not found", err)
	}
	_, _, err := w.read(f)
	w.must(err)
	w.settle()
	b, got, err := w.metadata(f, false)
	if err != nil || !bytes.Contains(b, []byte("Name: p\n")) || got != sum(b) {
		t.Errorf("Metadata(stored) = %q, %s, %v", b, got, err)
	}
	f.Metadata, f.MetadataSHA256 = true, sum(b) // which the upstream does not have
	if again, _, err := w.metadata(f, true); err != nil || !bytes.Equal(again, b) {
		t.Errorf("Metadata(absent upstream) = %q, %v", again, err)
	}
	f.MetadataSHA256 = sum([]byte("other"))
	if again, _, err := w.metadata(f, true); kindOf(err) != upstream.Wrong {
		t.Errorf("Metadata(absent upstream, other digest) = %q, %v, want a wrong answer", again, err)
	}
	junk, _ := w.file("q-1.0-py3-none-any.whl", content(1000))
	_, _, err = w.read(junk)
	w.must(err)
	w.settle()
	if _, _, err := w.metadata(junk, true); !fault.Is(err, fault.NotFound) {
		t.Errorf("Metadata(no wheel) = %v, want not found", err)
	}
}

// TestProvenanceIsKeptForADay checks that a provenance document is read once a day, that the old one is served while
// the upstream fails, and that only JSON objects are.
func TestProvenanceIsKeptForADay(t *testing.T) {
	w := newWorld(t, files.Options{})
	f, _ := w.file("p-1.0.tar.gz", content(10))
	get := func(mayFetch bool) (string, error) {
		b, err := w.files.Provenance(t.Context(), public, f, mayFetch)
		return string(b), err
	}
	if _, err := get(true); !fault.Is(err, fault.NotFound) {
		t.Errorf("Provenance(none) = %v, want not found", err)
	}
	f.Provenance = "http://files.test/provenance"
	if _, err := get(false); !errors.Is(err, files.ErrNotHeld) {
		t.Errorf("Provenance(held only) = %v, want ErrNotHeld", err)
	}
	if _, err := get(true); !fault.Is(err, fault.NotFound) {
		t.Errorf("Provenance(absent upstream) = %v, want not found", err)
	}
	for _, wrong := range []string{"", "[]", "<html>", `{"a":`} {
		w.up.set(f.Provenance, &reply{body: []byte(wrong), size: -1})
		if _, err := get(true); kindOf(err) != upstream.Wrong {
			t.Errorf("Provenance(%q) = %v, want a wrong answer", wrong, err)
		}
	}
	r := w.up.set(f.Provenance, &reply{body: []byte(`{"version":1}`)})
	for _, may := range []bool{true, true, false} {
		if got, err := get(may); err != nil || got != `{"version":1}` {
			t.Errorf("Provenance() = %q, %v", got, err)
		}
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	w.now.Store(int64(25 * time.Hour))
	w.up.set(f.Provenance,
		&reply{err: &upstream.Failure{Upstream: "public", Kind: upstream.Silent, Err: errors.New("away")}})
	if got, err := get(true); err != nil || got != `{"version":1}` {
		t.Errorf("Provenance(old, upstream away) = %q, %v", got, err)
	}
	w.up.set(f.Provenance, &reply{body: []byte(`{"version":2}`)})
	if got, err := get(true); err != nil || got != `{"version":2}` {
		t.Errorf("Provenance(after a day) = %q, %v", got, err)
	}
}

// TestADigestThatChangesUpstreamIsRefused checks that a file keeps its first digest, stored or not, that each other one
// raises one alarm, and that an administrator can accept it.
func TestADigestThatChangesUpstreamIsRefused(t *testing.T) {
	w := newWorld(t, files.Options{})
	w.files.SetIdle(0)
	old, other := content(400_000), content(400_001)
	f, _ := w.file("p-1.0.tar.gz", old)
	_, _, err := w.read(f)
	w.must(err)
	w.settle()
	changed := f
	changed.Changed = sum(other) // as page.Merge has it
	restated := f                // as a page that was read anew has it
	restated.SHA256, restated.Size = sum(other), int64(len(other))
	lie := w.up.set(f.URL, &reply{body: other})
	for _, f := range []page.File{changed, restated} {
		if got, o, err := w.read(f); err != nil || !bytes.Equal(got, old) || o.SHA256 != sum(old) {
			t.Errorf("the stored file: %d bytes of %s, %v, want the first content", len(got), o.SHA256, err)
		}
	}
	w.eventually("the alarm", func() bool { return len(w.entries("upstream.changed")) == 1 })
	w.now.Add(int64(time.Hour))
	w.files.MakeRoom(t.Context(), 1)
	if w.row(f).Stored {
		t.Fatal("the file was not evicted")
	}
	for _, f := range []page.File{changed, restated} {
		if _, _, err := w.read(f); kindOf(err) != upstream.Wrong {
			t.Errorf("the evicted file = %v, want a refusal", err)
		}
		w.settle()
	}
	if n := lie.asked.Load(); n != 0 || len(w.entries("upstream.changed")) != 1 {
		t.Errorf("%d requests and %d alarms, want 0 and 1", n, len(w.entries("upstream.changed")))
	}
	k := files.Key{Upstream: "public", Path: f.Path("")}
	admin := access.Operator("ann")
	for name, err := range map[string]error{
		"nobody":    w.files.Accept(t.Context(), access.Caller{}, k, sum(other), "because"),
		"no reason": w.files.Accept(t.Context(), admin, k, sum(other), ""),
		"another":   w.files.Accept(t.Context(), admin, k, sum(old), "because"),
		"no file":   w.files.Accept(t.Context(), admin, files.Key{Upstream: "public", Path: "x"}, sum(other), "because"),
	} {
		if err == nil {
			t.Errorf("Accept(%s) = nil", name)
		}
	}
	if row := w.row(f); row.SHA256 != sum(old) {
		t.Errorf("a refused acceptance changed the digest to %s", row.SHA256)
	}
	w.must(w.files.Accept(t.Context(), admin, k, sum(other), "the upstream rebuilt it"))
	if got, _, err := w.read(restated); err != nil || !bytes.Equal(got, other) {
		t.Errorf("after the acceptance: %d bytes, %v", len(got), err)
	}
	w.settle()
	if got, _, err := w.read(changed); err != nil || !bytes.Equal(got, other) {
		t.Errorf("after the acceptance, from an old page: %d bytes, %v", len(got), err)
	}
	if got := w.entries("upstream.accept"); len(got) != 2 { // granted, and refused to nobody
		t.Errorf("%d entries about acceptances, want 2", len(got))
	}
}

// TestAFileWithoutADigestIsPinned checks that its first content decides, on all replicas and after eviction, and that
// it is reported as found.
func TestAFileWithoutADigestIsPinned(t *testing.T) {
	w := newWorld(t, files.Options{})
	w.files.SetIdle(0)
	name, err := packaging.ParseProjectName("p")
	w.must(err)
	p := content(700_000)
	f, _ := w.file("p-1.0.tar.gz", p)
	f.SHA256, f.Size = "", -1
	stated, _ := w.file("p-2.0.tar.gz", content(10))
	_, _, err = w.read(stated)
	w.must(err)
	if pins, version, err := w.files.Pins(t.Context(), public, name); err != nil || len(pins) != 0 || version != "" {
		t.Errorf("Pins() = %v, %q, %v, want none", pins, version, err)
	}
	if got, o, err := w.read(f); err != nil || !bytes.Equal(got, p) || o.SHA256 != "" && o.SHA256 != sum(p) {
		t.Fatalf("the first time: %d bytes of %+v, %v", len(got), o, err)
	}
	w.settle()
	pins, version, err := w.files.Pins(t.Context(), public, name)
	if err != nil || len(pins) != 1 || pins[f.Path("")] != sum(p) || version == "" {
		t.Errorf("Pins() = %v, %q, %v, want the digest", pins, version, err)
	}
	w.now.Add(int64(time.Hour))
	w.files.MakeRoom(t.Context(), 1<<30)
	w.up.set(f.URL, &reply{body: content(700_001), size: -1})
	other := w.replica(files.Options{})
	for name, w := range map[string]*world{"the same process": w, "another one": other} {
		got, _, err := w.read(f)
		if kindOf(err) != upstream.Wrong || len(got) > 700_001-files.HoldBack {
			t.Errorf("%s passed on %d bytes of other content, %v", name, len(got), err)
		}
		w.settle()
	}
	if row := w.row(f); row.SHA256 != sum(p) {
		t.Errorf("the digest changed to %s", row.SHA256)
	}
}

// TestTwoReplicasPinOneDigest checks that of two processes that read different content of one file at the same time,
// one serves it.
func TestTwoReplicasPinOneDigest(t *testing.T) {
	for range 5 {
		w := newWorld(t, files.Options{})
		f, r := w.file("p-1.0.tar.gz", content(5000))
		f.SHA256, f.Size = "", -1
		r.gate = make(chan struct{})
		other := w.replica(files.Options{})
		other.up = &fetcher{replies: map[string]*reply{}}
		other.openOver(other.blobs, files.Options{})
		r2 := other.up.set(f.URL, &reply{body: content(5001), gate: r.gate})
		results := make([][]byte, 2)
		errs := make([]error, 2)
		var all sync.WaitGroup
		for i, w := range []*world{w, other} {
			all.Go(func() { results[i], _, errs[i] = w.read(f) })
		}
		w.eventually("both requests", func() bool { return r.asked.Load() == 1 && r2.asked.Load() == 1 })
		close(r.gate)
		all.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("the replicas got %d bytes, %v and %d bytes, %v, want one of them", len(results[0]), errs[0],
				len(results[1]), errs[1])
		}
		for i, err := range errs {
			if err == nil && w.row(f).SHA256 != sum(results[i]) {
				t.Error("the digest is not that of what was served")
			}
		}
	}
}

// TestDigestsAreFoundInTheBackground checks that queued files are fetched and found newest first, within the limit, and
// that Digest finds one at once.
func TestDigestsAreFoundInTheBackground(t *testing.T) {
	w := newWorld(t, files.Options{Limit: 5 << 20})
	name, err := packaging.ParseProjectName("p")
	w.must(err)
	var all []page.File
	gate := make(chan struct{})
	var replies []*reply
	for i := range 8 {
		f, r := w.file("p-1."+string(rune('0'+i))+".tar.gz", content(1<<20-i))
		f.SHA256, f.Uploaded = "", time.Unix(int64(i)*1000, 0)
		r.gate = gate
		all, replies = append(all, f), append(replies, r)
	}
	stated, untouched := w.file("p-9.tar.gz", content(10))
	w.files.Queue(public, name, append(all, stated))
	w.files.Queue(public, name, all) // again, which changes nothing
	if n := w.files.Waiting(public, name); n != 8 {
		t.Errorf("Waiting() = %d, want 8", n)
	}
	w.eventually("the newest two", func() bool { return replies[7].asked.Load() == 1 && replies[6].asked.Load() == 1 })
	if replies[0].asked.Load() != 0 {
		t.Error("the oldest was fetched first")
	}
	close(gate)
	w.eventually("what fits", func() bool { return w.files.Waiting(public, name) == 3 && w.files.Flights() == 0 })
	pins, _, err := w.files.Pins(t.Context(), public, name)
	if err != nil || len(pins) != 5 || pins[all[7].Path("")] != sum(replies[7].body) {
		t.Errorf("Pins() = %v, %v, want the newest five", pins, err)
	}
	got, err := w.files.Digest(t.Context(), public, all[0])
	if err != nil || got != sum(replies[0].body) {
		t.Errorf("Digest(the oldest) = %s, %v", got, err)
	}
	if n := untouched.asked.Load(); n != 0 {
		t.Error("a file with a digest was fetched")
	}
	if got, err := w.files.Digest(t.Context(), public, stated); err != nil || got != stated.SHA256 {
		t.Errorf("Digest(stated) = %s, %v", got, err)
	}
}

// TestOnlyHeld checks that nothing is fetched for who may not fetch.
func TestOnlyHeld(t *testing.T) {
	w := newWorld(t, files.Options{})
	p := content(1000)
	f, r := w.file("p-1.0.tar.gz", p)
	if _, err := w.files.OpenHeld(t.Context(), public, f); !errors.Is(err, files.ErrNotHeld) ||
		!fault.Is(err, fault.Denied) {
		t.Errorf("OpenHeld() = %v, want ErrNotHeld", err)
	}
	w.must(w.files.Fetch(t.Context(), public, f))
	o, err := w.files.OpenHeld(t.Context(), public, f)
	w.must(err)
	if got, err := readAll(o); err != nil || !bytes.Equal(got, p) {
		t.Errorf("OpenHeld() = %d bytes, %v", len(got), err)
	}
	w.must(w.files.Fetch(t.Context(), public, f))
	if n := r.asked.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestEvictByAnAdministrator checks that all content of an upstream can be deleted, by administrators alone.
func TestEvictByAnAdministrator(t *testing.T) {
	w := newWorld(t, files.Options{})
	f, _ := w.file("p-1.0.tar.gz", content(1000))
	w.must(w.files.Fetch(t.Context(), public, f))
	w.now.Store(int64(time.Second))
	if _, _, err := w.files.Evict(t.Context(), access.Guest(true), "public"); !fault.Is(err, fault.Denied) {
		t.Errorf("Evict(guest) = %v, want denied", err)
	}
	if n, _, err := w.files.Evict(t.Context(), access.Operator("ann"), "other"); n != 0 || err != nil {
		t.Errorf("Evict(other) = %d, %v", n, err)
	}
	n, bytes, err := w.files.Evict(t.Context(), access.Operator("ann"), "public")
	if n != 1 || bytes != 1000 || err != nil || w.objects() != 0 {
		t.Errorf("Evict() = %d, %d, %v with %d objects left", n, bytes, err, w.objects())
	}
}
