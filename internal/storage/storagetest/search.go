package storagetest

import (
	"fmt"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

func (w *world) card(p catalog.Project, summary, body string, change func(*catalog.Card)) catalog.Card {
	w.Helper()
	w.n++
	c := catalog.Card{
		ProjectID: p.ID, RepositoryID: w.main.ID, Name: p.Name.String(), Display: p.Display, Status: catalog.Active,
		Summary: summary, Version: "1.0",
		SourceKind: packaging.Wheel, ReleasedAt: at.Add(time.Duration(w.n) * time.Minute), Pythons: []string{"3.9", "3.10"},
		License:     "MIT",
		Classifiers: []string{"Topic :: A_B", "Private :: 100%"}, UploaderKind: "user", UploaderName: "amy",
	}
	if change != nil {
		change(&c)
	}
	w.update(func(tx publishers.Tx) error {
		return tx.PutCard(w.ctx, c, catalog.CardText{Keywords: "quick brown", People: "Zoë Example", Body: body})
	})
	return c
}

func (w *world) found(q browse.SearchQuery) (names []string, total int) {
	w.Helper()
	q.RepositoryID = w.main.ID
	if q.Limit == 0 {
		q.Limit = 10
	}
	w.view(func(tx catalog.Tx) error {
		cards, n, err := tx.(browse.Tx).Search(w.ctx, q)
		w.must(err)
		names, total = nil, n
		for _, c := range cards {
			names = append(names, c.Name)
		}
		return nil
	})
	return names, total
}

func checkSearch(w *world) {
	http, client, other, gone := w.project("http"), w.project("http-client"), w.project("requests"),
		w.project("quarantined")
	first := w.card(http, "A protocol", "nothing", nil)
	w.card(client, "Talks http", "body", func(c *catalog.Card) { c.Pythons, c.Attested = []string{"3.12"}, true })
	w.card(other, "HTTP for humans", "the http protocol, again http",
		func(c *catalog.Card) { c.Classifiers = []string{"Topic :: AxB"} })
	w.card(gone, "http too", "http", func(c *catalog.Card) { c.Status = catalog.Quarantined })
	for _, c := range []struct {
		name string
		q    browse.SearchQuery
		want []string
	}{
		{
			"exact, prefix, rest",
			browse.SearchQuery{Words: []string{"http"}, Name: "http"},
			[]string{"http", "http-client", "requests"},
		},
		{
			"beginning of a word",
			browse.SearchQuery{Words: []string{"proto"}, Name: "proto", Sort: browse.ByName},
			[]string{"http", "requests"},
		},
		{"all words", browse.SearchQuery{Words: []string{"http", "humans"}, Name: "http-humans"}, []string{"requests"}},
		{
			"keyword",
			browse.SearchQuery{Words: []string{"brown"}, Sort: browse.ByName},
			[]string{"http", "http-client", "requests"},
		},
		{
			"a name that is written in one",
			browse.SearchQuery{Words: []string{"httpclient"}, Name: "httpclient"},
			[]string{"http-client"},
		},
		{
			"a person",
			browse.SearchQuery{Words: []string{"example"}, Sort: browse.ByNewest},
			[]string{"requests", "http-client", "http"},
		},
		{"nothing", browse.SearchQuery{Words: []string{"nothinglikethis"}}, nil},
		{"everything", browse.SearchQuery{}, []string{"requests", "http-client", "http"}},
		{"python", browse.SearchQuery{Python: "3.12"}, []string{"http-client"}},
		{"python that looks alike", browse.SearchQuery{Python: "3.1"}, nil},
		{"attested", browse.SearchQuery{Attested: true}, []string{"http-client"}},
		{"classifier", browse.SearchQuery{Classifier: "Topic :: A_B", Sort: browse.ByName}, []string{"http", "http-client"}},
		{"classifier with a wildcard", browse.SearchQuery{Classifier: "Private :: %"}, nil},
		{"some projects", browse.SearchQuery{Words: []string{"http"}, ProjectIDs: []string{other.ID}}, []string{"requests"}},
		{"no projects", browse.SearchQuery{Words: []string{"http"}, ProjectIDs: []string{}}, nil},
		{"operators", browse.SearchQuery{Words: []string{"or", "not", "near"}}, nil},
	} {
		if names, total := w.found(c.q); total != len(c.want) {
			w.Errorf("%s: %d found, want %v, got %v", c.name, total, c.want, names)
		} else {
			w.same("Search: "+c.name, names, c.want)
		}
	}
	names, total := w.found(browse.SearchQuery{Words: []string{"http"}, Name: "http", Limit: 1, Offset: 1})
	w.same("second page", names, []string{"http-client"})
	w.same("its total", total, 3)
	w.view(func(tx catalog.Tx) error {
		got, err := tx.CardOf(w.ctx, http.ID)
		w.must(err)
		w.same("CardOf", got, first)
		near, err := tx.(browse.Tx).NamesFrom(w.ctx, w.main.ID, "ht", nil, 10)
		w.must(err)
		w.same("NamesFrom", near, []string{"http", "http-client"})
		near, err = tx.(browse.Tx).NamesFrom(w.ctx, w.main.ID, "qu", nil, 10)
		w.must(err)
		w.same("NamesFrom of what is in quarantine", near, []string(nil))
		return nil
	})
	w.card(http, "changed", "words", nil)
	if names, _ := w.found(browse.SearchQuery{Words: []string{"protocol"}}); len(names) != 1 {
		w.Errorf("a replaced card is found by its old words: %v", names)
	}
	w.update(func(tx publishers.Tx) error {
		w.must(tx.DeleteProject(w.ctx, http.ID))
		w.must(tx.DeleteCard(w.ctx, client.ID))
		return tx.SetCardAttested(w.ctx, other.ID)
	})
	names, _ = w.found(browse.SearchQuery{Words: []string{"http"}, Attested: true})
	w.same("after deletions", names, []string{"requests"})
	if names, _ := w.found(browse.SearchQuery{Words: []string{"changed"}}); len(names) != 0 {
		w.Errorf("a deleted project is found: %v", names)
	}
}

// checkSorting checks that names are compared byte by byte, in ranges and in order: hyphens come before letters.
func checkSorting(w *world) {
	want := []string{"a-b", "a-c", "a1", "aa", "ab"}
	for _, name := range []string{"ab", "a-c", "a1", "a-b", "aa"} {
		w.card(w.project(name), "sorted", "sorted", func(c *catalog.Card) { c.ReleasedAt = at })
		w.updateAccess(func(tx access.Tx) error {
			return tx.InsertUser(w.ctx, access.User{ID: w.id("user"), Name: name, CreatedAt: at})
		})
	}
	for _, q := range []browse.SearchQuery{{}, {Sort: browse.ByName}, {Sort: browse.ByNewest}} {
		names, _ := w.found(q)
		w.same(fmt.Sprintf("Search(%+v)", q), names, want)
	}
	w.view(func(tx catalog.Tx) error {
		near, err := tx.(browse.Tx).NamesFrom(w.ctx, w.main.ID, "a-", nil, 10)
		w.must(err)
		w.same("NamesFrom a-", near, want[:2])
		page, total, err := tx.ProjectsNamed(w.ctx, w.main.ID, "a", 1, 3)
		w.must(err)
		var names []string
		for _, p := range page {
			names = append(names, p.Name.String())
		}
		w.same("ProjectsNamed", names, want[1:4])
		w.same("their number", total, 5)
		users, err := tx.Users(w.ctx)
		w.must(err)
		names = nil
		for _, u := range users {
			names = append(names, u.Name)
		}
		w.same("Users", names, want)
		return nil
	})
}

func checkRequirements(w *world) {
	a, b := w.project("a"), w.project("b")
	ca, cb := w.card(a, "", "", nil), w.card(b, "", "", nil)
	w.update(func(tx publishers.Tx) error {
		w.must(tx.PutRequirements(w.ctx, ca,
			[]catalog.Required{{Name: "six", Text: "six>=1"}, {Name: "six", Text: "six; extra"}, {Name: "b", Text: "b"}}))
		return tx.PutRequirements(w.ctx, cb, []catalog.Required{{Name: "six", Text: "six"}})
	})
	dependents := func(name string, ids []string, limit, offset int) (names []string, total int) {
		w.view(func(tx catalog.Tx) error {
			cards, n, err := tx.(browse.Tx).Dependents(w.ctx, w.main.ID, name, ids, limit, offset)
			w.must(err)
			names, total = nil, n
			for _, c := range cards {
				names = append(names, c.Name)
			}
			return nil
		})
		return names, total
	}
	names, total := dependents("six", nil, 10, 0)
	w.same("Dependents", names, []string{"a", "b"})
	w.same("their number", total, 2)
	names, total = dependents("six", []string{b.ID}, 10, 0)
	w.same("Dependents of some", names, []string{"b"})
	w.same("their number", total, 1)
	names, total = dependents("six", nil, 1, 1)
	w.same("second page", names, []string{"b"})
	w.same("its total", total, 2)
	w.update(func(tx publishers.Tx) error { return tx.PutRequirements(w.ctx, ca, nil) })
	names, _ = dependents("b", nil, 10, 0)
	w.same("Dependents after a change", names, []string(nil))
}

func checkWithoutCards(w *world) {
	w.project("empty")
	a, b := w.project("a"), w.project("b")
	w.release(a, "1")
	w.release(b, "1")
	w.card(a, "", "", nil)
	w.view(func(tx catalog.Tx) error {
		got, err := tx.WithoutCards(w.ctx, "", 10)
		w.must(err)
		w.same("WithoutCards", got, []string{b.ID})
		got, err = tx.WithoutCards(w.ctx, b.ID, 10)
		w.must(err)
		w.same("WithoutCards after the last", got, []string(nil))
		return nil
	})
}
