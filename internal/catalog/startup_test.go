package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// starting is a wheel of demo with a file that runs code whenever Python starts.
func starting(version string) packagingtest.File {
	return packagingtest.WheelWith("demo", version, "x = 1\n", [][2]string{{"demo.pth", "import demo\n"}})
}

func plain(version string) packagingtest.File {
	return packagingtest.Wheel("demo", version, "y = "+version+"\n")
}

// Under the default policy a start-up file needs an earlier version with one, or an owner's permission. Neither a
// deleted nor a quarantined version counts, nor one whose *.pth file only adds paths.
func TestNewStartupFiles(t *testing.T) {
	paths := packagingtest.WheelWith("demo", "0.2", "", [][2]string{{"demo.pth", "./demo\n"}})
	asOperator := func(u *ingest.Upload) { u.Startup = true }
	operator := access.Operator("tester")
	for what, c := range map[string]struct {
		policy  ingest.StartupPolicy
		before  func(w *world)
		refusal string // "" if the upload is accepted
	}{
		"a new project":     {"", func(*world) {}, "the first version of a project cannot contain"},
		"none before":       {"", func(w *world) { w.must(plain("0.1")) }, "no earlier version of demo"},
		"only paths before": {"", func(w *world) { w.must(paths) }, "no earlier version of demo"},
		"another project's": {"", func(w *world) {
			w.must(plain("0.1"))
			other := packagingtest.WheelWith("other", "0.1", "", [][2]string{{"other.start", "other:run\n"}})
			if _, err := w.upload(operator, other, asOperator); err != nil {
				w.t.Fatal(err)
			}
		}, "no earlier version of demo"},
		"deleted": {"", func(w *world) {
			w.must(plain("0.1"))
			if _, err := w.upload(operator, starting("0.2"), asOperator); err != nil {
				w.t.Fatal(err)
			}
			if err := w.DeleteRelease(w.t.Context(), w.admin, "", name(w.t, "demo"), "0.2"); err != nil {
				w.t.Fatal(err)
			}
		}, "no earlier version of demo"},
		"quarantined": {"", func(w *world) {
			w.must(plain("0.1"))
			if _, err := w.upload(operator, starting("0.2"), asOperator); err != nil {
				w.t.Fatal(err)
			}
			err := w.QuarantineFile(w.t.Context(), w.admin, "", name(w.t, "demo"), starting("0.2").Name, "bad")
			if err != nil {
				w.t.Fatal(err)
			}
		}, "no earlier version of demo"},
		"one before": {"", func(w *world) {
			if _, err := w.upload(operator, starting("0.1"), asOperator); err != nil {
				w.t.Fatal(err)
			}
		}, ""},
		"one before, yanked": {"", func(w *world) {
			if _, err := w.upload(operator, starting("0.1"), asOperator); err != nil {
				w.t.Fatal(err)
			}
			if err := w.Yank(w.t.Context(), w.admin, "", name(w.t, "demo"), "0.1", "bad"); err != nil {
				w.t.Fatal(err)
			}
		}, ""},
		"allowed by an owner": {"", func(w *world) {
			w.must(plain("0.1"))
			if err := w.SetStartupFiles(w.t.Context(), w.admin, "", name(w.t, "demo"), true); err != nil {
				w.t.Fatal(err)
			}
		}, ""},
		"allowed and withdrawn": {"", func(w *world) {
			w.must(plain("0.1"))
			for _, on := range []bool{true, false} {
				if err := w.SetStartupFiles(w.t.Context(), w.admin, "", name(w.t, "demo"), on); err != nil {
					w.t.Fatal(err)
				}
			}
		}, "no earlier version of demo"},
		"policy allow": {ingest.AllowStartup, func(*world) {}, ""},
		"policy refuse, allowed by an owner": {ingest.RefuseStartup, func(w *world) {
			w.must(plain("0.1"))
			if err := w.SetStartupFiles(w.t.Context(), w.admin, "", name(w.t, "demo"), true); err != nil {
				w.t.Fatal(err)
			}
		}, `upload.startup_files = "refuse"`},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, ingest.Policy{StartupFiles: c.policy}, catalog.Limits{})
			c.before(w)
			uploader, demo := w.user("alice", access.NewAPIToken{Scope: access.ScopeUpload}), name(t, "demo")
			if err := w.Grant(t.Context(), w.admin, "", demo, "alice", access.Owner); fault.Is(err, fault.NotFound) {
				uploader = w.admin
			} else if err != nil {
				t.Fatal(err)
			}
			receipt, err := w.upload(uploader, starting("1.0"), func(u *ingest.Upload) {
				u.Startup = uploader.Kind() != access.KindOperator // only the operator can say so
			})
			if c.refusal == "" {
				if err != nil || !strings.Contains(strings.Join(receipt.Warnings, " "), "demo.pth runs code") {
					t.Errorf("upload = %v, %v, want it accepted with a warning", receipt.Warnings, err)
				}
				return
			}
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.refusal) ||
				!strings.Contains(err.Error(), "demo.pth") || !strings.Contains(err.Error(), "upload.startup_files") {
				t.Errorf("upload = %v, want a refusal with %q, the member and the setting", err, c.refusal)
			}
			if _, err := w.Overview(t.Context(), w.admin, "", demo, "1.0"); !fault.Is(err, fault.NotFound) {
				t.Errorf("after the refusal Overview = %v", err)
			}
		})
	}
}

// The decision is taken in the transaction that adds the file: of a permission that is withdrawn meanwhile, the last
// state counts, and what the page shows is what the audit log has.
func TestStartupFilesAreRecorded(t *testing.T) {
	w := newWorld(t, ingest.Policy{StartupFiles: ingest.AllowStartup}, catalog.Limits{})
	demo := name(t, "demo")
	if _, err := w.upload(w.admin, starting("1.0")); err != nil {
		t.Fatal(err)
	}
	w.must(packagingtest.SDist("demo", "1.0", "x"))
	o, err := w.Overview(t.Context(), w.admin, "", demo, "1.0")
	if err != nil || len(o.Startup) != 1 || len(o.Files) != 2 {
		t.Fatalf("Overview = %v, %v", o.Startup, err)
	}
	for id, startup := range o.Startup {
		for _, f := range o.Files {
			if f.ID == id && (f.Kind != "bdist_wheel" || startup.Unchecked ||
				!slices.Equal(startup.Members, []string{"demo.pth"})) {
				t.Errorf("%s has %v", f.Filename, startup)
			}
		}
	}
	found := 0
	for _, e := range w.recorded("file.add", audit.Granted) {
		if list, ok := e.Detail["startup_files"]; ok && fmt.Sprint(list) == "[demo.pth]" {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d entries of the audit log have start-up files, want 1", found)
	}
}

// An owner's permission is needed, and a project that the caller may not see looks missing.
func TestSetStartupFilesRefusals(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(plain("0.1"))
	demo := name(t, "demo")
	for user, role := range map[string]access.Role{
		"mia": access.Maintainer, "una": access.Uploader, "rea": access.Reader,
	} {
		who := w.user(user, access.NewAPIToken{Scope: access.ScopeUpload})
		if err := w.Grant(t.Context(), w.admin, "", demo, user, role); err != nil {
			t.Fatal(err)
		}
		if err := w.SetStartupFiles(t.Context(), who, "", demo, true); !fault.Is(err, fault.Denied) {
			t.Errorf("SetStartupFiles by %s = %v, want denied", user, err)
		}
	}
	if err := w.SetStartupFiles(t.Context(), access.Caller{}, "", demo, true); err == nil {
		t.Error("SetStartupFiles by nobody succeeds")
	}
	if p, err := w.Project(t.Context(), w.admin, "", demo); err != nil || p.StartupFiles {
		t.Errorf("the project is %+v, %v", p, err)
	}
}

// Of uploads at once, each needs a version before it: none makes another one known before it is listed.
func TestStartupFilesAtOnce(t *testing.T) {
	w := newWorld(t, ingest.PrivatePolicy(), catalog.Limits{})
	w.must(plain("0.1"))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if _, err := w.upload(w.admin, starting(fmt.Sprintf("1.%d", i))); !fault.Is(err, fault.Invalid) {
				t.Errorf("upload %d = %v, want a refusal", i, err)
			}
		})
	}
	all.Wait()
}
