package files_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
)

const evil = "import os; os.system('x')\n"

// wheelOf returns a wheel with members, a name and its content each, and content of so many bytes.
func wheelOf(size int, members ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, p []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(p)
		}
		if err != nil {
			panic(err)
		}
	}
	add("six/data.bin", content(size))
	for i := 0; i < len(members); i += 2 {
		add(members[i], []byte(members[i+1]))
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// day is when the files of these tests were uploaded, plus so many days.
func day(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

// wheel returns a wheel as a page lists it, which the upstream sends.
func (w *world) wheel(version string, uploaded time.Time, p []byte) (page.File, *reply) {
	f, r := w.file("six-"+version+"-py3-none-any.whl", p)
	f.Version, f.Uploaded, f.FirstSeen = version, uploaded, day(0)
	return f, r
}

// startupWorld is a world whose project has a page.
type startupWorld struct {
	*world
	mu    sync.Mutex
	page  page.Page
	asked atomic.Int64
	may   func(context.Context, files.Startup) error // or nil, for what is usual
}

func newStartupWorld(t *testing.T, o files.Options) *startupWorld {
	t.Helper()
	s := &startupWorld{}
	o.Page = func(context.Context, upstream.Upstream, packaging.ProjectName) (page.Page, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.page, nil
	}
	s.world = newWorld(t, o)
	return s
}

// deciding makes MayServe ask w.may.
func (w *startupWorld) deciding(t *testing.T) files.Options {
	t.Helper()
	return files.Options{MayServe: func(ctx context.Context, u upstream.Upstream, project packaging.ProjectName,
		f page.File,
		s files.Startup,
	) error {
		w.asked.Add(1)
		if u.Name != "public" || project.String() != "six" || !strings.HasPrefix(f.Filename, "six-") {
			t.Errorf("MayServe is asked about %s of %s at %s", f.Filename, project, u.Name)
		}
		return w.may(ctx, s)
	}}
}

func (w *startupWorld) lists(all ...page.File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.page.Files = all
}

func (w *startupWorld) serial() int64 {
	w.Helper()
	n, err := w.db.Catalog().Serial(w.Context())
	w.must(err)
	return n
}

func (w *startupWorld) examined() (map[string]files.Startup, string) {
	w.Helper()
	name, _ := packaging.ParseProjectName("six")
	m, text, err := w.files.Examined(w.Context(), public, name)
	w.must(err)
	return m, text
}

// held checks that a file is refused before its first byte, and why.
func (w *startupWorld) held(f page.File, why string) {
	w.Helper()
	got, _, err := w.read(f)
	if !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), why) || len(got) > 0 {
		w.Errorf("%s: %d bytes, %v; want it held: %s", f.Filename, len(got), err, why)
	}
}

func (w *startupWorld) served(f page.File, want []byte) {
	w.Helper()
	got, _, err := w.read(f)
	if err != nil || !bytes.Equal(got, want) {
		w.Errorf("%s: %d bytes, %v; want all %d", f.Filename, len(got), err, len(want))
	}
}

// A small wheel with a start-up file that is new gives no byte, now or later, and everybody learns it.
func TestANewStartupFileIsHeld(t *testing.T) {
	for _, c := range []struct{ member, body string }{
		{"evil.pth", evil},
		{"six.start", "six:run\n"},
		{"sitecustomize.py", ""},
		{"six-1.0.data/purelib/evil.pth", evil},
		{"six-1.0.data/data/lib/python3.12/site-packages/evil.pth", evil},
	} {
		t.Run(c.member, func(t *testing.T) {
			w := newStartupWorld(t, files.Options{})
			f, r := w.wheel("1.0", day(0), wheelOf(1000, c.member, c.body))
			w.lists(f)
			before := w.serial()
			w.held(f, c.member)
			if after := w.serial(); after <= before {
				t.Error("the other replicas do not notice: the serial stays")
			}
			m, text := w.examined()
			if s := m[f.Path("")]; len(m) != 1 || s.New != c.member || s.Known != "" || text == "" {
				t.Errorf("Examined() = %v, %q", m, text)
			}
			w.settle()
			for range 2 {
				w.held(f, c.member)
			}
			if _, err := w.files.OpenHeld(t.Context(), public, f); !fault.Is(err, fault.Denied) ||
				errors.Is(err, files.ErrNotHeld) {
				t.Errorf("OpenHeld() = %v", err)
			}
			if n := r.asked.Load(); n != 1 {
				t.Errorf("%d downloads", n)
			}
			if e := w.entries("upstream.startup"); len(e) != 1 || e[0].Filename != f.Filename || e[0].Project != "six" {
				t.Errorf("the audit log has %+v", e)
			}
		})
	}
}

// Of a larger one, clients get the beginning, and neither its end nor its last piece; followers fare like the first.
func TestALargeWheelWithANewStartupFileIsCut(t *testing.T) {
	w := newStartupWorld(t, files.Options{})
	p := wheelOf(900_000, "evil.pth", evil)
	f, r := w.wheel("1.0", day(0), p)
	r.gate, r.stopAt = make(chan struct{}), 600_000
	w.lists(f)
	var opened []files.Opened
	for range 3 {
		o, err := w.files.Open(t.Context(), public, f)
		w.must(err)
		opened = append(opened, o)
	}
	close(r.gate)
	for i, o := range opened {
		got, err := readAll(o)
		if !fault.Is(err, fault.Denied) || len(got) > len(p)-files.HoldBack || !bytes.HasPrefix(p, got) {
			t.Errorf("reader %d: %d of %d bytes, %v", i, len(got), len(p), err)
		}
	}
	w.settle()
	w.held(f, "evil.pth")
}

// Wheels without start-up files, source distributions, and *.pth files that run nothing are served, and nobody is
// asked.
func TestOtherFilesAreServed(t *testing.T) {
	w := newStartupWorld(t, files.Options{})
	w.may = func(context.Context, files.Startup) error { return errors.New("asked about it") }
	w.openOver(w.blobs, w.deciding(t))
	before := w.serial()
	plain := wheelOf(1000, "six/evil.pth", evil, "six-1.0.data/scripts/run", "#!python\n", "paths.pth", "six\n")
	f, _ := w.wheel("1.0", day(0), plain)
	w.served(f, plain)
	w.settle()
	w.served(f, plain)
	if got := w.row(f).Startup; got != "{}" {
		t.Errorf("its row has %q", got)
	}
	large := wheelOf(700_000)
	g, _ := w.wheel("2.0", day(0), large)
	w.served(g, large)
	sdist := wheelOf(1000, "evil.pth", evil)
	s, _ := w.file("six-1.0.zip", sdist)
	w.served(s, sdist)
	w.settle()
	if m, text := w.examined(); len(m) > 0 || text != "" {
		t.Errorf("Examined() = %v, %q", m, text)
	}
	if after := w.serial(); after != before {
		t.Error("the serial moved")
	}
}

// A wheel that readers of zip files may read differently may have any start-up file.
func TestAWheelThatCannotBeExaminedIsHeld(t *testing.T) {
	good := wheelOf(1000)
	twice := wheelOf(1000, "a.py", "1", "a.py", "2")
	for name, p := range map[string][]byte{
		"no zip":             content(1000),
		"empty":              {},
		"cut":                good[:len(good)-1],
		"something before":   append([]byte("x"), good...),
		"something after":    append(slices.Clone(good), 'x'),
		"two zips":           append(slices.Clone(good), good...),
		"two different ones": twice,
	} {
		w := newStartupWorld(t, files.Options{})
		f, _ := w.wheel("1.0", day(0), p)
		w.held(f, files.Unreadable)
		w.held(f, files.Unreadable)
		if m, _ := w.examined(); m[f.Path("")].New != files.Unreadable {
			t.Errorf("%s: Examined() = %v", name, m)
		}
	}
}

// What an earlier version has is known. earlier are the other files of the project; those that are not stored are
// fetched if they are asked for at all.
func TestKnownStartupFiles(t *testing.T) {
	type other struct {
		version  string
		uploaded int
		members  []string
		served   bool // before
		sdist    bool
		fails    bool
	}
	pth := []string{"six.pth", evil}
	for _, c := range []struct {
		name    string
		members []string
		others  []other
		asked   []string // versions that are fetched for it
		known   bool
	}{
		{name: "the first version", members: pth},
		{name: "an earlier one has none", members: pth, others: []other{{version: "1.0"}}, asked: []string{"1.0"}},
		{
			name:    "an earlier one has it",
			members: pth,
			others:  []other{{version: "1.0", members: pth}},
			asked:   []string{"1.0"},
			known:   true,
		},
		{name: "an earlier one was served and has none", members: pth, others: []other{{version: "1.0", served: true}}},
		{
			name: "the newest earlier one counts", members: pth,
			others: []other{{version: "1.0", members: pth}, {version: "1.5"}}, asked: []string{"1.5"},
		},
		{
			name: "any examined one counts", members: pth,
			others: []other{{version: "0.9"}, {version: "1.0", members: []string{"six.pth", "six\n", "other.pth", evil}}},
			asked:  []string{"1.0"},
		},
		{
			name: "newest by version, not as text", members: pth,
			others: []other{{version: "1.10", members: pth}, {version: "1.9"}}, asked: []string{"1.10"}, known: true,
		},
		{
			name: "another name is new", members: []string{"six.pth", evil, "evil.pth", evil},
			others: []other{{version: "1.0", members: pth}}, asked: []string{"1.0"},
		},
		{
			name: "the version in the name", members: []string{"six-2.0.pth", evil},
			others: []other{{version: "1.0", members: []string{"six-1.0.pth", evil}}}, asked: []string{"1.0"}, known: true,
		},
		{
			name: "a bad pair on one day", members: pth,
			others: []other{{version: "1.9", uploaded: 100, members: pth}, {version: "1.0"}}, asked: []string{"1.0"},
		},
		{name: "a bad pair alone", members: pth, others: []other{{version: "1.9", uploaded: 99, members: pth}}},
		{name: "just too young", members: pth, others: []other{{version: "1.9", uploaded: 87, members: pth}}},
		{
			name: "just old enough", members: pth,
			others: []other{{version: "1.9", uploaded: 86, members: pth}}, asked: []string{"1.9"}, known: true,
		},
		{name: "a later version is not an earlier one", members: pth, others: []other{{version: "3.0", members: pth}}},
		{
			name: "an earlier version that was uploaded later", members: pth,
			others: []other{{version: "1.0", uploaded: 200, members: pth}},
		},
		{
			name: "a source distribution says nothing", members: pth,
			others: []other{{version: "1.0", sdist: true, members: pth}},
		},
		{
			name: "it cannot be fetched", members: pth,
			others: []other{{version: "1.0", members: pth, fails: true}}, asked: []string{"1.0"},
		},
		{
			name: "an earlier archive that cannot be read makes nothing known", members: pth,
			others: []other{{version: "1.0", members: []string{"six.pth", evil, "six.pth", "other"}}}, asked: []string{"1.0"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newStartupWorld(t, files.Options{})
			replies := map[string]*reply{}
			var all []page.File
			for _, o := range c.others {
				p := wheelOf(len(o.version)*100, o.members...)
				f, r := w.wheel(o.version, day(o.uploaded), p)
				if o.sdist {
					f, r = w.file("six-"+o.version+".zip", p)
				}
				if o.fails {
					r.err = &upstream.Failure{Upstream: "public", Kind: upstream.Silent, Err: errors.New("away")}
				}
				replies[o.version] = r
				all = append(all, f)
				if o.served {
					w.served(f, p)
					w.settle()
					r.asked.Store(0)
				}
			}
			p := wheelOf(1000, c.members...)
			f, _ := w.wheel("2.0", day(100), p)
			w.lists(append(all, f)...)
			if c.known {
				w.served(f, p)
			} else {
				w.held(f, c.members[len(c.members)-2])
			}
			w.settle()
			for version, r := range replies {
				want := int64(0)
				if slices.Contains(c.asked, version) {
					want = 1
				}
				if got := r.asked.Load(); got != want {
					t.Errorf("%s was fetched %d times, want %d", version, got, want)
				}
			}
			m, _ := w.examined()
			s := m[f.Path("")]
			if (s.New == "") != c.known || (s.Known != "") != (c.known || c.name == "another name is new") {
				t.Errorf("Examined() = %+v", m)
			}
			if len(m) != 1 {
				t.Errorf("%d files are said to have some, want the one that was asked for: %v", len(m), m)
			}
		})
	}
}

// An earlier version that could not be examined is tried again later, in the background, and then the file is served.
func TestAnUnsureFindingIsTriedAgain(t *testing.T) {
	w := newStartupWorld(t, files.Options{})
	old, r := w.wheel("1.0", day(0), wheelOf(100, "six.pth", evil))
	r.err = &upstream.Failure{Upstream: "public", Kind: upstream.Silent, Err: errors.New("away")}
	p := wheelOf(1000, "six.pth", evil)
	f, _ := w.wheel("2.0", day(100), p)
	w.lists(old, f)
	w.held(f, "six.pth")
	w.settle()
	r.err = nil
	w.now.Store(int64(time.Minute))
	w.examined()
	w.held(f, "six.pth")
	if n := r.asked.Load(); n > 2 {
		t.Errorf("the upstream was asked %d times within a minute", n)
	}
	w.now.Store(int64(time.Hour))
	before := w.serial()
	w.eventually("it to be known", func() bool {
		w.now.Add(int64(time.Second))
		m, _ := w.examined()
		return m[f.Path("")].New == "" && m[f.Path("")].Known == "six.pth"
	})
	if w.serial() <= before {
		t.Error("the serial stays")
	}
	w.served(f, p)
}

// A wheel that was stored by an earlier version of this program is examined before its first byte, once.
func TestAStoredWheelIsExaminedFirst(t *testing.T) {
	w := newStartupWorld(t, files.Options{})
	f, _ := w.wheel("1.0", day(0), wheelOf(900_000, "evil.pth", evil))
	good := wheelOf(900_000)
	g, _ := w.wheel("0.9", day(0), good)
	w.may = func(context.Context, files.Startup) error { return nil }
	w.openOver(w.blobs, w.deciding(t))
	for _, f := range []page.File{f, g} {
		if _, _, err := w.read(f); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.must(w.db.UpstreamFiles().Update(t.Context(), func(tx files.Tx) error {
			row, err := tx.UpstreamFile(t.Context(), files.Key{Upstream: "public", Path: f.Path("")})
			if err != nil || !row.Stored {
				return fmt.Errorf("stored %v, %w", row.Stored, err)
			}
			row.Startup = ""
			return tx.PutUpstreamFile(t.Context(), row)
		}))
	}
	w.openOver(w.blobs, files.Options{})
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() { w.held(f, "evil.pth") })
		all.Go(func() { w.served(g, good) })
	}
	all.Wait()
	if m, _ := w.examined(); m[f.Path("")].New != "evil.pth" || len(m) != 1 {
		t.Errorf("Examined() = %v", m)
	}
	if got := w.row(g).Startup; got != "{}" {
		t.Errorf("the row of a wheel without any has %q", got)
	}
}

type repositoryKey struct{}

// Each reader of one download is decided about by itself: what one repository serves, another one holds.
func TestEachReaderIsDecidedAbout(t *testing.T) {
	for _, size := range []int{1000, 900_000} {
		w := newStartupWorld(t, files.Options{})
		w.may = func(ctx context.Context, s files.Startup) error {
			if s.New != "evil.pth" || s.Known != "" || s.At == 0 {
				t.Errorf("MayServe is asked about %+v", s)
			}
			if ctx.Value(repositoryKey{}) == "allows" {
				return nil
			}
			return fault.New(fault.Denied, "held here")
		}
		w.openOver(w.blobs, w.deciding(t))
		p := wheelOf(size, "evil.pth", evil)
		f, r := w.wheel("1.0", day(0), p)
		r.gate, r.stopAt = make(chan struct{}), size/2
		var all sync.WaitGroup
		for i := range 6 {
			repository := []string{"allows", "holds"}[i%2]
			all.Go(func() {
				ctx := context.WithValue(t.Context(), repositoryKey{}, repository)
				o, err := w.files.Open(ctx, public, f)
				var got []byte
				if err == nil {
					got, err = readAll(o)
				}
				switch {
				case repository == "allows" && (err != nil || !bytes.Equal(got, p)):
					t.Errorf("%d bytes, %v; want all", len(got), err)
				case repository == "holds" && (!fault.Is(err, fault.Denied) || len(got) > max(0, len(p)-files.HoldBack)):
					t.Errorf("%d bytes, %v; want no end", len(got), err)
				}
			})
		}
		time.Sleep(50 * time.Millisecond) // so that they share a download; either order is right
		close(r.gate)
		all.Wait()
		w.settle()
		ctx := context.WithValue(t.Context(), repositoryKey{}, "allows")
		o, err := w.files.Open(ctx, public, f)
		w.must(err)
		if got, err := readAll(o); err != nil || !bytes.Equal(got, p) {
			t.Errorf("from the store: %d bytes, %v", len(got), err)
		}
		w.held(f, "held here")
	}
}

// A range of such a file is held like the file.
func TestARangeIsHeldToo(t *testing.T) {
	w := newStartupWorld(t, files.Options{})
	f, r := w.wheel("1.0", day(0), wheelOf(900_000, "evil.pth", evil))
	r.gate, r.stopAt = make(chan struct{}), 600_000
	o, err := w.files.Open(t.Context(), public, f)
	w.must(err)
	defer o.Close()
	close(r.gate)
	if b, ok, err := o.Stream.Whole(t.Context()); !fault.Is(err, fault.Denied) {
		t.Errorf("Whole() = %v, %v, %v", b, ok, err)
	}
}

// While the disk is full, a wheel of which only the end is in memory is judged by its directory.
func TestAWheelInMemoryIsExamined(t *testing.T) {
	full := func() (int64, int64, bool) { return 0, 1 << 40, true }
	for _, c := range []struct {
		size    int
		members []string
		held    bool
	}{
		{1000, nil, false},
		{1000, []string{"evil.pth", evil}, true},
		{files.Window + 4<<20, nil, false},
		{files.Window + 4<<20, []string{"evil.pth", evil}, true},
		{files.Window + 4<<20, []string{"harmless.pth", "six\n"}, true}, // its content is not there any longer
	} {
		w := newStartupWorld(t, files.Options{Space: full})
		p := wheelOf(c.size, c.members...)
		f, _ := w.wheel("1.0", day(0), p)
		got, _, err := w.read(f)
		if c.held && !fault.Is(err, fault.Denied) || !c.held && (err != nil || !bytes.Equal(got, p)) {
			t.Errorf("%d bytes with %v: %d bytes, %v", c.size, c.members, len(got), err)
		}
		w.settle()
	}
}
