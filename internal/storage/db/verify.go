package db

import (
	"context"
	"strings"

	"pyindex/internal/custody"
	"pyindex/internal/packaging"
	"pyindex/internal/verify"
)

// Verify returns the database as seen by package verify.
func (d *DB) Verify() verify.Store { return storeOf[verify.Tx]{d} }

// check is the SQL of a rule. rows selects id, subject, problem and project of the rows that break it, in a subquery
// that is ordered by the id. The statements of fix correct the row with the id $1 if it still breaks the rule.
type check struct {
	rows string
	fix  []string
	put  []map[bool]string // more of fix, by whether the database computes keys
}

// namedFile is the place of a file in words.
const namedFile = `r.name || '/' || f.filename`

// sumOfFiles is the sum of the sizes of the files of a row of projects.
const sumOfFiles = `(SELECT CAST(COALESCE(SUM(f.size), 0) AS BIGINT) FROM files f WHERE f.project_id = projects.id)`

// storedColumns names the columns of a file with the digest and generation of one of its stored objects.
type storedColumns struct{ part, sum, generation string }

var (
	ofFile     = storedColumns{"files", "f.sha256", "f.generation"}
	ofMetadata = storedColumns{"metadata", "f.metadata_sha256", "f.metadata_generation"}
)

// key is the key of the object.
func (c storedColumns) key() string { return keyOf(c.part, c.sum, c.generation) }

// row is true for the row b of blobs of the object.
func (c storedColumns) row() string {
	return `b.blob_key = ` + c.key() + ` AND b.part = '` + c.part + `' AND b.sha256 = ` + c.sum + ` AND b.generation = ` + c.generation
}

// missing is true for a file without a row of blobs for the object.
func (c storedColumns) missing() string {
	return `NOT EXISTS (SELECT 1 FROM blobs b WHERE ` + c.row() + `)`
}

// dropped is true for a file whose object is marked for deletion.
func (c storedColumns) dropped() string {
	return `EXISTS (SELECT 1 FROM blobs b WHERE ` + c.row() + ` AND b.dropping)`
}

// put adds the row of the object of the file $1. A database that computes keys takes the other columns alone.
func (c storedColumns) put() map[bool]string {
	insert := func(column, value string) string {
		return `INSERT INTO blobs (` + column + `part, sha256, generation, holds, since, settled, dropping)
		SELECT ` + value + `'` + c.part + `', ` + c.sum + `, ` + c.generation + `, 0, uploaded_at, TRUE, FALSE FROM files f
		WHERE f.id = $1 AND ` + c.sum + ` <> '' AND ` + c.missing() + ` ON CONFLICT DO NOTHING`
	}
	return map[bool]string{true: insert(``, ``), false: insert(`blob_key, `, c.key()+`, `)}
}

// ownWithout is true for a row n of a table with the column name if the name is not remembered.
const ownWithout = `NOT EXISTS (SELECT 1 FROM names k WHERE k.name = n.name)`

// verified is true for a row of files if it has a verified attestation.
const verified = `EXISTS (SELECT 1 FROM attestations a WHERE a.file_id = files.id AND a.verified)`

var checks = map[verify.Rule]check{
	verify.RuleOrphans: {rows: orphanRows(), fix: orphanFixes()},
	verify.RulePlace: {rows: `SELECT f.id AS id, ` + namedFile + ` AS subject,
			'its release belongs to another project, or its project to another repository' AS problem, '' AS project
		FROM files f JOIN repositories r ON r.id = f.repository_id
		JOIN releases v ON v.id = f.release_id JOIN projects p ON p.id = f.project_id
		WHERE v.project_id <> f.project_id OR p.repository_id <> f.repository_id`},
	verify.RuleVersion: {
		rows: `SELECT f.id AS id, ` + namedFile + ` AS subject,
			'its row has the version ' || f.version || ', and its release ' || v.version AS problem, f.project_id AS project
		FROM files f JOIN repositories r ON r.id = f.repository_id JOIN releases v ON v.id = f.release_id
		WHERE v.version <> f.version`,
		fix: []string{`UPDATE files SET version = (SELECT v.version FROM releases v WHERE v.id = files.release_id)
			WHERE id = $1 AND version <> (SELECT v.version FROM releases v WHERE v.id = files.release_id)`},
	},
	verify.RuleTombstone: {rows: `SELECT f.id AS id, ` + namedFile + ` AS subject,
			'its name is that of the deleted file ' || t.filename AS problem, '' AS project
		FROM tombstones t JOIN files f ON f.repository_id = t.repository_id AND f.name_key = t.name_key
		JOIN repositories r ON r.id = f.repository_id`},
	verify.RuleEmptyRelease: {
		rows: `SELECT v.id AS id, r.name || '/' || p.name || ' ' || v.version AS subject,
			'the release has no file' AS problem, p.id AS project
		FROM releases v JOIN projects p ON p.id = v.project_id JOIN repositories r ON r.id = p.repository_id
		WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.release_id = v.id)`,
		fix: []string{
			`DELETE FROM releases WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM files f WHERE f.release_id = releases.id)`,
		},
	},
	verify.RuleName: {
		rows: `SELECT n.name AS id, n.name AS subject, 'the index has or had a project of this name, and does not remember it' AS problem,
			'' AS project FROM (SELECT name FROM projects UNION SELECT name FROM deleted_projects) n WHERE ` + ownWithout,
		fix: []string{`INSERT INTO names (name, origin, since, by_kind, by_id, by_name, why)
			SELECT n.name, 'own', MIN(n.since), '', '', '', 'project' FROM (
				SELECT name, created_at AS since FROM projects UNION ALL SELECT name, deleted_at FROM deleted_projects) n
			WHERE n.name = $1 AND ` + ownWithout + ` GROUP BY n.name`},
	},
	verify.RuleOrigin: {rows: `SELECT p.id AS id, r.name || '/' || p.name AS subject,
			'its name belongs to the upstream ' || n.upstream || ', and nobody decided to share it' AS problem, '' AS project
		FROM names n JOIN projects p ON p.name = n.name JOIN repositories r ON r.id = p.repository_id
		WHERE n.origin = 'upstream'
			AND NOT EXISTS (SELECT 1 FROM name_rulings d WHERE d.repository_id = r.id AND d.name = n.name)`},
	verify.RuleSource: {
		rows: `SELECT n.name AS id, n.name AS subject, 'an upstream has this name, and the index does not remember it' AS problem,
			'' AS project FROM (SELECT DISTINCT name FROM name_sources) n WHERE ` + ownWithout,
		fix: []string{`INSERT INTO names (name, origin, since, by_kind, by_id, by_name, why, upstream)
			SELECT n.name, 'upstream', n.since, '', '', '', CASE WHEN n.private THEN 'private upstream' ELSE 'upstream' END, n.upstream
			FROM name_sources n WHERE n.name = $1 AND ` + ownWithout + ` ORDER BY n.private DESC, n.since LIMIT 1`},
	},
	verify.RuleProjectSize: {
		rows: `SELECT id, (SELECT r.name FROM repositories r WHERE r.id = projects.repository_id) || '/' || name AS subject,
			'its row has the size ' || size || ' instead of ' || ` + sumOfFiles + ` AS problem, id AS project
		FROM projects WHERE size <> ` + sumOfFiles,
		fix: []string{
			`UPDATE repositories SET size = size + COALESCE((SELECT ` + sumOfFiles +
				` - projects.size FROM projects WHERE projects.id = $1), 0)
				WHERE id = (SELECT p.repository_id FROM projects p WHERE p.id = $1)`,
			`UPDATE projects SET size = ` + sumOfFiles + ` WHERE id = $1 AND size <> ` + sumOfFiles,
		},
	},
	verify.RuleRepoSize: {
		rows: `SELECT id, name AS subject, 'its row has the size ' || size || ' instead of ' || ` + sumOfProjects +
			` AS problem, '' AS project
		FROM repositories WHERE size <> ` + sumOfProjects,
		fix: []string{`UPDATE repositories SET size = ` + sumOfProjects + ` WHERE id = $1 AND size <> ` + sumOfProjects},
	},
	verify.RuleSerial: {rows: `SELECT p.id AS id, r.name || '/' || p.name AS subject,
			'its serial ' || p.serial || ' is above that of the index' AS problem, '' AS project
		FROM projects p JOIN repositories r ON r.id = p.repository_id
		WHERE p.serial > (SELECT value FROM counters WHERE name = 'serial')`},
	verify.RuleAttested: {
		rows: `SELECT files.id AS id, r.name || '/' || files.filename AS subject,
			CASE WHEN files.attested THEN 'it is marked as attested, and has no verified attestation'
				ELSE 'it has a verified attestation, and is not marked as attested' END AS problem, files.project_id AS project
		FROM files JOIN repositories r ON r.id = files.repository_id WHERE files.attested <> ` + verified,
		fix: []string{`UPDATE files SET attested = ` + verified + ` WHERE id = $1 AND attested <> ` + verified},
	},
	verify.RuleHeld: {
		rows: `SELECT f.id AS id, ` + namedFile + ` AS subject, 'a stored object of it has no row' AS problem, '' AS project
		FROM files f JOIN repositories r ON r.id = f.repository_id
		WHERE ` + ofFile.missing() + ` OR f.metadata_sha256 <> '' AND ` + ofMetadata.missing(),
		put: []map[bool]string{ofFile.put(), ofMetadata.put()},
	},
	verify.RuleDropped: {rows: `SELECT f.id AS id, ` + namedFile + ` AS subject,
			'a stored object of it is marked for deletion' AS problem, '' AS project
		FROM files f JOIN repositories r ON r.id = f.repository_id
		WHERE ` + ofFile.dropped() + ` OR f.metadata_sha256 <> '' AND ` + ofMetadata.dropped()},
	verify.RuleCard: {rows: `SELECT p.id AS id, r.name || '/' || p.name AS subject,
			'its entry for lists and searches is missing or outdated' AS problem, p.id AS project
		FROM projects p JOIN repositories r ON r.id = p.repository_id LEFT JOIN project_cards c ON c.project_id = p.id
		WHERE c.project_id IS NULL AND EXISTS (SELECT 1 FROM files f WHERE f.project_id = p.id AND f.quarantined_at = 0)
			OR c.project_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM releases v JOIN files f ON f.release_id = v.id
				WHERE v.project_id = p.id AND v.version = c.version AND f.quarantined_at = 0)`},
	verify.RuleRequirements: {rows: `SELECT p.id AS id, r.name || '/' || p.name AS subject,
			'its requirements are missing in searches' AS problem, p.id AS project
		FROM project_cards c JOIN projects p ON p.id = c.project_id JOIN repositories r ON r.id = p.repository_id
		WHERE NOT EXISTS (SELECT 1 FROM requirements q WHERE q.project_id = c.project_id)`},
}

// orphan is a reference that the database does not enforce.
type orphan struct{ table, key, where string }

// orphans refer to rows that are gone. Names, rulings, reservations, downloads and entries of the audit log outlive
// what they are about, and so do uploaders, tokens and services.
var orphans = []orphan{
	{"grants", `user_id || ' ' || repository_id || ' ' || project_id`, `project_id <> ''
		AND NOT EXISTS (SELECT 1 FROM projects p WHERE p.id = grants.project_id)`},
	{"group_grants", `group_id || ' ' || repository_id || ' ' || project_id`, `project_id <> ''
		AND NOT EXISTS (SELECT 1 FROM projects p WHERE p.id = group_grants.project_id)`},
	{"repository_bases", `repository_id || ' ' || position`, `(base_id <> ''
		AND NOT EXISTS (SELECT 1 FROM repositories r WHERE r.id = repository_bases.base_id) OR upstream <> ''
		AND NOT EXISTS (SELECT 1 FROM upstreams u WHERE u.name = repository_bases.upstream))`},
	{"deleted_project_owners", `repository || ' ' || name || ' ' || kind || ' ' || owner`, `NOT EXISTS (SELECT 1
		FROM deleted_projects d WHERE d.repository = deleted_project_owners.repository AND d.name = deleted_project_owners.name)`},
}

func orphanRows() string {
	var all []string
	for _, o := range orphans {
		all = append(all, `SELECT '`+o.table+` ' || `+o.key+` AS id, 'a row of `+o.table+`' AS subject,
			'it refers to something that does not exist' AS problem, '' AS project FROM `+o.table+` WHERE `+o.where)
	}
	return strings.Join(all, ` UNION ALL `)
}

func orphanFixes() (all []string) {
	for _, o := range orphans {
		all = append(all, `DELETE FROM `+o.table+` WHERE '`+o.table+` ' || `+o.key+` = $1 AND `+o.where)
	}
	return all
}

// Wrong implements verify.Tx.
func (t *Tx) Wrong(ctx context.Context, r verify.Rule, after string, limit int) ([]verify.Wrong, error) {
	rows := t.breaking(r)
	if rows == "" {
		return nil, nil
	}
	scan := func(r row) (w verify.Wrong, err error) {
		err = r.Scan(&w.ID, &w.Subject, &w.Problem, &w.Project)
		return w, err
	}
	return many(ctx, t, scan, `SELECT id, subject, problem, project FROM (`+rows+`) broken
		WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

// breaking returns the rows of check for a rule, or "" if the database enforces it.
func (t *Tx) breaking(r verify.Rule) string {
	if r == verify.RuleReferences {
		return t.db.dialect.broken
	}
	return checks[r].rows
}

// Correct implements verify.Tx.
func (t *Tx) Correct(ctx context.Context, r verify.Rule, id string) (bool, error) {
	did := false
	all := checks[r].fix
	for _, q := range checks[r].put {
		all = append(all, q[t.db.dialect.computesKeys])
	}
	for _, q := range all {
		one, err := t.did(ctx, q, id)
		if err != nil {
			return false, err
		}
		did = did || one
	}
	if !did {
		return false, nil
	}
	still, err := many(ctx, t, scanCount, `SELECT 1 FROM (`+t.breaking(r)+`) broken WHERE id = $1`, id)
	return len(still) == 0, err
}

// CountFiles implements verify.Tx.
func (t *Tx) CountFiles(ctx context.Context) (int64, error) {
	return one(ctx, t, "file", scanNumber, `SELECT COUNT(*) FROM files`)
}

// FilesByContent implements verify.Tx.
func (t *Tx) FilesByContent(ctx context.Context, after string, limit int) ([]verify.FileRow, error) {
	scan := func(r row) (f verify.FileRow, err error) {
		var uploaded int64
		err = r.Scan(append(fileFields(&f.File, &uploaded), &f.Repository, &f.Project)...)
		f.UploadedAt = moment(uploaded)
		return f, err
	}
	return many(ctx, t, scan, `SELECT `+fileColumns+`, r.name, p.name FROM `+digestsAfter(`sha256`)+` d
		JOIN files f ON `+head(`f.sha256`)+` = d.head AND f.sha256 = d.digest
		JOIN repositories r ON r.id = f.repository_id JOIN projects p ON p.id = f.project_id
		ORDER BY f.sha256, f.generation, f.id`, after, limit)
}

// PutParsed implements verify.Tx.
func (t *Tx) PutParsed(ctx context.Context, fileID string, m packaging.Metadata) error {
	document, err := encodeAny(m)
	if err != nil {
		return err
	}
	f, err := one(ctx, t, "file", scanFile, selectFile+`WHERE f.id = $1`, fileID)
	if err == nil {
		err = t.unkeep(ctx, fileID)
	}
	if err != nil {
		return err
	}
	k, err := t.keep(ctx, f.ProjectID, f.ReleaseID, document)
	if err == nil {
		_, err = t.exec(ctx, `UPDATE files SET requires_python = $2, metadata_number = $3 WHERE id = $1`, fileID,
			m.RequiresPython, k.number)
	}
	if err == nil {
		_, err = t.exec(ctx, `DELETE FROM file_metadata WHERE file_id = $1`, fileID)
	}
	if err != nil {
		return err
	}
	return t.store(ctx, k)
}

// PutSize implements verify.Tx.
func (t *Tx) PutSize(ctx context.Context, fileID string, size int64) (bool, error) {
	return t.did(ctx, `UPDATE files SET size = $2 WHERE id = $1`, fileID, size)
}

// AttestationsAfter implements verify.Tx.
func (t *Tx) AttestationsAfter(ctx context.Context, fileID, predicate string, limit int) ([]verify.Attested, error) {
	scan := func(r row) (a verify.Attested, err error) {
		err = r.Scan(&a.FileID, &a.Predicate, &a.Repository, &a.Filename, &a.SHA256, &a.Document)
		return a, err
	}
	return many(ctx, t, scan, `SELECT a.file_id, a.predicate, r.name, f.filename, f.sha256, a.document
		FROM attestations a JOIN files f ON f.id = a.file_id JOIN repositories r ON r.id = f.repository_id
		WHERE a.file_id > $1 OR a.file_id = $1 AND a.predicate > $2 ORDER BY a.file_id, a.predicate LIMIT $3`,
		fileID, predicate, limit)
}

// keptParts are the columns of each part of upstream_files.
var keptParts = []struct{ part, sum, generation, stored string }{
	{"content", "sha256", "generation", "stored"},
	{"metadata", "metadata_sha256", "metadata_generation", "metadata_stored"},
	{"provenance", "provenance_sha256", "provenance_generation", "provenance_stored"},
}

// KeptAfter implements verify.Tx.
func (t *Tx) KeptAfter(ctx context.Context, upstream, path string, limit int) (out []verify.Kept, err error) {
	rows, err := many(ctx, t, scanUpstreamFile, `SELECT `+upstreamFileColumns+` FROM upstream_files
		WHERE (stored OR metadata_stored OR provenance_stored) AND (upstream > $1 OR upstream = $1 AND path > $2)
		ORDER BY upstream, path LIMIT $3`, upstream, path, limit)
	for _, f := range rows {
		add := func(part string, s custody.Stored, stored bool) {
			if stored {
				out = append(out, verify.Kept{Upstream: f.Upstream, Path: f.Path, Part: part, Stored: s})
			}
		}
		add("content", custody.Stored{SHA256: f.SHA256, Generation: f.Generation, Size: f.Size}, f.Stored)
		add("metadata", custody.Stored{
			SHA256: f.Metadata.SHA256, Generation: f.Metadata.Generation, Size: f.Metadata.Size, Metadata: true,
		}, f.Metadata.Stored)
		add("provenance", custody.Stored{
			SHA256: f.Provenance.SHA256, Generation: f.Provenance.Generation, Size: f.Provenance.Size, Metadata: true,
		}, f.Provenance.Stored)
	}
	return out, err
}

// StillKept implements verify.Tx.
func (t *Tx) StillKept(ctx context.Context, k verify.Kept) (still bool, err error) {
	err = eachKept(k, func(sum, generation, stored string) error {
		out, err := many(ctx, t, scanCount, `SELECT 1 FROM upstream_files WHERE upstream = $1 AND path = $2 AND `+sum+` = $3
			AND `+generation+` = $4 AND `+stored, k.Upstream, k.Path, k.Stored.SHA256, k.Stored.Generation)
		still = len(out) > 0
		return err
	})
	return still, err
}

// ForgetKept implements verify.Tx. The sweeper then looks at the object.
func (t *Tx) ForgetKept(ctx context.Context, k verify.Kept) error {
	return eachKept(k, func(sum, generation, stored string) error {
		_, err := t.exec(ctx, `UPDATE upstream_files SET `+stored+` = FALSE WHERE upstream = $1 AND path = $2 AND `+sum+` = $3
			AND `+generation+` = $4`, k.Upstream, k.Path, k.Stored.SHA256, k.Stored.Generation)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `UPDATE blobs SET settled = FALSE WHERE `+ofKey(2)+` AND NOT dropping AND NOT `+blobUsed,
			withKey(k.Stored.Key())...)
		return err
	})
}

// eachKept calls f with the columns of the part of k.
func eachKept(k verify.Kept, f func(sum, generation, stored string) error) error {
	for _, p := range keptParts {
		if p.part == k.Part {
			return f(p.sum, p.generation, p.stored)
		}
	}
	return nil
}
