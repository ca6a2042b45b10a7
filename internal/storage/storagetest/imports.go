package storagetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
)

// Imports checks the rows of imports. open opens a database with the repository "main" twice, as two processes would.
func Imports(t *testing.T, open func(*testing.T) (a, b transfer.Store)) {
	a, b := open(t)
	update := func(f func(tx transfer.Tx) error) {
		t.Helper()
		if err := a.Update(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	view := func(f func(tx transfer.Tx) error) {
		t.Helper()
		if err := b.View(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	same := func(what string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	var first, second transfer.Import
	update(func(tx transfer.Tx) error {
		main, err := tx.RepositoryByName(t.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		first = transfer.Import{
			ID: "import-1", Kind: "folder", Source: "/srv/päckages", RepositoryID: main.ID, Options: `{"a":1}`, Summary: "{}",
			By: audit.Actor{Kind: "operator", ID: "1", Name: "ann"}, StartedAt: at,
		}
		second = first
		second.ID, second.Source, second.StartedAt, second.FinishedAt = "import-2", "/srv/other", at.Add(-time.Hour), at
		if _, err := tx.ImportOf(t.Context(), main.ID, "folder", first.Source); !fault.Is(err, fault.NotFound) {
			t.Errorf("ImportOf(none) = %v, want not found", err)
		}
		for _, i := range []transfer.Import{first, second} {
			if err := tx.PutImport(t.Context(), i); err != nil {
				return err
			}
		}
		return nil
	})
	view(func(tx transfer.Tx) error {
		got, err := tx.ImportOf(t.Context(), first.RepositoryID, first.Kind, first.Source)
		same("ImportOf()", got, first)
		for _, other := range [][3]string{
			{"other", first.Kind, first.Source},
			{first.RepositoryID, "devpi", first.Source},
			{first.RepositoryID, first.Kind, "/srv/packages"},
		} {
			if _, err := tx.ImportOf(t.Context(), other[0], other[1], other[2]); !fault.Is(err, fault.NotFound) {
				t.Errorf("ImportOf(%v) = %v, want not found", other, err)
			}
		}
		return err
	})
	again := first
	again.Options, again.Summary, again.By = "{}", `{"added":3}`, audit.Actor{Kind: "user", ID: "2", Name: "bob"}
	again.StartedAt, again.FinishedAt = at.Add(time.Hour), at.Add(2*time.Hour)
	update(func(tx transfer.Tx) error {
		changed := again
		changed.Source, changed.Kind = "/srv/elsewhere", "devpi" // which stay
		return tx.PutImport(t.Context(), changed)
	})
	view(func(tx transfer.Tx) error {
		all, err := tx.Imports(t.Context())
		same("Imports(), the last one started last", all, []transfer.Import{second, again})
		return err
	})

	done := ingest.Outcome{Place: "b", State: ingest.Done, Filename: "b-1.0.tar.gz", SHA256: digest("b")}
	refused := ingest.Outcome{Place: "a", State: ingest.Refused, Filename: "a-1.0.egg", Reason: "an egg — “old”"}
	last := ingest.Outcome{Place: "c", State: ingest.Present, Filename: "c-1.0.tar.gz", SHA256: digest("c")}
	update(func(tx transfer.Tx) error {
		if err := tx.(ingest.Tx).PutImportOutcomes(t.Context(), second.ID, []ingest.Outcome{last}, at); err != nil {
			return err
		}
		return tx.(ingest.Tx).PutImportOutcomes(t.Context(), first.ID, []ingest.Outcome{last, done, refused}, at)
	})
	outcomes := func(id, after string, limit int, want ...ingest.Outcome) {
		t.Helper()
		view(func(tx transfer.Tx) error {
			got, err := tx.ImportOutcomes(t.Context(), id, after, limit)
			if len(got)+len(want) > 0 {
				same("ImportOutcomes("+id+", "+after+")", got, want)
			}
			return err
		})
	}
	outcomes(first.ID, "", 10, refused, done, last)
	outcomes(first.ID, "", 2, refused, done)
	outcomes(first.ID, "b", 2, last)
	outcomes(first.ID, "c", 2)
	outcomes(second.ID, "", 10, last)
	outcomes("none", "", 10)
	// The next run finds the file that the import added, which is no news, and may add the refused one.
	present, added := done, refused
	present.State, added.State, added.Reason = ingest.Present, ingest.Done, ""
	update(func(tx transfer.Tx) error {
		return tx.(ingest.Tx).PutImportOutcomes(t.Context(), first.ID, []ingest.Outcome{present, added}, at.Add(time.Hour))
	})
	outcomes(first.ID, "", 10, added, done, last)

	name := transferName(t)
	status := func(importID string, want catalog.Status, reason string) {
		t.Helper()
		view(func(tx transfer.Tx) error {
			got, why, err := tx.ImportedStatus(t.Context(), importID, name)
			same("ImportedStatus("+importID+")", []string{string(got), why}, []string{string(want), reason})
			return err
		})
	}
	status(first.ID, "", "")
	for _, s := range []catalog.Status{catalog.Archived, catalog.Deprecated} {
		err := a.Update(t.Context(), func(tx transfer.Tx) error {
			return tx.(ingest.Tx).PutImportedStatus(t.Context(), first.ID, name, s, "why "+string(s))
		})
		if err != nil {
			t.Fatal(err)
		}
		status(first.ID, s, "why "+string(s))
	}
	status(second.ID, "", "")
}

func transferName(t *testing.T) packaging.ProjectName {
	t.Helper()
	name, err := packaging.ParseProjectName("demo")
	if err != nil {
		t.Fatal(err)
	}
	return name
}
