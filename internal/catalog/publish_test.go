package catalog_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
)

func TestPublishAndRead(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	wheel := packagingtest.Wheel("demo", "1.0", "x = 1\n", "Requires-Python: >=3.8")
	got, err := w.upload(w.admin, wheel)
	if err != nil || !got.Created {
		t.Fatalf("Publish = %+v, %v", got, err)
	}
	c, err := w.Contents(t.Context(), w.admin, "", name(t, "Demo"))
	if err != nil || len(c.Files) != 1 || c.Files[0].SHA256 != wheel.SHA256() || c.Files[0].RequiresPython != ">=3.8" {
		t.Fatalf("Contents = %+v, %v", c, err)
	}
	for part, want := range map[catalog.Part][]byte{catalog.Bytes: wheel.Bytes, catalog.MetadataPart: wheel.Metadata} {
		b, size, err := w.Open(t.Context(), w.admin, "", wheel.SHA256(), wheel.Name, part)
		if err != nil {
			t.Fatal(err)
		}
		read, err := io.ReadAll(b)
		_ = b.Close()
		if err != nil || string(read) != string(want) || size != int64(len(want)) {
			t.Errorf("part %v reads %d bytes of %d, %v", part, len(read), size, err)
		}
	}
	if again, err := w.upload(w.admin, wheel); err != nil || again.Created ||
		!again.File.UploadedAt.Equal(got.File.UploadedAt) {
		t.Errorf("the same upload again = %+v, %v, want no change", again, err)
	}
	if p, _ := w.Project(t.Context(), w.admin, "", name(t, "demo")); p.Serial != c.Project.Serial {
		t.Errorf("an identical upload moved the serial from %d to %d", c.Project.Serial, p.Serial)
	}
}

// TestPublishRefusals: every refusal has the right kind and message, and leaves the catalog unchanged.
func TestPublishRefusals(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{FileSize: 1 << 20, ProjectSize: 1 << 19})
	there := packagingtest.Wheel("demo", "1.0", "x = 1\n")
	w.must(there)
	alice := w.user("alice", access.NewAPIToken{Scope: access.ScopeUpload})
	reader := w.token("alice", access.NewAPIToken{Scope: access.ScopeRead})
	bound := w.token("alice", access.NewAPIToken{Scope: access.ScopeUpload, Projects: []string{"demo"}})
	fresh := packagingtest.Wheel("demo", "2.0", "x = 2\n")
	other := packagingtest.Wheel("other", "1.0", "x = 3\n")
	named := func(s string) func(*ingest.Upload) { return func(u *ingest.Upload) { u.Filename = s } }
	before := w.state()
	for _, c := range []struct {
		name   string
		who    access.Caller
		file   packagingtest.File
		change func(*ingest.Upload)
		kind   fault.Kind
		word   string
	}{
		{"an anonymous caller", access.Guest(true), fresh, nil, fault.Unauthenticated, "token"},
		{"the zero caller", access.Caller{}, fresh, nil, fault.Unauthenticated, "token"},
		{"a token that reads", reader, fresh, nil, fault.Denied, "--scope upload"},
		{"another user's project", alice, fresh, nil, fault.Denied, "may not upload"},
		{"a bound token without a right", bound, fresh, nil, fault.Denied, "may not upload"},
		{"a bound token, new project", bound, other, nil, fault.Denied, "bound to other projects"},
		{"other content", w.admin, packagingtest.Wheel("demo", "1.0", "x = 9\n"), nil, fault.Conflict, "File already exists"},
		{"other spelling", w.admin, packagingtest.Wheel("demo", "1.0.0", "x = 9\n"), nil, fault.Conflict, "another spelling"},
		{"an image", w.admin, fresh, func(u *ingest.Upload) { u.ContentType = "image/png" }, fault.Invalid, "image/png"},
		{"no digest", w.admin, fresh, func(u *ingest.Upload) { u.Digests = ingest.Digests{} }, fault.Invalid, "no digest"},
		{
			"wrong sha256", w.admin, fresh, func(u *ingest.Upload) { u.Digests.SHA256 = there.SHA256() }, fault.Invalid,
			"sha256",
		},
		{
			"one wrong of two", w.admin, fresh, func(u *ingest.Upload) { u.Digests.MD5 = strings.Repeat("0", 32) },
			fault.Invalid, "md5",
		},
		{"version of the form", w.admin, fresh, func(u *ingest.Upload) { u.Form.Version = "3.0" }, fault.Invalid, "2.0"},
		{"name of the form", w.admin, fresh, func(u *ingest.Upload) { u.Form.Name = "else" }, fault.Invalid, "else"},
		{
			"dependency that the archive lacks", w.admin, fresh,
			func(u *ingest.Upload) { u.Form.RequiresDist = []string{"evil"} }, fault.Invalid, "requires_dist",
		},
		{
			"python that the archive lacks", w.admin, fresh, func(u *ingest.Upload) { u.Form.RequiresPython = ">=3" },
			fault.Invalid, "requires_python",
		},
		{"not a version", w.admin, fresh, func(u *ingest.Upload) { u.Form.Version = "one" }, fault.Invalid, "one"},
		{"kind", w.admin, fresh, func(u *ingest.Upload) { u.Kind = "sdist" }, fault.Invalid, "filetype"},
		{"path in the name", w.admin, fresh, named("../" + fresh.Name), fault.Invalid, ""},
		{"NUL in the name", w.admin, fresh, named("demo-2.0\x00-py3-none-any.whl"), fault.Invalid, ""},
		{
			"no archive", w.admin,
			packagingtest.File{
				Name:    "demo-2.0-py3-none-any.whl",
				Project: "demo",
				Version: "2.0",
				Kind:    "bdist_wheel",
				Bytes:   []byte("hello"),
			},
			nil, fault.Invalid, "demo-2.0",
		},
		{"another archive's name", w.admin, fresh, func(u *ingest.Upload) {
			u.Filename, u.Form.Name, u.Form.Version = "other-1.0-py3-none-any.whl", "other", "1.0"
		}, fault.Invalid, "other"},
		{
			"project full", w.admin, packagingtest.Wheel("demo", "4.0", strings.Repeat("x", 1<<19)), nil, fault.TooLarge,
			"File too large",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*ingest.Upload) {}
			}
			_, err := w.upload(c.who, c.file, change)
			if fault.KindOf(err) != c.kind || err == nil || !strings.Contains(fault.Message(err), c.word) {
				t.Errorf("%s: Publish = %v (%v), want %v with %q", c.name, err, fault.KindOf(err), c.kind, c.word)
			}
			if after := w.state(); after != before {
				t.Errorf("%s: the catalog went from\n%s to\n%s", c.name, before, after)
			}
		})
	}
	if _, err := w.upload(w.admin, packagingtest.Wheel("demo", "4.0", strings.Repeat("x", 1<<20))); !fault.Is(err,
		fault.TooLarge) {
		t.Errorf("a file over the limit: %v, want too large", err)
	}
}

// state returns everything visible to readers, as text.
func (w *world) state() string {
	w.t.Helper()
	l, err := w.Listing(w.t.Context(), w.admin, "")
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range l.Projects() {
		c, err := w.Contents(w.t.Context(), w.admin, "", p.Name)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %d %d releases %d files\n", p.Name, p.Serial, len(c.Releases), len(c.Files))
	}
	return b.String()
}

// TestSameName: of 32 uploads of one name with different content one succeeds, and the others leave nothing behind.
func TestSameName(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	var all sync.WaitGroup
	errs := make([]error, 32)
	for i := range errs {
		all.Go(func() { _, errs[i] = w.upload(w.admin, packagingtest.Wheel("demo", "1.0", fmt.Sprint(i))) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "File already exists"):
			t.Errorf("a loser got %v", err)
		}
	}
	c, err := w.Contents(t.Context(), w.admin, "", name(t, "demo"))
	if won != 1 || err != nil || len(c.Files) != 1 || len(c.Releases) != 1 {
		t.Errorf("%d won, and the project has %d files in %d releases, %v; want one of each", won, len(c.Files),
			len(c.Releases), err)
	}
	if keys := w.keysHeld(); keys != 2 {
		t.Errorf("%d keys are stored, want the file's and its metadata's", keys)
	}
}

// TestSameUpload: 32 uploads of one file all succeed, and one creates it.
func TestSameUpload(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	f := packagingtest.Wheel("demo", "1.0", "x")
	var all sync.WaitGroup
	var mu sync.Mutex
	created := 0
	for range 32 {
		all.Go(func() {
			r, err := w.upload(w.admin, f)
			if err != nil {
				t.Errorf("Publish = %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if r.Created {
				created++
			}
		})
	}
	all.Wait()
	if created != 1 {
		t.Errorf("%d uploads created the file, want 1", created)
	}
	if keys := w.keysHeld(); keys != 2 {
		t.Errorf("%d keys are stored, want 2", keys)
	}
}

// TestFirstUploads: many concurrent first uploads create one project, also by a user who owned nothing when they began.
func TestFirstUploads(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	alice := w.user("alice", access.NewAPIToken{Scope: access.ScopeUpload})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			if _, err := w.upload(alice, packagingtest.Wheel("demo", fmt.Sprintf("1.%d", i), "x")); err != nil {
				t.Errorf("Publish = %v", err)
			}
		})
	}
	all.Wait()
	c, err := w.Contents(t.Context(), w.admin, "", name(t, "demo"))
	if err != nil || len(c.Files) != 16 || len(c.Releases) != 16 {
		t.Errorf("the project has %d files in %d releases, %v; want 16", len(c.Files), len(c.Releases), err)
	}
}

func TestOwnership(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	alice := w.user("alice", access.NewAPIToken{Scope: access.ScopeUpload})
	if _, err := w.upload(alice, packagingtest.Wheel("hers", "1.0", "x")); err != nil {
		t.Fatal(err)
	}
	bob := w.user("bob", access.NewAPIToken{Scope: access.ScopeUpload})
	if _, err := w.upload(bob, packagingtest.Wheel("hers", "1.1", "x")); !fault.Is(err, fault.Denied) {
		t.Errorf("bob uploads to alice's project: %v, want denied", err)
	}
	alice = w.token("alice", access.NewAPIToken{Scope: access.ScopeUpload, Projects: []string{"hers"}})
	if _, err := w.upload(alice, packagingtest.Wheel("hers", "1.1", "x")); err != nil {
		t.Errorf("the owner, with a token of the project: %v", err)
	}
	if _, err := w.Contents(t.Context(), alice, "", name(t, "absent")); !fault.Is(err, fault.NotFound) {
		t.Errorf("a bound token reads another project: %v, want not found", err)
	}
}

// TestPublishChecksPermission: without a project name in Begin, Publish returns the refusal of Begin.
func TestPublishChecksPermission(t *testing.T) {
	w := newWorld(t, ingest.Policy{NamePolicy: catalog.NamePolicy{ReservedNames: true}}, catalog.Limits{})
	w.must(packagingtest.Wheel("demo", "1.0", "x"), packagingtest.Wheel("old", "1.0", "x"))
	if err := w.SetStatus(t.Context(), w.admin, "", name(t, "old"), catalog.Archived, ""); err != nil {
		t.Fatal(err)
	}
	eve := w.user("eve", access.NewAPIToken{Scope: access.ScopeUpload})
	for project, who := range map[string]access.Caller{"demo": eve, "old": w.admin, "json": w.admin} {
		f := packagingtest.Wheel(project, "2.0", "y")
		first := w.mayPublish(t.Context(), who, "", name(t, project))
		in, err := w.Begin(t.Context(), who, "", packaging.ProjectName{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(f.Bytes); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Publish(t.Context(), in, ingest.Upload{Filename: f.Name}); err == nil || first == nil ||
			err.Error() != first.Error() {
			t.Errorf("%s: Publish = %v, Begin = %v, want the same refusal", project, err, first)
		}
		_ = in.Discard()
	}
	if _, err := w.Publish(t.Context(), nil, ingest.Upload{}); !fault.Is(err, fault.Invalid) ||
		!strings.Contains(err.Error(), "does not have a file") {
		t.Errorf("Publish without a file = %v", err)
	}
}
