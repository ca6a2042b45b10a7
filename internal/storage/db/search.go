package db

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

const cardColumns = `c.project_id, c.repository_id, c.name, c.display, c.status, c.summary, c.version, c.yanked, c.source_kind,
	c.released_at, c.pythons, c.license, c.classifiers, c.attested, c.uploader_kind, c.uploader_name`

func scanCard(r row) (c catalog.Card, err error) {
	var released int64
	var pythons, classifiers string
	err = r.Scan(&c.ProjectID, &c.RepositoryID, &c.Name, &c.Display, &c.Status, &c.Summary, &c.Version, &c.Yanked,
		&c.SourceKind,
		&released, &pythons, &c.License, &classifiers, &c.Attested, &c.UploaderKind, &c.UploaderName)
	c.ReleasedAt, c.Pythons = moment(released), strings.Fields(pythons)
	if classifiers = strings.Trim(classifiers, "\n"); classifiers != "" {
		c.Classifiers = strings.Split(classifiers, "\n")
	}
	return c, err
}

func (t *Tx) PutCard(ctx context.Context, c catalog.Card, text catalog.CardText) error {
	_, err := t.exec(ctx,
		`INSERT INTO project_cards (project_id, repository_id, number, name, display, status, summary, version, yanked,
		source_kind, released_at, pythons, license, license_key, classifiers, attested, uploader_kind, uploader_name, indexed)
		VALUES ($1, $2, (SELECT COALESCE(MAX(number), 0) + 1 FROM project_cards), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
		$15, $16, $17, $18)
		ON CONFLICT (project_id) DO UPDATE SET display = excluded.display, status = excluded.status, summary = excluded.summary,
		version = excluded.version, yanked = excluded.yanked, source_kind = excluded.source_kind, released_at = excluded.released_at,
		pythons = excluded.pythons, license = excluded.license, license_key = excluded.license_key,
		classifiers = excluded.classifiers, attested = excluded.attested,
		uploader_kind = excluded.uploader_kind, uploader_name = excluded.uploader_name, indexed = excluded.indexed`,
		c.ProjectID, c.RepositoryID, c.Name, c.Display, string(c.Status), c.Summary, c.Version, c.Yanked,
		string(c.SourceKind),
		micros(c.ReleasedAt), " "+strings.Join(c.Pythons, " ")+" ", c.License, catalog.LicenseKey(c.License),
		"\n"+strings.Join(c.Classifiers, "\n")+"\n", c.Attested, c.UploaderKind, c.UploaderName, indexed+c.Version)
	if err != nil {
		return err
	}
	name := c.Name + " " + c.Display + " " + strings.NewReplacer("-", "", ".", "", "_", "").Replace(c.Name)
	texts := []string{name, c.Summary, text.Keywords, text.People, strings.Join(c.Classifiers, " "), text.Body}
	words := make([][]string, len(texts))
	for i, text := range texts {
		words[i] = catalog.Words(catalog.CutText(text, maxText))
		slices.Sort(words[i]) // neither their order nor their number matters
		words[i] = slices.Compact(words[i])
	}
	return t.db.dialect.putWords(ctx, t, c.ProjectID, words)
}

// indexed begins the column of the same name, which ends with the version on the card. An older program that changes a
// card does not change the column, so that the card is found to be out of date.
const indexed = catalog.WordsVersion + " "

// maxText limits each text of a card, in bytes. A tsvector holds at most a megabyte.
const maxText = 64 << 10

func (t *Tx) SetCardAttested(ctx context.Context, projectID string) error {
	_, err := t.exec(ctx, `UPDATE project_cards SET attested = TRUE WHERE project_id = $1`, projectID)
	return err
}

func (t *Tx) DeleteCard(ctx context.Context, projectID string) error {
	_, err := t.exec(ctx, `DELETE FROM project_cards WHERE project_id = $1`, projectID)
	return err
}

func (t *Tx) CardOf(ctx context.Context, projectID string) (catalog.Card, error) {
	return one(ctx, t, "card", scanCard, `SELECT `+cardColumns+` FROM project_cards c WHERE c.project_id = $1`, projectID)
}

func (t *Tx) WithoutCards(ctx context.Context, after string, limit int) ([]string, error) {
	return many(ctx, t, scanText, `SELECT p.id FROM projects p WHERE p.id > $1
		AND NOT EXISTS (SELECT 1 FROM project_cards c WHERE c.project_id = p.id AND c.indexed = $2 || c.version)
		AND EXISTS (SELECT 1 FROM releases r WHERE r.project_id = p.id) ORDER BY p.id LIMIT $3`, after, indexed, int64(limit))
}

// statement is a SQL statement under construction, with its arguments.
type statement struct {
	where []string
	args  []any
}

func (s *statement) arg(v any) string {
	s.args = append(s.args, v)
	return fmt.Sprintf("$%d", len(s.args))
}

func (s *statement) and(condition string) { s.where = append(s.where, condition) }

// only restricts the rows to some projects; nil means all.
func (s *statement) only(column string, ids []string) {
	if ids == nil {
		return
	}
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = s.arg(id)
	}
	s.and(column + ` IN (` + strings.Join(append(list, `''`), ", ") + `)`)
}

// named limits the projects that are found by the beginning of their name, in addition to those that contain the words.
const named = 200

func (t *Tx) Search(ctx context.Context, q browse.SearchQuery) ([]catalog.Card, int, error) {
	if len(q.Words) == 0 {
		return t.list(ctx, q)
	}
	h, err := t.hits(ctx, q)
	if err != nil || len(h.all) == 0 {
		return nil, 0, err
	}
	cards, err := t.page(ctx, q, h)
	return cards, len(h.all), err
}

// page returns a page of what a query found, and of the projects whose name begins like that of the query. Few columns
// of a thousand rows are sorted here, because sorting all columns in the database takes several times as long.
func (t *Tx) page(ctx context.Context, q browse.SearchQuery, h hits) ([]catalog.Card, error) {
	found, err := t.begins(ctx, q)
	if err != nil {
		return nil, err
	}
	known := make(map[int64]bool, len(found))
	for _, r := range found {
		known[r.number] = true
	}
	rest := make([]ranking, 0, len(h.first()))
	for i := range h.first() {
		switch r := (ranking{hit: &h.all[i], class: classOf(&h.all[i], q)}); {
		case known[r.number]:
		case r.class == otherName:
			rest = append(rest, r)
		default:
			found = append(found, r)
		}
	}
	// Words that are more common do not distinguish projects.
	if q.Sort == browse.ByRelevance && len(h.all) <= browse.MaxFound {
		if err := t.score(ctx, q.Words, rest); err != nil {
			return nil, err
		}
	}
	found = append(found, rest...)
	slices.SortFunc(found, order(q))
	found = found[min(q.Offset, len(found)):]
	found = found[:min(q.Limit, len(found))]
	return t.cardsOf(ctx, found)
}

// begins returns the projects with names that begin like that of a query. Unless the order is by time, it leaves out
// those that come after the page of the query in the order of names.
func (t *Tx) begins(ctx context.Context, q browse.SearchQuery) ([]ranking, error) {
	if q.Name == "" {
		return nil, nil
	}
	most := named
	if q.Sort != browse.ByNewest {
		most = min(most, q.Offset+q.Limit)
	}
	s := &statement{}
	s.filter(q)
	s.and(`c.name >= ` + s.arg(q.Name))
	s.and(`c.name < ` + s.arg(q.Name+"\U0010FFFF"))
	return many(ctx, t, func(r row) (ranking, error) {
		h, err := scanHit(r)
		return ranking{hit: &h, class: classOf(&h, q)}, err
	}, selectHit+` FROM project_cards c WHERE `+strings.Join(s.where, ` AND `)+
		fmt.Sprintf(` ORDER BY c.name LIMIT %d`, most), s.args...)
}

// cardsOf returns the cards of hits, in their order.
func (t *Tx) cardsOf(ctx context.Context, found []ranking) ([]catalog.Card, error) {
	s, place := &statement{}, map[string]int{}
	for i, h := range found {
		place[h.name] = i
	}
	cards, err := many(ctx, t, scanCard,
		`SELECT `+cardColumns+` FROM project_cards c WHERE c.number IN (`+s.numbers(t, found)+`)`, s.args...)
	slices.SortFunc(cards, func(a, b catalog.Card) int { return cmp.Compare(place[a.Name], place[b.Name]) })
	return cards, err
}

// ranking is a hit with what its order by relevance needs.
type ranking struct {
	*hit
	class class
	score int64 // of other names; lower is better
}

// class is the first criterion of the order by relevance.
type class int

const (
	sameName class = iota // as the query
	likeName              // begins with that of the query
	otherName
)

func classOf(h *hit, q browse.SearchQuery) class {
	switch {
	case h.name == q.Name:
		return sameName
	case q.Name != "" && strings.HasPrefix(h.name, q.Name):
		return likeName
	}
	return otherName
}

// order compares hits by the order of a query with words. By relevance, the project with exactly this name is first,
// then names that begin with it, then the rest by score.
func order(q browse.SearchQuery) func(a, b ranking) int {
	return func(a, b ranking) int {
		switch q.Sort {
		case browse.ByName:
		case browse.ByNewest:
			if n := cmp.Compare(b.released, a.released); n != 0 {
				return n
			}
		default:
			if n := cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.score, b.score)); n != 0 {
				return n
			}
		}
		return cmp.Compare(a.name, b.name)
	}
}

// score sets the scores of hits with other names than the query, which are 0 before, if there are several to compare.
func (t *Tx) score(ctx context.Context, words []string, found []ranking) error {
	if len(found) < 2 {
		return nil
	}
	s := &statement{}
	type scored struct{ number, score int64 }
	scan := func(r row) (x scored, err error) {
		err = r.Scan(&x.number, &x.score)
		return x, err
	}
	rank := t.db.dialect.rank(s, words)
	all, err := many(ctx, t, scan,
		`SELECT c.number, `+rank+` FROM project_cards c WHERE c.number IN (`+s.numbers(t, found)+`)`, s.args...)
	scores := make(map[int64]int64, len(all))
	for _, x := range all {
		scores[x.number] = x.score
	}
	for i := range found {
		found[i].score = scores[found[i].number]
	}
	return err
}

// list is Search for a query without words.
func (t *Tx) list(ctx context.Context, q browse.SearchQuery) ([]catalog.Card, int, error) {
	s := &statement{}
	s.filter(q)
	tail := ` FROM project_cards c WHERE ` + strings.Join(s.where, ` AND `)
	n, err := one(ctx, t, "number", scanNumber,
		`SELECT COUNT(*) FROM (SELECT 1`+tail+fmt.Sprintf(` LIMIT %d) n`, browse.MaxFound+1), s.args...)
	if err != nil || n == 0 {
		return nil, 0, err
	}
	cards, err := many(ctx, t, scanCard, `SELECT `+cardColumns+tail+` ORDER BY `+newest(q)+
		` LIMIT `+s.arg(int64(q.Limit))+` OFFSET `+s.arg(int64(q.Offset)), s.args...)
	return cards, int(n), err
}

// newest is the order of a query without words.
func newest(q browse.SearchQuery) string {
	if q.Sort == browse.ByName {
		return `c.name`
	}
	return `c.released_at DESC, c.name`
}

// hit is a card that a query finds, with what its order, its facets and its owners need.
type hit struct {
	number, released int64
	project, name    string
	facets           string // pythons, length of the classifiers in bytes, classifiers with the license
}

// selectHit reads a hit as one text, like ShownFiles.
const selectHit = `SELECT concat_ws('` + listSeparator + `', c.number, c.released_at, c.project_id, c.name,
	c.pythons, OCTET_LENGTH(c.classifiers), c.classifiers || c.license)`

func scanHit(r row) (h hit, err error) {
	var text string
	if err := r.Scan(&text); err != nil {
		return h, err
	}
	part := strings.SplitN(text, listSeparator, 5)
	if len(part) < 5 {
		return h, fault.New(fault.Internal, "a card's row is malformed: %q", text)
	}
	h.project, h.name, h.facets = part[2], part[3], part[4]
	var err1, err2 error
	h.number, err1 = strconv.ParseInt(part[0], 10, 64)
	h.released, err2 = strconv.ParseInt(part[1], 10, 64)
	return h, errors.Join(err1, err2)
}

// facetRow reads the facets of a hit.
func facetRow(facets string) (browse.FacetRow, error) {
	pythons, rest, _ := strings.Cut(facets, listSeparator)
	length, rest, _ := strings.Cut(rest, listSeparator)
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > len(rest) {
		return browse.FacetRow{}, fault.New(fault.Internal, "a card's row is malformed: %q", facets)
	}
	return browse.FacetRow{
		Pythons: strings.Fields(pythons), License: rest[n:],
		Classifiers: strings.FieldsFunc(rest[:n], func(c rune) bool { return c == '\n' }),
	}, nil
}

// hits are what a query finds, at most one more than are shown.
type hits struct {
	of    browse.SearchQuery
	all   []hit
	known bool // false before the first query
}

// first returns the hits that are shown.
func (h hits) first() []hit { return h.all[:min(len(h.all), browse.MaxFound)] }

// hits returns what a query finds. A view keeps the last answer, because the facets of a search ask for it again. Exact
// words are tried first: a prefix of a very common word would make the full-text index merge the entries of all matching
// words, and with that many hits a longer list does not help.
func (t *Tx) hits(ctx context.Context, q browse.SearchQuery) (hits, error) {
	common := q.Common
	q.Common, q.Sort, q.Limit, q.Offset, q.Name = false, "", 0, 0, ""
	if t.found.known && reflect.DeepEqual(t.found.of, q) { // no projects differ from nil, all of them
		return t.found, nil
	}
	h := hits{of: q, known: true}
	var err error
	if len(q.Words) == 0 {
		h.all, err = t.matches(ctx, q, false, ` ORDER BY c.released_at DESC, c.name`)
	} else if h.all, err = t.matches(ctx, q, true, ``); err == nil && len(h.all) <= browse.MaxFound && !common {
		h.all, err = t.matches(ctx, q, false, ``)
	}
	if err == nil && t.fixed {
		t.found = h
	}
	return h, err
}

func (t *Tx) matches(ctx context.Context, q browse.SearchQuery, exact bool, order string) ([]hit, error) {
	s, from := &statement{}, `project_cards c`
	if len(q.Words) > 0 {
		from = t.db.dialect.matching(s, q.Words, exact)
	}
	s.filter(q)
	return many(ctx, t, scanHit, selectHit+` FROM `+from+` WHERE `+strings.Join(s.where, ` AND `)+order+
		fmt.Sprintf(` LIMIT %d`, browse.MaxFound+1), s.args...)
}

// numbers returns a query for the numbers of hits, as one argument however many there are.
func (s *statement) numbers(t *Tx, found []ranking) string {
	numbers := []byte{'['}
	for i, h := range found {
		if i > 0 {
			numbers = append(numbers, ',')
		}
		numbers = strconv.AppendInt(numbers, h.number, 10)
	}
	return `SELECT CAST(value AS BIGINT) FROM ` + s.elements(t, append(numbers, ']'))
}

// elements returns the source of a column value with the elements of an array in JSON.
func (s *statement) elements(t *Tx, array []byte) string {
	return fmt.Sprintf(t.db.dialect.elements, s.arg(string(array)))
}

// filter adds the conditions that are not about words.
func (s *statement) filter(q browse.SearchQuery) {
	s.and(`c.repository_id = ` + s.arg(q.RepositoryID))
	s.and(`c.status <> '` + string(catalog.Quarantined) + `'`)
	s.only(`c.project_id`, q.ProjectIDs)
	if q.Python != "" {
		s.and(`c.pythons LIKE ` + s.arg("% "+q.Python+" %"))
	}
	if q.Classifier != "" {
		// LIKE ignores case on SQLite alone.
		s.and(`REPLACE(c.classifiers, ` + s.arg("\n"+q.Classifier+"\n") + `, '') <> c.classifiers`)
	}
	if q.License != "" {
		s.and(`c.license_key = ` + s.arg(q.License))
	}
	switch {
	case q.Owner != "" && q.OwnerGroup:
		s.and(`EXISTS (SELECT 1 FROM group_grants x JOIN groups o ON o.id = x.group_id
			WHERE x.project_id = c.project_id AND x.role = 'owner' AND o.name = ` + s.arg(q.Owner) + `)`)
	case q.Owner != "":
		s.and(`EXISTS (SELECT 1 FROM grants x JOIN users o ON o.id = x.user_id
			WHERE x.project_id = c.project_id AND x.role = 'owner' AND o.name = ` + s.arg(q.Owner) + `)`)
	}
	if q.Attested {
		s.and(`c.attested`)
	}
}

// FacetRows returns the same facets once, with the number of their projects: most projects share theirs with others.
func (t *Tx) FacetRows(ctx context.Context, q browse.SearchQuery) ([]browse.FacetRow, error) {
	h, err := t.hits(ctx, q)
	if err != nil {
		return nil, err
	}
	var rows []browse.FacetRow
	at := map[string]int{}
	for _, h := range h.first() {
		i, ok := at[h.facets]
		if !ok {
			r, err := facetRow(h.facets)
			if err != nil {
				return nil, err
			}
			i, rows = len(rows), append(rows, r)
			at[h.facets] = i
		}
		rows[i].Count++
	}
	return rows, nil
}

// OwnerCounts counts by the ids of owners before it looks up their names: there are fewer of them than projects.
func (t *Tx) OwnerCounts(ctx context.Context, q browse.SearchQuery, limit int) ([]browse.OwnerCount, error) {
	h, err := t.hits(ctx, q)
	if err != nil || len(h.all) == 0 {
		return nil, err
	}
	projects := make([]string, len(h.first()))
	for i := range projects {
		projects[i] = h.all[i].project
	}
	array, err := json.Marshal(projects)
	if err != nil {
		return nil, err
	}
	s := &statement{}
	return many(ctx, t, func(r row) (o browse.OwnerCount, err error) {
		err = r.Scan(&o.Name, &o.Group, &o.Count)
		return o, err
	}, `WITH hits AS (SELECT value AS project_id FROM `+s.elements(t, array)+`)
		SELECT o.name, FALSE, n.n FROM (SELECT x.user_id AS id, COUNT(*) AS n FROM hits h
			JOIN grants x ON x.project_id = h.project_id AND x.role = 'owner' GROUP BY x.user_id) n JOIN users o ON o.id = n.id
		UNION ALL SELECT o.name, TRUE, n.n FROM (SELECT x.group_id AS id, COUNT(*) AS n FROM hits h
			JOIN group_grants x ON x.project_id = h.project_id AND x.role = 'owner' GROUP BY x.group_id) n
			JOIN groups o ON o.id = n.id
		ORDER BY 3 DESC, 1, 2 LIMIT `+s.arg(int64(limit)), s.args...)
}

func scanNumber(r row) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}

func (t *Tx) NamesFrom(ctx context.Context, repositoryID, prefix string, ids []string, limit int) ([]string, error) {
	s := &statement{}
	s.and(`c.repository_id = ` + s.arg(repositoryID))
	s.and(`c.name >= ` + s.arg(prefix))
	s.and(`c.name < ` + s.arg(prefix+"\U0010FFFF"))
	return t.someNames(ctx, s, ids, limit)
}

func (t *Tx) NamesWith(ctx context.Context, repositoryID string, texts, ids []string, limit int) ([]string, error) {
	s := &statement{}
	s.and(`c.repository_id = ` + s.arg(repositoryID))
	any := make([]string, len(texts))
	for i, text := range texts {
		any[i] = `c.name LIKE ` + s.arg("%"+likeText.Replace(text)+"%") + ` ESCAPE '!'`
	}
	s.and(`(` + strings.Join(any, ` OR `) + `)`)
	return t.someNames(ctx, s, ids, limit)
}

// someNames returns the names of the projects that s selects and searches may show.
func (t *Tx) someNames(ctx context.Context, s *statement, ids []string, limit int) ([]string, error) {
	s.and(`c.status <> '` + string(catalog.Quarantined) + `'`)
	s.only(`c.project_id`, ids)
	return many(ctx, t, scanText,
		`SELECT c.name FROM project_cards c WHERE `+strings.Join(s.where, ` AND `)+` ORDER BY c.name LIMIT `+
			s.arg(int64(limit)), s.args...)
}

// PutRequirements implements catalog.Tx. A new release often requires what the one before did, which is not written again.
func (t *Tx) PutRequirements(ctx context.Context, c catalog.Card, required []catalog.Required) error {
	moved := false
	scan := func(r row) (q catalog.Required, err error) {
		var repository string
		err = r.Scan(&repository, &q.Name, &q.Text)
		moved = moved || repository != c.RepositoryID
		return q, err
	}
	have, err := many(ctx, t, scan, `SELECT repository_id, name, requirement FROM requirements
		WHERE project_id = $1 ORDER BY position`, c.ProjectID)
	if err != nil || !moved && slices.Equal(have, required) {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM requirements WHERE project_id = $1`, c.ProjectID); err != nil {
		return err
	}
	for i, r := range required {
		_, err := t.exec(ctx,
			`INSERT INTO requirements (project_id, position, repository_id, name, requirement) VALUES ($1, $2, $3, $4, $5)`,
			c.ProjectID, int64(i), c.RepositoryID, r.Name, r.Text)
		if err != nil {
			return err
		}
	}
	return nil
}

// Dependents counts at most browse.MaxFound dependents. If there are more, the first ones by id are used.
func (t *Tx) Dependents(ctx context.Context, repositoryID, name string, ids []string,
	limit, offset int,
) ([]catalog.Card, int, error) {
	s := &statement{}
	s.and(`q.repository_id = ` + s.arg(repositoryID))
	s.and(`q.name = ` + s.arg(name))
	s.and(`c.status <> '` + string(catalog.Quarantined) + `'`)
	s.only(`q.project_id`, ids)
	inner := `SELECT DISTINCT q.project_id FROM requirements q JOIN project_cards c ON c.project_id = q.project_id WHERE ` +
		strings.Join(s.where, ` AND `) + fmt.Sprintf(` ORDER BY q.project_id LIMIT %d`, browse.MaxFound)
	counted, err := many(ctx, t, scanNumber, `SELECT COUNT(*) FROM (`+inner+`) n`, s.args...)
	if err != nil || counted[0] == 0 {
		return nil, 0, err
	}
	cards, err := many(ctx, t, scanCard, `SELECT `+cardColumns+` FROM project_cards c WHERE c.project_id IN (`+inner+`)
		ORDER BY c.name LIMIT `+s.arg(int64(limit))+` OFFSET `+s.arg(int64(offset)), s.args...)
	return cards, int(counted[0]), err
}

// putSQLiteWords indexes a project's words in FTS5, under the number of its card. A new release often has the words of
// the one before, which are not indexed again: with 600,000 projects, FTS5 changes eleven pages for that.
func putSQLiteWords(ctx context.Context, t *Tx, projectID string, words [][]string) error {
	type indexed struct {
		number int64
		words  string
	}
	scan := func(r row) (x indexed, err error) {
		err = r.Scan(&x.number, &x.words)
		return x, err
	}
	was, err := one(ctx, t, "card", scan, `SELECT number, words FROM project_cards WHERE project_id = $1`, projectID)
	sum := digestOfWords(words)
	if err != nil || was.words == sum {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM project_text WHERE rowid = $1`, was.number); err != nil {
		return err
	}
	args := []any{was.number}
	for _, w := range words {
		args = append(args, strings.Join(w, " "))
	}
	if _, err = t.exec(ctx,
		`INSERT INTO project_text (rowid, name, summary, keywords, people, classifiers, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		args...); err != nil {
		return err
	}
	if _, err = t.exec(ctx, `UPDATE project_cards SET words = $2 WHERE project_id = $1`, projectID, sum); err != nil {
		return err
	}
	return t.mergeWords(ctx)
}

// digestOfWords returns 128 bits of the SHA-256 of words in their columns.
func digestOfWords(words [][]string) string {
	h := sha256.New()
	for _, column := range words {
		for _, w := range column {
			io.WriteString(h, w) // of letters and digits only
			h.Write([]byte{' '})
		}
		h.Write([]byte{'\n'})
	}
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil)[:16])
}

// matchSQLite searches words in FTS5. Unless exact, they match as prefixes.
func matchSQLite(s *statement, words []string, exact bool) (from string) {
	s.and(`project_text MATCH ` + s.arg(termsSQLite(words, exact)))
	return `project_text JOIN project_cards c ON c.number = project_text.rowid`
}

func rankSQLite(s *statement, words []string) string {
	return ranked(func(columns int, exact bool) string {
		within := s.arg(`{` + strings.Join(textColumns[:columns], " ") + `} : ` + termsSQLite(words, exact))
		return `c.number IN (SELECT rowid FROM project_text WHERE project_text MATCH ` + within + `)`
	})
}

// termsSQLite returns a query for FTS5. Words are quoted, so that none is an operator.
func termsSQLite(words []string, exact bool) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		switch quoted[i] = `"` + w + `"`; {
		case !exact && len(w) == 1:
			quoted[i] = oneLetter(w)
		case !exact:
			quoted[i] += `*`
		}
	}
	return `(` + strings.Join(quoted, " AND ") + `)`
}

// oneLetter returns a query for the words that begin with a letter or digit and go on in ASCII. It searches the index
// of prefixes of two characters: for one of a single character, FTS5 would first merge the entries of all words that
// begin with it, which may be in every project.
func oneLetter(w string) string {
	var terms strings.Builder
	terms.WriteString(`("` + w + `"`)
	for _, c := range "0123456789abcdefghijklmnopqrstuvwxyz" {
		terms.WriteString(` OR "` + w + string(c) + `"*`)
	}
	return terms.String() + `)`
}

// textColumns are the columns of the full-text index, in the order of their importance, with their weights in a
// tsvector.
var (
	textColumns = []string{"name", "summary", "keywords", "people", "classifiers", "body"}
	textWeights = []string{"A", "B", "B", "C", "D", "D"}
)

// ranks are the ways in which a project matches all words of a query, the best first: in its first columns, as whole
// words or as their beginnings. The ranks of the databases themselves differ from each other.
var ranks = []struct {
	columns int
	exact   bool
}{{1, true}, {1, false}, {3, true}, {3, false}, {4, false}}

// ranked returns an expression with the number of the first rank whose condition holds.
func ranked(condition func(columns int, exact bool) string) string {
	var cases strings.Builder
	for i, r := range ranks {
		fmt.Fprintf(&cases, ` WHEN %s THEN %d`, condition(r.columns, r.exact), i)
	}
	return fmt.Sprintf(`CASE%s ELSE %d END`, cases.String(), len(ranks))
}

// putPostgresWords indexes a project's words in a tsvector, which is written out, because the parser of PostgreSQL
// would keep "node.js" and "a/b" as one word. Positions only tell the weights apart.
func putPostgresWords(ctx context.Context, t *Tx, projectID string, words [][]string) error {
	marks := map[string]string{}
	for i, column := range words {
		for _, w := range column {
			marks[w] += fmt.Sprintf(",%d%s", i+1, textWeights[i])
		}
	}
	var document strings.Builder
	for w, at := range marks {
		fmt.Fprintf(&document, "'%s':%s ", w, at[1:])
	}
	_, err := t.exec(ctx, `UPDATE project_cards SET document = CAST(CAST($2 AS TEXT) AS tsvector) WHERE project_id = $1`,
		projectID, document.String())
	return err
}

// matchPostgres searches words in tsvectors. Unless exact, they match as prefixes.
func matchPostgres(s *statement, words []string, exact bool) (from string) {
	s.and(`c.document @@ ` + s.termsPostgres(words, "ABCD", exact))
	return `project_cards c`
}

func rankPostgres(s *statement, words []string) string {
	return ranked(func(columns int, exact bool) string {
		return `c.document @@ ` + s.termsPostgres(words, strings.Join(textWeights[:columns], ""), exact)
	})
}

// termsPostgres returns a tsquery for words with one of some weights. Words are quoted and hold no quotes.
func (s *statement) termsPostgres(words []string, weights string, exact bool) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = `'` + w + `':` + weights
		if !exact {
			quoted[i] += `*`
		}
	}
	return `CAST(CAST(` + s.arg(strings.Join(quoted, " & ")) + ` AS TEXT) AS tsquery)`
}
