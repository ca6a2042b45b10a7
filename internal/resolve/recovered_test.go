package resolve_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/namelog"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream"
)

// recover puts the index into the state recovered through one replica.
func (w *world) recover(replica int) {
	w.t.Helper()
	w.must(w.replicas[replica].DB.Names().Update(w.t.Context(), func(tx namelog.Tx) error {
		at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
		if err := tx.BeginRecovered(w.t.Context(), at, "snapshot", at.Add(-time.Hour)); err != nil {
			return err
		}
		_, err := tx.NextSerial(w.t.Context())
		return err
	}))
}

// TestRecoveredAsksNoUpstream: while an index is in the state recovered, no upstream is asked about a name without a
// row, by any route of any replica, and the answer is 503 with the reason. Known names and files are served.
func TestRecoveredAsksNoUpstream(t *testing.T) {
	eachPair(t, func(w *world) {
		known, unknown := packagingtest.Wheel("known", "1.0", "a"), packagingtest.Wheel("unknown", "1.0", "b")
		w.public.Add(known)
		w.public.Add(unknown)
		own := packagingtest.Wheel("ours", "1.0", "c")
		w.publish("", own)
		w.repository("team", 0, "main")
		w.repository("alone", 0)
		for _, tree := range []string{"", "/r/team"} {
			if _, status := w.files(0, w.admin, tree+"/simple/known/"); status != http.StatusOK {
				w.t.Fatalf("%s/simple/known/ = %d before the restore", tree, status)
			}
		}
		w.recover(0)
		w.public.Forget()
		for replica := range w.handlers {
			for _, tree := range []string{"", "/r/team"} {
				for form, path := range w.forms(tree, "unknown", unknown) {
					out := w.call(replica, w.admin, http.MethodGet, path, nil)
					if out.Code != http.StatusServiceUnavailable || !strings.Contains(out.Body.String(), "index restore finish") {
						w.t.Errorf("replica %d: %s %s = %d %s, want 503 with the reason", replica, form, path, out.Code, out.Body)
					}
				}
				if _, status := w.files(replica, w.admin, tree+"/simple/known/"); status != http.StatusOK {
					w.t.Errorf("replica %d: %s/simple/known/ = %d", replica, tree, status)
				}
				if files, status := w.files(replica, w.admin, tree+"/simple/ours/"); status != http.StatusOK || len(files) != 1 {
					w.t.Errorf("replica %d: %s/simple/ours/ = %d %q", replica, tree, status, files)
				}
			}
			// A client goes on to the next index at 404, which a lost name must not cause.
			if out := w.call(replica, w.admin, http.MethodGet, "/r/alone/simple/unknown/", nil); out.Code !=
				http.StatusServiceUnavailable {
				w.t.Errorf("replica %d: an unknown name of a repository without upstreams = %d", replica, out.Code)
			}
			a := w.replicas[replica]
			if e, err := a.Reader.Elsewhere(w.t.Context(), a.Operator, "main", named("unknown")); err != nil ||
				e.MayHave {
				w.t.Errorf("Elsewhere() = %+v, %v, want nothing", e, err)
			}
			r, err := a.Index.Repository(w.t.Context(), a.Operator, "main")
			w.must(err)
			if _, err := a.Reader.UpstreamVersions(w.t.Context(), r, named("unknown")); !errors.Is(err,
				catalog.ErrRecovered) {
				w.t.Errorf("UpstreamVersions() = %v", err)
			}
			_, err = a.Index.ClaimUpstream(w.t.Context(), r.ID, named("unknown"),
				w.upstream("public", w.public, upstream.Public))
			if !errors.Is(err, catalog.ErrRecovered) || !fault.Is(err, fault.Unavailable) {
				w.t.Errorf("ClaimUpstream() = %v", err)
			}
		}
		w.public.AssertNothingAsked(w.t, "unknown")

		a := w.replicas[1]
		done, err := namelog.New(a.DB.Names(), a.Blobs, namelog.Options{}).Finish(w.t.Context(), a.Operator,
			namelog.FinishOptions{AcceptGap: true})
		if err != nil || !done.Gap {
			w.t.Fatalf("Finish() = %+v, %v", done, err)
		}
		for replica := range w.handlers {
			if _, status := w.files(replica, w.admin, "/simple/unknown/"); status != http.StatusOK {
				w.t.Errorf("replica %d: /simple/unknown/ = %d after the end", replica, status)
			}
		}
	})
}

// TestRecoveredTakesNoUploads: uploads answer 503 with the reason in the client's words, to an existing project and to
// a new one, and no project is created. That is no fault of the server, so /readyz shows no failing uploads.
func TestRecoveredTakesNoUploads(t *testing.T) {
	eachPair(t, func(w *world) {
		w.publish("", packagingtest.Wheel("ours", "1.0", "c"))
		w.recover(1)
		for replica := range w.handlers {
			for _, f := range []packagingtest.File{
				packagingtest.Wheel("ours", "2.0", "d"), packagingtest.Wheel("ours", "1.0", "c"),
				packagingtest.Wheel("new", "1.0", "e"),
			} {
				out := w.upload(replica, w.admin, "", f)
				if out.Code != http.StatusServiceUnavailable || !strings.Contains(out.Body.String(), "index restore finish") {
					w.t.Errorf("replica %d: upload of %s = %d %s", replica, f.Name, out.Code, out.Body)
				}
			}
			a := w.replicas[replica]
			if _, err := a.Index.Trouble(); err != nil {
				w.t.Errorf("replica %d: Trouble() = %v", replica, err)
			}
			if _, err := a.Index.Project(w.t.Context(), a.Operator, "main", named("new")); !fault.Is(err, fault.NotFound) {
				w.t.Errorf("Project(new) = %v", err)
			}
			_, err := a.Index.Import(w.t.Context(), a.Operator, ingest.Batch{Project: named("new")})
			if !errors.Is(err, catalog.ErrRecovered) {
				w.t.Errorf("replica %d: Import() = %v", replica, err)
			}
			if out := w.call(replica, "", http.MethodPost, "/legacy/", nil); out.Code != http.StatusUnauthorized {
				w.t.Errorf("an anonymous upload = %d", out.Code)
			}
		}
	})
}

// TestRecoveredDuringUpload: an upload that began before the restore is refused by its transaction.
func TestRecoveredDuringUpload(t *testing.T) {
	w := newWorld(t, t.TempDir(), "sqlite:"+t.TempDir()+"/index.db", "file://"+t.TempDir())
	a := w.replicas[0]
	in, err := a.Index.Begin(t.Context(), a.Operator, "main", packaging.ProjectName{})
	w.must(err)
	defer in.Discard()
	w.recover(1)
	err = a.DB.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
		_, err := catalog.Create(t.Context(), tx, catalog.NewProject{Name: named("new")})
		return err
	})
	if !errors.Is(err, catalog.ErrRecovered) {
		t.Errorf("Create() = %v, want the state recovered", err)
	}
}

// named is name where there is no *testing.T.
func named(s string) packaging.ProjectName {
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		panic(err)
	}
	return n
}
