package storagetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
		{
			"one letter",
			browse.SearchQuery{Words: []string{"h"}, Sort: browse.ByName},
			[]string{"http", "http-client", "requests"},
		},
		{"letters", browse.SearchQuery{Words: []string{"h", "hu", "r"}, Name: "h-hu-r"}, []string{"requests"}},
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
		near, err = tx.(browse.Tx).NamesWith(w.ctx, w.main.ID, []string{"quar"}, nil, 10)
		w.must(err)
		w.same("NamesWith of what is in quarantine", near, []string(nil))
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

// checkWords checks that both databases find the same projects for the same words, in the same order: those with the
// words in their name first, then those with them in their summary or keywords, in the people, and anywhere.
func checkWords(w *world) {
	for _, p := range []struct{ name, summary, body string }{
		{"node-bridge", "Call Node.js from Python", "Uses async/await over TCP/IP. Requires Python 3.14."},
		{"mailer", "Client/server mail", "Write to a.b@c.d or see https://github.com/acme/mailer and example.org."},
		{"await", "nothing", "<https://Example.org:80/guide>"},
		{"unicode-names", "by Zoë Müller-Straße, ΟΔΟΣ", "ﬁle हिन्दी Ελλάδα naïve İstanbul C++ 日本語 がく"},
		{"quotes", `it's "quoted" \ 'x':1A & !y | (z)`, "<b>bold</b> don't&nbsp;stop snake_case dotted.name.here"},
		{"clients", "many of them", "server"},
		{"letters", "\U00010400dlam \U0001E900x \u0561\u0580", "a\u200bb soft\u00adhyphen x² ½"},
		{"long", "", strings.Repeat("x", 3000) + " " + strings.Repeat("é", 3000) + " tail"},
	} {
		w.card(w.project(p.name), p.summary, p.body, func(c *catalog.Card) { c.Classifiers = nil })
	}
	for query, want := range map[string]string{
		"node.js": "node-bridge", "node": "node-bridge", "js": "node-bridge", "async": "node-bridge",
		"await": "await node-bridge", "async/await": "node-bridge", "AWAIT": "await node-bridge",
		"tcp": "node-bridge", "ip": "node-bridge", "tcp/ip": "node-bridge", "tcp ip": "node-bridge", "3.14": "node-bridge",
		"14": "node-bridge", "python 3": "node-bridge",
		"client": "clients mailer", "client/server": "mailer clients", "server": "mailer clients", "clients": "clients",
		"a.b@c.d": "mailer", "b@c": "clients mailer node-bridge quotes unicode-names", "example.org": "mailer",
		"acme": "mailer", "guide": "await",
		"http": "", "https": "", "github": "", "github.com": "", "https://github.com/acme": "mailer", "80": "",
		"zoe":        "unicode-names await clients letters long mailer node-bridge quotes",
		"zoe muller": "unicode-names", "Müller": "unicode-names", "strasse": "unicode-names", "straße": "unicode-names",
		"οδος": "unicode-names", "ελλαδα": "unicode-names", "file": "unicode-names", "हिन्दी": "unicode-names",
		"हि":    "unicode-names",
		"naive": "unicode-names", "istanbul": "unicode-names", "c++": "clients mailer node-bridge quotes unicode-names",
		"日本": "unicode-names", "がく": "unicode-names", "かく": "",
		"it's": "quotes", "x 1a": "quotes", "y": "quotes", "don't": "quotes", "bold": "quotes",
		"snake": "quotes", "case": "quotes", "snake_case": "quotes", "name.here": "quotes", "dotted": "quotes",
		"\U00010400dlam": "letters", "\U0001E900": "letters", "\u0561": "letters", "soft": "letters", "hyphen": "letters",
		"x2":                     "letters",
		strings.Repeat("x", 99):  "long",
		strings.Repeat("x", 200): "long",
		strings.Repeat("é", 40):  "long",
		"tail":                   "long",
		"quick":                  "await clients letters long mailer node-bridge quotes unicode-names",
	} {
		words := catalog.Words(query)
		var names []string
		if len(words) > 0 {
			names, _ = w.found(browse.SearchQuery{Words: words, Name: strings.Join(words, "-")})
		}
		if got := strings.Join(names, " "); got != want {
			w.Errorf("searching %.80q (%q) finds %q, want %q", query, words, got, want)
		}
	}
}

// checkFacets checks the rows and owners that facets count, and the filters by their values.
func checkFacets(w *world) {
	a, b, c, gone := w.project("a"), w.project("b"), w.project("c"), w.project("gone")
	license := func(text string) func(*catalog.Card) { return func(c *catalog.Card) { c.License = text } }
	w.card(a, "word", "", license("Apache-2.0"))
	w.card(b, "word", "", license("apache-2.0"))
	w.card(c, "other", "", license("É"))
	w.card(gone, "word", "", func(c *catalog.Card) { c.Status = catalog.Quarantined })
	amy, zed := w.user("amy"), w.user("zed")
	team := access.Group{ID: w.id("group"), Name: "amy", CreatedAt: at}
	w.updateAccess(func(tx access.Tx) error {
		w.must(tx.InsertGroup(w.ctx, team))
		w.must(tx.PutGroupGrant(w.ctx, access.GroupGrant{
			GroupID: team.ID, RepositoryID: w.main.ID, ProjectID: a.ID, Role: access.Owner, CreatedAt: at,
		}))
		for _, g := range []access.Grant{
			{UserID: zed.ID, ProjectID: a.ID, Role: access.Owner},
			{UserID: amy.ID, ProjectID: a.ID, Role: access.Maintainer},
			{UserID: zed.ID, ProjectID: b.ID, Role: access.Owner},
			{UserID: amy.ID, ProjectID: c.ID, Role: access.Owner},
			{UserID: amy.ID, ProjectID: gone.ID, Role: access.Owner},
			{UserID: amy.ID, Role: access.Owner},
		} {
			g.RepositoryID, g.CreatedAt = w.main.ID, at
			w.must(tx.PutGrant(w.ctx, g))
		}
		return nil
	})
	for _, x := range []struct {
		name     string
		q        browse.SearchQuery
		licenses []string
		owners   []browse.OwnerCount
	}{
		{
			"all",
			browse.SearchQuery{},
			[]string{"Apache-2.0", "apache-2.0", "É"},
			[]browse.OwnerCount{{Name: "zed", Count: 2}, {Name: "amy", Count: 1}, {Name: "amy", Group: true, Count: 1}},
		},
		{
			"word",
			browse.SearchQuery{Words: []string{"wor"}},
			[]string{"Apache-2.0", "apache-2.0"},
			[]browse.OwnerCount{{Name: "zed", Count: 2}, {Name: "amy", Group: true, Count: 1}},
		},
		{
			"common word",
			browse.SearchQuery{Words: []string{"word"}, Common: true},
			[]string{"Apache-2.0", "apache-2.0"},
			[]browse.OwnerCount{{Name: "zed", Count: 2}, {Name: "amy", Group: true, Count: 1}},
		},
		{
			"license",
			browse.SearchQuery{License: "apache-2.0"},
			[]string{"Apache-2.0", "apache-2.0"},
			[]browse.OwnerCount{{Name: "zed", Count: 2}, {Name: "amy", Group: true, Count: 1}},
		},
		{
			"license that is not in ASCII",
			browse.SearchQuery{License: "é"},
			[]string{"É"},
			[]browse.OwnerCount{{Name: "amy", Count: 1}},
		},
		{"user", browse.SearchQuery{Owner: "amy"}, []string{"É"}, []browse.OwnerCount{{Name: "amy", Count: 1}}},
		{
			"group",
			browse.SearchQuery{Owner: "amy", OwnerGroup: true},
			[]string{"Apache-2.0"},
			[]browse.OwnerCount{{Name: "amy", Group: true, Count: 1}, {Name: "zed", Count: 1}},
		},
		{"some", browse.SearchQuery{ProjectIDs: []string{c.ID}}, []string{"É"}, []browse.OwnerCount{{Name: "amy", Count: 1}}},
		{"none", browse.SearchQuery{ProjectIDs: []string{}}, nil, nil},
		{"nobody", browse.SearchQuery{Owner: "nobody"}, nil, nil},
	} {
		x.q.RepositoryID = w.main.ID
		w.view(func(tx catalog.Tx) error {
			rows, err := tx.(browse.Tx).FacetRows(w.ctx, x.q)
			w.must(err)
			var licenses []string
			for _, r := range rows {
				licenses = append(licenses, r.License)
				w.same("Pythons", r.Pythons, []string{"3.9", "3.10"})
				w.same("Classifiers", r.Classifiers, []string{"Topic :: A_B", "Private :: 100%"})
			}
			slices.Sort(licenses)
			w.same("FacetRows of "+x.name, licenses, x.licenses)
			owners, err := tx.(browse.Tx).OwnerCounts(w.ctx, x.q, 10)
			w.must(err)
			slices.SortFunc(owners, func(a, b browse.OwnerCount) int {
				return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
			})
			w.same("OwnerCounts of "+x.name, owners, x.owners)
			return nil
		})
	}
}

// checkPaging checks that the pages of a search together are one long page, in every order, and whether projects are
// found by a word, by the beginning of their name, or by both.
func checkPaging(w *world) {
	for i := range 24 {
		name := []string{"acme", "acme-tool", "other", "the-acme"}[i%4] + fmt.Sprintf("-%02d", i*7%24)
		body := []string{"acme", "nothing", "acmelike"}[i%3]
		released := at.Add(time.Duration(i*5%24) * time.Hour)
		w.card(w.project(name), "text", body, func(c *catalog.Card) { c.ReleasedAt = released })
	}
	for _, sort := range []browse.Sort{browse.ByRelevance, browse.ByName, browse.ByNewest} {
		for _, q := range []browse.SearchQuery{
			{Words: []string{"acme"}, Name: "acme"},
			{Words: []string{"acme", "tool"}, Name: "acme-tool"},
			{Words: []string{"nothing"}, Name: "acme-t"}, // other names than words
			{Words: []string{"text"}, Name: "text"},
		} {
			q.Sort, q.Limit = sort, 100
			want, total := w.found(q)
			if len(want) == 0 || total == 0 {
				w.Errorf("Search(%+v) finds nothing", q)
			}
			for _, size := range []int{1, 5, 20} {
				var got []string
				for q.Limit, q.Offset = size, 0; q.Offset < 30; q.Offset += size {
					names, n := w.found(q)
					w.same("number of results", n, total)
					got = append(got, names...)
				}
				w.same(fmt.Sprintf("pages of %d of Search(%+v)", size, q), got, want)
			}
			q.Offset = 0
		}
	}
}

// checkFacetCounts checks that projects with the same facets are counted together, and others apart.
func checkFacetCounts(w *world) {
	for i, license := range []string{"MIT", "MIT", "\x1f5 é", "", "MIT"} {
		w.card(w.project(fmt.Sprintf("counted-%d", i)), "text", "counted", func(c *catalog.Card) {
			c.License = license
			if i == 4 {
				c.Pythons, c.Classifiers = nil, []string{"Topic :: \x1fÉ"}
			}
		})
	}
	q := browse.SearchQuery{RepositoryID: w.main.ID, Words: []string{"counted"}}
	w.view(func(tx catalog.Tx) error {
		rows, err := tx.(browse.Tx).FacetRows(w.ctx, q)
		w.must(err)
		slices.SortFunc(rows, func(a, b browse.FacetRow) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.License, b.License))
		})
		pythons, classifiers := []string{"3.9", "3.10"}, []string{"Topic :: A_B", "Private :: 100%"}
		w.same("FacetRows", rows, []browse.FacetRow{
			{Count: 2, Pythons: pythons, License: "MIT", Classifiers: classifiers},
			{Count: 1, Pythons: pythons, License: "", Classifiers: classifiers},
			{Count: 1, Pythons: pythons, License: "\x1f5 é", Classifiers: classifiers},
			{Count: 1, Pythons: []string{}, License: "MIT", Classifiers: []string{"Topic :: \x1fÉ"}},
		})
		return nil
	})
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
	for _, q := range []browse.SearchQuery{
		{}, {Sort: browse.ByName}, {Sort: browse.ByNewest}, {Words: []string{"sorted"}, Name: "sorted"},
	} {
		names, _ := w.found(q)
		w.same(fmt.Sprintf("Search(%+v)", q), names, want)
	}
	w.view(func(tx catalog.Tx) error {
		near, err := tx.(browse.Tx).NamesFrom(w.ctx, w.main.ID, "a-", nil, 10)
		w.must(err)
		w.same("NamesFrom a-", near, want[:2])
		near, err = tx.(browse.Tx).NamesWith(w.ctx, w.main.ID, []string{"-c", "1", "!%"}, nil, 10)
		w.must(err)
		w.same("NamesWith", near, want[1:3])
		near, err = tx.(browse.Tx).NamesWith(w.ctx, w.main.ID, []string{"a"}, nil, 3)
		w.must(err)
		w.same("NamesWith of three at most", near, want[:3])
		near, err = tx.(browse.Tx).NamesWith(w.ctx, w.main.ID, []string{"a"}, []string{}, 10)
		w.must(err)
		w.same("NamesWith of no projects", near, []string(nil))
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
