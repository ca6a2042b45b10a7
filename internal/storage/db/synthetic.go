package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"pyindex/internal/catalog"
)

// syntheticBatch is how many projects one transaction of Synthesize makes.
const syntheticBatch = 500

// Synthesize makes rows for measuring, as uploads would have left them: projects from first on up to last, excluding it, in
// the repository "main", with releases, files, metadata, cards and search. There are no bytes behind them. Project n is
// named "synthetic-" and n; 0 has 10,000 files, each thousandth 1,000, each hundredth 100, others one to twelve: on average
// eight. It returns the number of files. Rows that exist already are fault.Conflict or worse: it is for a database of its own.
func (d *DB) Synthesize(ctx context.Context, first, last int, step func(projects, files int)) (files int, err error) {
	for n := first; n < last; n += syntheticBatch {
		end := min(n+syntheticBatch, last)
		err := d.update(ctx, func(t *Tx) error {
			main, err := t.RepositoryByName(ctx, catalog.MainRepository)
			if err != nil {
				return err
			}
			s := synthesis{t: t, main: main.ID, batches: map[string]*batch{}}
			for i := n; i < end; i++ {
				if err := s.project(ctx, i); err != nil {
					return err
				}
			}
			files += s.files
			return s.finish(ctx)
		})
		if err != nil {
			return files, err
		}
		step(end, files)
	}
	return files, nil
}

// synthesis is one transaction of Synthesize.
type synthesis struct {
	t       *Tx
	main    string
	files   int
	batches map[string]*batch
	cards   []int
}

// syntheticFiles is how many files a project has.
func syntheticFiles(n int) int {
	switch {
	case n == 0:
		return 10_000
	case n%1000 == 0:
		return 1000
	case n%100 == 0:
		return 100
	}
	return n%12 + 1
}

const (
	syntheticStart = int64(1_600_000_000_000_000)
	syntheticText  = `{"requires_dist":["synthetic-1","synthetic-2>=1.0"],"author":"Somebody","author_email":"somebody@example.com","license_expression":"MIT","classifiers":["Programming Language :: Python :: 3","License :: OSI Approved :: MIT License","Operating System :: OS Independent"],"project_urls":["Source, https://example.com/source"]}`
)

// words make summaries: one in each, one in every tenth, one in every thousandth.
func syntheticSummary(n int) string {
	text := fmt.Sprintf("A library for task %d", n)
	if n%10 == 0 {
		text += " of networks"
	}
	if n%1000 == 0 {
		text += " with quaternions"
	}
	return text
}

// syntheticID is an identifier that sorts by age, as ours do.
func syntheticID(kind, n, m int) string {
	return fmt.Sprintf("%08x-%04x-7%03x-8000-%012x", n, m>>12, m&0xfff, kind)
}

func (s *synthesis) project(ctx context.Context, n int) error {
	id, name, count, at := syntheticID(1, n, 0), fmt.Sprintf("synthetic-%d", n), syntheticFiles(n), syntheticStart+int64(n)*1_000_000
	err := s.add(ctx, "projects", "id, repository_id, name, display, status, status_reason, serial, size, created_at",
		id, s.main, name, name, string(catalog.Active), "", int64(n)+1, int64(count)*20_000, at)
	for i := 0; i < count && err == nil; i++ {
		err = s.file(ctx, n, i, id, at+int64(i)*1000)
	}
	s.files += count
	s.cards = append(s.cards, n)
	return err
}

// file makes a wheel or the source distribution of a release; each release has both.
func (s *synthesis) file(ctx context.Context, n, i int, project string, at int64) error {
	version := fmt.Sprintf("%d.%d", i/2/100+1, i/2%100)
	release, id := syntheticID(2, n, i/2), syntheticID(3, n, i)
	if i%2 == 0 {
		if err := s.add(ctx, "releases", "id, project_id, version, version_key, created_at", release, project, version, version, at); err != nil {
			return err
		}
	}
	filename, kind := fmt.Sprintf("synthetic_%d-%s-py3-none-any.whl", n, version), "bdist_wheel"
	if i%2 == 1 {
		filename, kind = fmt.Sprintf("synthetic_%d-%s.tar.gz", n, version), "sdist"
	}
	sum := sha256.Sum256([]byte(filename))
	about := sha256.Sum256(sum[:])
	hash := hex.EncodeToString(sum[:])
	err := s.add(ctx, "files", `id, repository_id, project_id, release_id, filename, name_key, kind, version, python_version, size, md5, sha256,
		blake2b_256, metadata_sha256, requires_python, comment, yanked, yanked_reason, uploaded_at, uploader_kind, uploader_id, uploader_name, uploader_token_id`,
		id, s.main, project, release, filename, filename, kind, version, "py3", int64(20_000), hash[:32], hash, hash,
		hex.EncodeToString(about[:]), ">=3.9", "", false, "", at, "user", "00000000-0000-7000-8000-000000000001", "somebody", "")
	if err != nil {
		return err
	}
	return s.add(ctx, "file_metadata", "file_id, metadata_version, summary, document", id, "2.4", syntheticSummary(n), syntheticText)
}

// add puts a row into its table's batch. Tables that are referred to are written first.
func (s *synthesis) add(ctx context.Context, table, columns string, values ...any) error {
	b := s.batches[table]
	if b == nil {
		b = &batch{into: s.t, table: table, columns: strings.Fields(strings.ReplaceAll(columns, ",", " "))}
		s.batches[table] = b
	}
	for _, before := range []string{"projects", "releases", "files"} {
		if before == table {
			break
		}
		if first := s.batches[before]; first != nil && (b.rows+2 > moveBatch || b.full(2*len(values))) {
			if err := first.flush(ctx); err != nil {
				return err
			}
		}
	}
	return b.add(ctx, values)
}

// finish writes what is left, and the cards.
func (s *synthesis) finish(ctx context.Context) error {
	for _, table := range []string{"projects", "releases", "files", "file_metadata"} {
		if b := s.batches[table]; b != nil {
			if err := b.flush(ctx); err != nil {
				return err
			}
		}
	}
	for _, n := range s.cards {
		name := fmt.Sprintf("synthetic-%d", n)
		card := catalog.Card{
			ProjectID: syntheticID(1, n, 0), RepositoryID: s.main, Name: name, Display: name, Status: catalog.Active, Summary: syntheticSummary(n),
			Version: "1.0", ReleasedAt: moment(syntheticStart + int64(n)*1_000_000), Classifiers: []string{"Programming Language :: Python :: 3"},
		}
		if err := s.t.PutCard(ctx, card, catalog.CardText{}); err != nil {
			return err
		}
	}
	_, err := s.t.exec(ctx, `UPDATE counters SET value = value + $1 WHERE name = 'serial'`, int64(len(s.cards)))
	return err
}
