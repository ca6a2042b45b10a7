package browser_test

import (
	"path/filepath"
	"testing"

	"pyindex/internal/storage/postgrestest"
)

// The banner of the state recovered is accessible and fits, on a page of the administration and on others.
func TestRecoveredBannerFits(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	x.Stop()
	if err := postgrestest.Execute("sqlite", filepath.Join(x.DataDir, "index.db"),
		`INSERT INTO counters (name, value, epoch, began) VALUES ('recovered', 1795953600000000, 'snapshot', 1795950000000000)`,
	); err != nil {
		t.Fatal(err)
	}
	x.Start()
	for _, page := range [][2]string{{"recovered-admin", "/admin/"}, {"recovered-account", "/manage/account/"}} {
		look(b, page[1], page[0])
	}
}
