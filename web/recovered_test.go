package web_test

import (
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/namelog"
)

// TestEveryPageOfAnAdministratorShowsTheRestore: while an index is in the state recovered, every page of an
// administrator says so with the next step. Other people do not see it.
func TestEveryPageOfAnAdministratorShowsTheRestore(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	const banner = "index restore finish"
	pages := []string{"/", "/admin/", "/admin/storage/", "/search/?q=demo", "/project/demo/", "/help/", "/manage/account/"}
	for _, path := range pages {
		if strings.Contains(x.get("root", path).Body.String(), banner) {
			t.Errorf("%s shows the banner before a restore", path)
		}
	}
	now := x.clock.Now()
	if err := x.db.Names().Update(t.Context(), func(tx namelog.Tx) error {
		if err := tx.BeginRecovered(t.Context(), now, "snap", now); err != nil {
			return err
		}
		_, err := tx.NextSerial(t.Context())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, path := range append(pages, "/project/no-such-project/") {
		if page := x.get("root", path); !strings.Contains(page.Body.String(), banner) {
			t.Errorf("%s = %d without the banner for an administrator", path, page.Code)
		}
		page := x.get("owner", path).Body.String()
		if path != "/project/no-such-project/" && strings.Contains(page, banner) {
			t.Errorf("%s shows the banner to a user", path)
		}
	}
	if got := x.get("owner", "/project/no-such-project/"); got.Code != http.StatusServiceUnavailable {
		t.Errorf("the page of an unknown project = %d, want 503", got.Code)
	}
}
