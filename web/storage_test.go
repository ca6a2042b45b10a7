package web_test

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
)

// TestDeletionTellsWhatIsLeft: a project whose bytes cannot be removed from the storage now is deleted, and the next
// page says that some bytes are left to the sweeper.
func TestDeletionTellsWhatIsLeft(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	files := filepath.Join(x.bytes, "files")
	if err := os.Rename(files, files+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := x.post("owner", "/manage/project/demo/settings/delete/", "typed", "demo")
	if got.Code != http.StatusSeeOther {
		t.Fatalf("POST = %d, want a redirect\n%s", got.Code, got.Body)
	}
	notice := ""
	for _, c := range got.Result().Cookies() {
		b, _ := base64.RawURLEncoding.DecodeString(c.Value)
		notice += string(b)
	}
	if !strings.Contains(notice,
		"Deleted demo and all its files. 3 stored objects could not be removed now, and the sweeper will remove them later.") {
		t.Errorf("the notice is %q, want it to say how many objects are left", notice)
	}
	if page := x.get("owner", "/manage/project/demo/settings/"); page.Code != http.StatusNotFound {
		t.Errorf("the page of the deleted project = %d, want 404", page.Code)
	}
}

// TestStoragePageShowsChecks: the page says when the stored bytes were looked at and what is broken.
func TestStoragePageShowsChecks(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	if page := x.get("root", "/admin/storage/").Body.String(); !strings.Contains(page,
		"<dt>Last check</dt><dd>none yet</dd>") {
		t.Errorf("the page does not say that there was no check:\n%s", page)
	}
	if err := x.index.Custody.CheckDaily(t.Context(), x.operator); err != nil {
		t.Fatal(err)
	}
	if page := x.get("root", "/admin/storage/").Body.String(); !strings.Contains(page,
		"nothing missing or damaged among") || strings.Contains(page, "The last check found") {
		t.Errorf("the page does not say that nothing is broken:\n%s", page)
	}
	if err := os.RemoveAll(filepath.Join(x.bytes, "files")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		check func() error
		want  string
	}{
		"not due": {
			func() error { return x.index.Custody.CheckDaily(t.Context(), x.operator) }, "nothing missing or damaged among",
		},
		"full": {func() error {
			_, err := x.index.Custody.CheckStored(t.Context(), x.operator, custody.CheckOptions{Kind: custody.CheckBytes})
			return err
		}, "The last check found "},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.check(); err != nil {
				t.Fatal(err)
			}
			if page := x.get("root", "/admin/storage/").Body.String(); !strings.Contains(page, c.want) {
				t.Errorf("%s: the page lacks %q:\n%s", name, c.want, page)
			}
		})
	}
	if page := x.get("owner", "/admin/storage/"); page.Code == http.StatusOK {
		t.Errorf("GET by somebody else = %d, want it refused", page.Code)
	}
}
