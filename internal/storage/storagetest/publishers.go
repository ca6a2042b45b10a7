package storagetest

import (
	"cmp"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

// Publishers checks the guarantees of publishers.Store and its rows.
func Publishers(t *testing.T, open Opener) {
	for name, check := range map[string]func(*world){
		"put":             checkPut,
		"pinned to":       checkPinnedTo,
		"serving":         checkServing,
		"pin":             checkPin,
		"links":           checkLinks,
		"pending":         checkPending,
		"pending ends":    checkPendingEnds,
		"token ids":       checkJTIs,
		"token id race":   checkJTIRace,
		"publisher race":  checkPutRace,
		"exchanges":       checkExchanges,
		"let in":          checkLetIn,
		"after conflicts": checkAfterConflicts,
		"published files": checkPublishedFiles,
	} {
		t.Run(name, func(t *testing.T) { check(newWorld(t, open)) })
	}
}

// checkPublishedFiles checks that only the newest files of trusted publishers are returned, with token and claims.
func checkPublishedFiles(w *world) {
	p, other := w.project("p"), w.project("other")
	r, r2 := w.release(p, "1"), w.release(other, "1")
	add := func(r catalog.Release, name string, age time.Duration, u catalog.Uploader) {
		f := w.newFile(r, name)
		f.UploadedAt, f.Uploader = at.Add(-age), u
		w.update(func(tx publishers.Tx) error { return tx.InsertFile(w.ctx, f, packaging.Metadata{Name: name}) })
	}
	by := func(token string) catalog.Uploader {
		return catalog.Uploader{
			Kind: "publisher", Name: "workflow", TokenID: token, Claims: map[string]any{"repository": "acme/" + token},
		}
	}
	add(r, "a", 2*time.Hour, by("t1"))
	add(r, "b", time.Hour, by("t2"))
	add(r, "c", 0, catalog.Uploader{Kind: "user", ID: "u", TokenID: "t3"})
	add(r2, "d", 0, by("t4"))
	w.view(func(tx catalog.Tx) error {
		got, err := tx.PublishedFiles(w.ctx, p.ID, 10)
		w.must(err)
		w.same("PublishedFiles()", got,
			[]catalog.PublishedFile{{TokenID: "t2", Claims: by("t2").Claims}, {TokenID: "t1", Claims: by("t1").Claims}})
		got, err = tx.PublishedFiles(w.ctx, p.ID, 1)
		w.must(err)
		w.same("PublishedFiles(1)", len(got), 1)
		got, err = tx.PublishedFiles(w.ctx, "nothing", 10)
		w.same("PublishedFiles(of nothing)", got, []catalog.PublishedFile{})
		return err
	})
}

func newPublisher(id string) publishers.Publisher {
	return publishers.Publisher{
		ID: id, Issuer: "https://issuer.example", Provider: "github", Lookup: "acme/" + id, CreatedAt: at, CreatedBy: "ann",
		Fields: map[string]string{"owner": "acme", "repository": id, "workflow": "rèlease.yml", "environment": ""},
	}
}

// publisher inserts a publisher with a lookup key that ends in its id.
func (w *world) publisher(id string) publishers.Publisher {
	w.Helper()
	p := newPublisher(id)
	w.update(func(tx publishers.Tx) error { _, err := tx.PutPublisher(w.ctx, p); return err })
	return p
}

func (w *world) attach(p publishers.Publisher, to catalog.Project) {
	w.Helper()
	a := publishers.Attached{Publisher: p, ProjectID: to.ID, AddedAt: at, AddedBy: "ann"}
	w.update(func(tx publishers.Tx) error { return tx.Attach(w.ctx, a) })
}

func checkPut(w *world) {
	p := newPublisher("p")
	again, pinned, elsewhere := p, p, p
	again.ID, pinned.ID, elsewhere.ID = "again", "pinned", "elsewhere"
	pinned.OwnerID, elsewhere.Issuer = "77", "https://issuer.example/"
	w.update(func(tx publishers.Tx) error {
		for _, row := range []struct{ put, want publishers.Publisher }{
			{p, p}, {again, p}, {pinned, pinned}, {elsewhere, elsewhere},
		} {
			got, err := tx.PutPublisher(w.ctx, row.put)
			w.must(err)
			w.same("PutPublisher("+row.put.ID+")", got, row.want)
		}
		_, err := tx.PublisherByID(w.ctx, "again")
		w.want("PublisherByID(again)", err, fault.NotFound)
		got, err := tx.PublishersFor(w.ctx, p.Issuer, publishers.Key{Provider: "github", Lookup: p.Lookup})
		w.must(err)
		w.same("PublishersFor()", got, []publishers.Publisher{p, pinned})
		got, err = tx.PublishersFor(w.ctx, p.Issuer, publishers.Key{Provider: "gitlab", Lookup: p.Lookup},
			publishers.Key{Provider: "github", Lookup: p.Lookup}, publishers.Key{Provider: "github", Lookup: "other/other"})
		w.must(err)
		w.same("PublishersFor()", got, []publishers.Publisher{p, pinned})
		for _, k := range [][3]string{
			{"https://issuer", "github", p.Lookup}, {p.Issuer, "gitlab", p.Lookup}, {p.Issuer, "github", "ACME/p"},
		} {
			got, err := tx.PublishersFor(w.ctx, k[0], publishers.Key{Provider: k[1], Lookup: k[2]})
			w.must(err)
			w.same("PublishersFor(other)", got, []publishers.Publisher{})
		}
		return nil
	})
}

// checkServing replaces what the server started with.
func checkServing(w *world) {
	w.update(func(tx publishers.Tx) error {
		_, err := tx.Serving(w.ctx)
		w.want("Serving() before a server started", err, fault.NotFound)
		for _, s := range []publishers.Serving{
			{
				Issuers: []publishers.Issuer{
					{Provider: "github", URL: "https://b"}, {Provider: "gitlab", URL: "https://a", Server: "https://c/d"},
				},
				Audience: "x",
				BaseURL:  "https://index.example/pypi",
				Open:     true,
			},
			{Issuers: []publishers.Issuer{}, Audience: ""},
		} {
			w.must(tx.PutServing(w.ctx, s, at))
			got, err := tx.Serving(w.ctx)
			w.must(err)
			w.same("Serving()", got, s)
		}
		return nil
	})
}

// checkPinnedTo finds publishers, pending ones and readers by ids. Near values of an id find nothing.
func checkPinnedTo(w *world) {
	type ids = workload.PinnedIDs
	type list = []publishers.Publisher
	byID, byOwner, byBoth, other := newPublisher("id"), newPublisher("owner"), newPublisher("both"), newPublisher("other")
	byID.Fields["repository_id"] = "777"
	byOwner.OwnerID = "4242"
	byBoth.OwnerID, byBoth.Fields["repository_id"] = "4242/777", "first"
	other.OwnerID, other.Fields["repository_id"] = "42420", "7777"
	named := newPublisher("named")
	named.OwnerID, named.Fields["note"] = "9", "777"
	for _, c := range []struct {
		name string
		f    publishers.PinFilter
		want list
	}{
		{"repository", publishers.PinFilter{PinnedIDs: ids{Repository: "777"}}, list{byBoth, byID}},
		{"owner", publishers.PinFilter{PinnedIDs: ids{Owner: "4242"}}, list{byBoth, byOwner}},
		{
			"owner of a name",
			publishers.PinFilter{PinnedIDs: ids{Owner: "4242", Name: "owner"}},
			list{byOwner},
		},
		{
			"both",
			publishers.PinFilter{PinnedIDs: ids{Owner: "4242", Repository: "777", Name: "owner"}},
			list{byBoth, byID, byOwner},
		},
		{
			"found already",
			publishers.PinFilter{PinnedIDs: ids{Repository: "777"}, Except: byID.Lookup},
			list{byBoth},
		},
		{"at most one", publishers.PinFilter{PinnedIDs: ids{Repository: "777"}, Limit: 1}, list{byBoth}},
		{"no ids", publishers.PinFilter{}, nil},
		{"another issuer", publishers.PinFilter{PinnedIDs: ids{Owner: "4242"}, Issuer: "https://other"}, nil},
		{"another provider", publishers.PinFilter{PinnedIDs: ids{Owner: "4242"}, Provider: "gitlab"}, nil},
		{"part of an id", publishers.PinFilter{PinnedIDs: ids{Owner: "424", Repository: "77"}}, nil},
	} {
		c.f.Issuer, c.f.Provider = cmp.Or(c.f.Issuer, byID.Issuer), cmp.Or(c.f.Provider, byID.Provider)
		c.f.Limit = cmp.Or(c.f.Limit, 10)
		w.update(func(tx publishers.Tx) error {
			for _, p := range []publishers.Publisher{byID, byOwner, byBoth, other, named} {
				_, err := tx.PutPublisher(w.ctx, p)
				w.must(err)
				_, err = tx.ReaderByID(w.ctx, p.ID)
				if fault.Is(err, fault.NotFound) {
					w.must(tx.InsertReader(w.ctx, publishers.Reader{Publisher: p, RepositoryID: w.main.ID, Whole: true}))
					w.must(tx.InsertPending(w.ctx, publishers.Pending{
						ID: p.ID, RepositoryID: w.main.ID, Project: p.ID, Publisher: p, CreatedAt: at, ExpiresAt: at.Add(time.Hour),
					}))
				}
			}
			got, err := tx.PublishersPinnedTo(w.ctx, c.f)
			w.must(err)
			w.same("PublishersPinnedTo("+c.name+")", got, c.want)
			readers, err := tx.ReadersPinnedTo(w.ctx, c.f)
			w.must(err)
			pending, err := tx.PendingPinnedTo(w.ctx, c.f)
			w.must(err)
			for i, p := range c.want {
				if len(readers) != len(c.want) || readers[i].ID != p.ID || len(pending) != len(c.want) || pending[i].ID != p.ID {
					w.Errorf("%s: readers %+v, pending %+v, want those of %s", c.name, readers, pending, p.ID)
				}
			}
			return nil
		})
	}
}

func checkPin(w *world) {
	p := w.publisher("p")
	twin := p
	twin.ID, twin.OwnerID = "twin", "88"
	w.update(func(tx publishers.Tx) error {
		for _, row := range []struct {
			id, owner string
			want      bool
		}{{"nothing", "77", false}, {p.ID, "77", true}, {p.ID, "99", false}} {
			did, err := tx.PinPublisher(w.ctx, row.id, row.owner)
			w.must(err)
			w.same("PinPublisher("+row.id+", "+row.owner+")", did, row.want)
		}
		got, err := tx.PublisherByID(w.ctx, p.ID)
		w.must(err)
		w.same("OwnerID", got.OwnerID, "77")
		_, err = tx.PutPublisher(w.ctx, twin)
		w.must(err)
		open := newPublisher("p")
		open.ID = "open"
		_, err = tx.PutPublisher(w.ctx, open)
		w.must(err)
		did, err := tx.PinPublisher(w.ctx, "open", "88")
		w.same("PinPublisher(as another row is)", did, false)
		return err
	})
}

func checkLinks(w *world) {
	one, two, p, q := w.project("one"), w.project("two"), w.publisher("p"), w.publisher("q")
	w.attach(p, two)
	w.attach(p, one)
	w.attach(q, one)
	link := func(p publishers.Publisher, to catalog.Project) publishers.Attached {
		return publishers.Attached{Publisher: p, ProjectID: to.ID, Project: to.Name.String(), AddedAt: at, AddedBy: "ann"}
	}
	w.update(func(tx publishers.Tx) error {
		w.want("Attach(twice)", tx.Attach(w.ctx, publishers.Attached{Publisher: p, ProjectID: one.ID}), fault.Conflict)
		for _, row := range []struct {
			publisher, project string
			want               []publishers.Attached
		}{
			{"", "", []publishers.Attached{link(p, one), link(q, one), link(p, two)}},
			{p.ID, "", []publishers.Attached{link(p, one), link(p, two)}},
			{"", one.ID, []publishers.Attached{link(p, one), link(q, one)}},
			{q.ID, two.ID, nil},
		} {
			got, err := tx.AttachedTo(w.ctx, row.publisher, row.project)
			w.must(err)
			w.same("AttachedTo("+row.publisher+", "+row.project+")", got, row.want)
		}
		return nil
	})
	checkDetach(w, one, two, p)
}

func checkDetach(w *world, one, two catalog.Project, p publishers.Publisher) {
	w.update(func(tx publishers.Tx) error {
		for _, row := range []struct {
			from string
			want bool
			left fault.Kind // error of reading the publisher afterwards; Internal means that it is found
		}{{one.ID, true, fault.Internal}, {one.ID, false, fault.Internal}, {two.ID, true, fault.NotFound}} {
			did, err := tx.Detach(w.ctx, p.ID, row.from)
			w.must(err)
			w.same("Detach()", did, row.want)
			_, err = tx.PublisherByID(w.ctx, p.ID)
			w.same("PublisherByID(after Detach)", fault.KindOf(err), row.left)
		}
		return nil
	})
}

func newPending(id, project, registrant string) publishers.Pending {
	p := newPublisher("p")
	p.ID = ""
	return publishers.Pending{
		ID:         id,
		Project:    project,
		Display:    "Disp.lay",
		Publisher:  p,
		Registrant: registrant,
		CreatedAt:  at,
		ExpiresAt:  at.Add(time.Hour),
	}
}

func checkPending(w *world) {
	first, same, other := newPending("a", "new", "ann"), newPending("b", "new", "bob"), newPending("c", "newer", "")
	first.RepositoryID, same.RepositoryID, other.RepositoryID = w.main.ID, w.main.ID, w.main.ID
	w.update(func(tx publishers.Tx) error {
		w.must(tx.InsertPending(w.ctx, first))
		w.want("InsertPending(twice)", tx.InsertPending(w.ctx, same), fault.Conflict)
		same.Publisher.OwnerID = "77"
		w.must(tx.InsertPending(w.ctx, same))
		w.must(tx.InsertPending(w.ctx, other))
		got, err := tx.PendingFor(w.ctx, first.Publisher.Issuer,
			publishers.Key{Provider: "github", Lookup: first.Publisher.Lookup})
		w.must(err)
		w.same("PendingFor()", got, []publishers.Pending{first, same, other})
		got, err = tx.PendingFor(w.ctx, first.Publisher.Issuer,
			publishers.Key{Provider: "gitlab", Lookup: first.Publisher.Lookup})
		w.must(err)
		w.same("PendingFor(other)", got, []publishers.Pending{})
		got, err = tx.PendingAll(w.ctx)
		w.must(err)
		w.same("PendingAll()", got, []publishers.Pending{first, same, other})
		ids, err := tx.DeletePendingFor(w.ctx, w.main.ID, "new", "ann")
		w.must(err)
		w.same("DeletePendingFor(but ann)", ids, []string{"b"})
		ids, err = tx.DeletePendingFor(w.ctx, w.main.ID, "newer", "")
		w.same("DeletePendingFor(but nobody)", ids, []string{"c"})
		return err
	})
}

func checkPendingEnds(w *world) {
	old, young, never := newPending("a", "a", ""), newPending("b", "b", ""), newPending("c", "c", "")
	old.ExpiresAt, never.ExpiresAt = at, time.Time{}
	w.update(func(tx publishers.Tx) error {
		for _, p := range []publishers.Pending{old, young, never} {
			p.RepositoryID = w.main.ID
			w.must(tx.InsertPending(w.ctx, p))
		}
		got, err := tx.DeletePendingExpiredBefore(w.ctx, at.Add(time.Second))
		w.must(err)
		old.RepositoryID = w.main.ID
		w.same("DeletePendingExpiredBefore()", got, []publishers.Pending{old})
		for _, want := range []bool{true, false} {
			did, err := tx.DeletePending(w.ctx, "b")
			w.must(err)
			w.same("DeletePending()", did, want)
		}
		return nil
	})
}

func checkJTIs(w *world) {
	w.update(func(tx publishers.Tx) error {
		w.must(tx.ClaimJTI(w.ctx, "i", "1", at))
		w.want("ClaimJTI(twice)", tx.ClaimJTI(w.ctx, "i", "1", at.Add(time.Hour)), fault.Conflict)
		w.must(tx.ClaimJTI(w.ctx, "i/", "1", at.Add(time.Hour)))
		w.must(tx.DeleteJTIExpiredBefore(w.ctx, at))
		w.want("ClaimJTI(at its last moment)", tx.ClaimJTI(w.ctx, "i", "1", at), fault.Conflict)
		w.must(tx.DeleteJTIExpiredBefore(w.ctx, at.Add(time.Microsecond)))
		w.must(tx.ClaimJTI(w.ctx, "i", "1", at))
		w.want("ClaimJTI(other issuer, not expired)", tx.ClaimJTI(w.ctx, "i/", "1", at), fault.Conflict)
		return nil
	})
}

func checkJTIRace(w *world) {
	won := w.race(64, func(s Stores, i int) error {
		return s.Publishers.Update(w.ctx, func(tx publishers.Tx) error { return tx.ClaimJTI(w.ctx, "issuer", "one", at) })
	})
	w.same("winners of one token id", won, int64(1))
}

// checkPutRace checks that concurrent inserts of the same rule return the same row.
func checkPutRace(w *world) {
	ids := make([]string, 16)
	w.race(len(ids), func(s Stores, i int) error {
		return s.Publishers.Update(w.ctx, func(tx publishers.Tx) error {
			p := newPublisher("p")
			p.ID = digest(string(rune(i)))
			got, err := tx.PutPublisher(w.ctx, p)
			ids[i] = got.ID
			return err
		})
	})
	for _, id := range ids {
		w.same("id of a rule put at once", id, ids[0])
	}
}

// checkAfterConflicts checks that a transaction commits its later changes after a conflict.
func checkAfterConflicts(w *world) {
	p, u := w.project("p"), w.user("ann")
	r := w.release(p, "1")
	pub := w.publisher("x")
	w.attach(pub, p)
	w.update(func(tx publishers.Tx) error {
		w.must(tx.ClaimJTI(w.ctx, "i", "1", at))
		w.want("ClaimJTI", tx.ClaimJTI(w.ctx, "i", "1", at), fault.Conflict)
		w.want("InsertProject", tx.InsertProject(w.ctx, p), fault.Conflict)
		w.want("InsertRelease", tx.InsertRelease(w.ctx, r), fault.Conflict)
		w.want("Attach", tx.Attach(w.ctx, publishers.Attached{Publisher: pub, ProjectID: p.ID}), fault.Conflict)
		w.want("InsertRepository", tx.InsertRepository(w.ctx, w.main), fault.Conflict)
		_, err := tx.UserByName(w.ctx, u.Name)
		w.must(err)
		_, err = tx.UserByID(w.ctx, u.ID)
		w.must(err)
		return tx.ClaimJTI(w.ctx, "i", "2", at)
	})
	err := w.b.Publishers.Update(w.ctx, func(tx publishers.Tx) error { return tx.ClaimJTI(w.ctx, "i", "2", at) })
	w.want("ClaimJTI(of what was committed after conflicts)", err, fault.Conflict)
}
