package storagetest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// Catalog checks the guarantees of catalog.Store and its rows.
func Catalog(t *testing.T, open Opener) {
	for name, check := range map[string]func(*world){
		"repositories":    checkRepositories,
		"repository gone": checkDeleteRepository,
		"names":           checkNames,
		"name origins":    checkOrigins,
		"name races":      checkNameRaces,
		"projects":        checkProjects,
		"project deleted": checkDeleteProject,
		"skeletons":       checkSkeletons,
		"shown files":     checkShown,
		"shown releases":  checkShownReleases,
		"releases":        checkReleases,
		"files":           checkFiles,
		"quarantine":      checkQuarantine,
		"uploads":         checkUploads,
		"file conflicts":  checkFileConflicts,
		"file changes":    checkFileChanges,
		"metadata":        checkMetadata,
		"members":         checkMembers,
		"search":          checkSearch,
		"sorting":         checkSorting,
		"search pages":    checkPaging,
		"facet counts":    checkFacetCounts,
		"words":           checkWords,
		"facets":          checkFacets,
		"requirements":    checkRequirements,
		"without cards":   checkWithoutCards,
		"attestations":    checkAttestations,
		"illegible text":  checkIllegible,
		"tombstones":      checkTombstones,
		"holds":           checkHolds,
		"abandoned blobs": checkAbandoned,
		"shared blobs":    checkShared,
		"left generation": checkLeftGeneration,
		"generations":     checkGenerations,
		"named blobs":     checkNamed,
		"owners of drops": checkOwners,
		"strays":          checkStrays,
		"byte checks":     checkChecks,
		"serials":         checkSerials,
		"serial order":    checkSerialOrder,
		"isolation":       checkIsolation,
		"all or nothing":  checkAllOrNothing,
		"single use":      checkSingleUse,
		"single use race": checkSingleUseRace,
		"beside":          checkBeside,
		"beside race":     checkBesideRace,
		"history":         checkHistory,
		"downloads":       checkDownloads,
		"managed":         checkManaged,
		"sizes":           checkSizes,
		"file race":       checkFileRace,
		"project race":    checkProjectRace,
	} {
		t.Run(name, func(t *testing.T) { check(newWorld(t, open)) })
	}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func checkRepositories(w *world) {
	if w.main.Members != access.Uploader || !w.main.Public || w.main.CreatedAt.IsZero() {
		w.Errorf("main = %+v, want members uploader, public, with a time", w.main)
	}
	other := catalog.Repository{ID: w.id("repository"), Name: "internal", Members: access.NoRole, CreatedAt: at}
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertRepository(w.ctx, other))
		w.want("InsertRepository(taken name)", tx.InsertRepository(w.ctx, catalog.Repository{ID: "x", Name: "internal"}),
			fault.Conflict)
		_, err := tx.RepositoryByName(w.ctx, "nothing")
		w.want("RepositoryByName(nothing)", err, fault.NotFound)
		got, err := tx.RepositoryByName(w.ctx, "internal")
		w.same("RepositoryByName(internal)", got, other)
		return err
	})
	w.view(func(tx catalog.Tx) error {
		got, err := tx.Repositories(w.ctx)
		w.same("Repositories()", got, []catalog.Repository{other, w.main})
		return err
	})
}

func checkProjects(w *world) {
	p := w.project("Zope.Interface")
	other := catalog.Repository{ID: w.id("repository"), Name: "other", CreatedAt: at}
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertRepository(w.ctx, other))
		twin := p
		twin.ID = "twin"
		w.want("InsertProject(taken name)", tx.InsertProject(w.ctx, twin), fault.Conflict)
		twin.Repository = other
		w.must(tx.InsertProject(w.ctx, twin))
		p.Display, p.Status, p.StatusReason, p.Serial, p.Size = "zope-interface", catalog.Archived, "moved — see “new”", 7,
			1<<40
		p.TrustedOnly, p.Limits = true, catalog.Limits{FileSize: 1 << 40, ProjectSize: 5}
		w.must(tx.UpdateProject(w.ctx, p))
		p.Repository.Size = p.Size
		w.want("UpdateProject(nothing)", tx.UpdateProject(w.ctx, catalog.Project{ID: "nothing"}), fault.NotFound)
		return nil
	})
	w.view(func(tx catalog.Tx) error {
		got, err := tx.ProjectByName(w.ctx, w.main.ID, p.Name)
		w.must(err)
		w.same("ProjectByName()", got, p)
		got, err = tx.ProjectByID(w.ctx, p.ID)
		w.must(err)
		w.same("ProjectByID()", got, p)
		_, err = tx.ProjectByID(w.ctx, "nothing")
		w.want("ProjectByID(nothing)", err, fault.NotFound)
		_, err = tx.ProjectByName(w.ctx, other.ID, w.name("nothing"))
		w.want("ProjectByName(nothing)", err, fault.NotFound)
		return nil
	})
	checkProjectOrder(w)
}

// checkProjectOrder checks that projects are ordered by the bytes of their normalized name, not by the database's
// collation.
func checkProjectOrder(w *world) {
	for _, n := range []string{"b", "a0", "a-b", "ab", "a"} {
		w.project(n)
	}
	w.view(func(tx catalog.Tx) error {
		all, err := tx.Projects(w.ctx, w.main.ID)
		var got []string
		for _, p := range all {
			got = append(got, p.Name.String())
			p.Repository.Size = w.main.Size // follows the projects: see checkSizes
			w.same("Repository of a listed project", p.Repository, w.main)
		}
		w.same("Projects()", got, []string{"a", "a-b", "a0", "ab", "b", "zope-interface"})
		if err != nil {
			return err
		}
		listed, total, err := tx.ListedSince(w.ctx, w.main.ID, -1)
		for i, p := range listed {
			full := all[i]
			w.same("ListedSince(-1)", p,
				catalog.Listed{ID: full.ID, Name: full.Name, Display: full.Display, Status: full.Status, Serial: full.Serial})
		}
		w.same("number of ListedSince(-1)", len(listed), len(all))
		w.same("total of ListedSince(-1)", total, len(all))
		if err != nil {
			return err
		}
		var each []catalog.Listed
		w.must(tx.EachListed(w.ctx, w.main.ID, func(p catalog.Listed) error {
			each = append(each, p)
			return nil
		}))
		for i := range listed {
			listed[i].ID = ""
		}
		w.same("EachListed()", each, listed)
		first, last := all[0].Serial, all[0].Serial
		for _, p := range all {
			first, last = min(first, p.Serial), max(last, p.Serial)
		}
		for _, c := range [][2]int64{{first, last}, {first + 1, last}, {first, last - 1}, {last + 1, last + 9}, {7, 7}} {
			var want []catalog.Listed
			for _, p := range listed {
				if p.Serial >= c[0] && p.Serial <= c[1] {
					want = append(want, p)
				}
			}
			n, err := tx.CountListed(w.ctx, w.main.ID, c[0], c[1])
			w.must(err)
			w.same("CountListed()", n, len(want))
			between, err := tx.ListedBetween(w.ctx, w.main.ID, c[0], c[1])
			w.must(err)
			slices.SortFunc(between, func(a, b catalog.Listed) int { return cmp.Compare(a.Name.String(), b.Name.String()) })
			w.same("ListedBetween()", between, want)
		}
		failed := errors.New("enough")
		if err := tx.EachListed(w.ctx, w.main.ID, func(catalog.Listed) error { return failed }); !errors.Is(err, failed) {
			w.Errorf("EachListed with a function that fails = %v, want its error", err)
		}
		listed, total, err = tx.ListedSince(w.ctx, w.main.ID, 1<<60)
		w.same("number of ListedSince(the future)", len(listed), 0)
		w.same("total of ListedSince(the future)", total, len(all))
		return err
	})
}

// checkSkeletons checks that SQL and Go agree on similar names.
func checkSkeletons(w *world) {
	for _, n := range []string{"lil-oil", "plain", "x0"} {
		w.project(n)
	}
	for name, want := range map[string]string{
		"1i1-0il":   "lil-oil",
		"lilo11":    "lil-oil",
		"p-l-a-i-n": "plain",
		"p1a1n":     "plain",
		"xo":        "x0",
		"plane":     "",
		"lil":       "",
	} {
		parsed, err := packaging.ParseProjectName(name)
		w.must(err)
		w.view(func(tx catalog.Tx) error {
			p, err := tx.ProjectWithSkeleton(w.ctx, w.main.ID, parsed.Skeleton())
			if want == "" {
				w.want("ProjectWithSkeleton("+name+")", err, fault.NotFound)
				return nil
			}
			w.same("project that looks like "+name, p.Name.String(), want)
			return err
		})
	}
}

func checkReleases(w *world) {
	p := w.project("p")
	first, second := w.release(p, "2.0"), w.release(p, "1.0")
	w.update(func(tx publishers.Tx) error {
		w.want("InsertRelease(equal version)",
			tx.InsertRelease(w.ctx, catalog.Release{ID: "x", ProjectID: p.ID, Version: "1", Key: "1.0"}), fault.Conflict)
		got, err := tx.ReleaseByKey(w.ctx, p.ID, "1.0")
		w.must(err)
		w.same("ReleaseByKey()", got, second)
		return nil
	})
	w.view(func(tx catalog.Tx) error {
		got, err := tx.Releases(w.ctx, p.ID)
		w.same("Releases()", got, []catalog.Release{first, second})
		return err
	})
	f := w.file(first, "p-2.0.whl")
	w.update(func(tx publishers.Tx) error { return tx.DeleteRelease(w.ctx, first.ID) })
	w.view(func(tx catalog.Tx) error {
		_, err := tx.ReleaseByKey(w.ctx, p.ID, "2.0")
		w.want("ReleaseByKey(deleted)", err, fault.NotFound)
		_, err = tx.FileByName(w.ctx, w.main.ID, f.Filename)
		w.want("FileByName(of a deleted release)", err, fault.NotFound)
		return nil
	})
}
