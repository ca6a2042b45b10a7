package synthetic

import "strings"

// table is a table to fill, with its columns in the order of the values in a batch.
type table struct {
	name    string
	columns []string
}

// Tables, ordered by their references.
const (
	users = iota
	projects
	grants
	releases
	files
	bases
	metadata
	blobs
	cards
	texts
	requirements
	records
	tableCount
)

// tables lists the tables by number. texts represents the full-text index, which the databases store differently: a
// project's words, under its id and the number of its card.
var tables = [tableCount]table{
	users: {"users", words(`id name admin password_hash created_at disabled_at`)},
	projects: {
		"projects", words(
			`id repository_id name display status status_reason serial size created_at trusted_only file_limit size_limit`,
		),
	},
	grants:   {"grants", words(`user_id repository_id project_id role created_at`)},
	releases: {"releases", words(`id project_id version version_key created_at`)},
	files: {"files", words(`id repository_id project_id release_id filename name_key kind version python_version size md5 sha256
		blake2b_256 metadata_sha256 requires_python comment yanked yanked_reason uploaded_at uploader_kind uploader_id uploader_name
		uploader_token_id attested metadata_number`)},
	bases:    {"metadata_bases", words(`project_id number document`)},
	metadata: {"release_metadata", words(`release_id number base document`)},
	blobs:    {"blobs", words(`part sha256 holds since settled dropping blob_key`)},
	cards: {
		"project_cards",
		words(`project_id repository_id number name display status summary version yanked source_kind released_at
		pythons license classifiers attested uploader_kind uploader_name indexed license_key`),
	},
	texts:        {"", words(`project_id number name summary keywords people classifiers body`)},
	requirements: {"requirements", words(`project_id position repository_id name requirement`)},
	records: {"audit", words(`id at action outcome actor_kind actor_id actor_name token_id address request_id repository_id project
		version filename subject detail`)},
}

func words(s string) []string { return strings.Fields(s) }

// batch holds the rows of some projects, by table.
type batch struct {
	rows   [tableCount][][]any
	upTo   int   // the number of the next project
	serial int64 // the serial after these rows
}

func (b *batch) add(table int, values ...any) { b.rows[table] = append(b.rows[table], values) }

// nextName is the name of the counter of generated projects.
const nextName = "synthetic.projects"

// sizesQuery sets the sizes of repositories, as every change of a project does.
const sizesQuery = `UPDATE repositories SET size = COALESCE((SELECT SUM(p.size) FROM projects p
	WHERE p.repository_id = repositories.id), 0)`

const madeQuery = `SELECT COALESCE(MAX(value), 0) FROM counters WHERE name = '` + nextName + `'`
