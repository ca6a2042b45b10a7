package db

import (
	"testing"
)

// Files that were uploaded before start-up files were recorded are judged by the names of their members.
func TestStartupOfBefore(t *testing.T) {
	for name, fresh := range map[string]func(*testing.T) string{"sqlite": freshSQLite, "postgres": freshPostgres} {
		t.Run(name, func(t *testing.T) {
			d := openAt(t, fresh(t), Options{})
			ctx := t.Context()
			names := map[string]string{
				"known": "demo.pth\ndemo.py", "paths": "demo/x.pth\ndemo.py", "sdist": "demo-1.0/x.pth\nx.pth",
				"away": "demo.start",
			}
			err := d.update(ctx, func(tx *Tx) error {
				for project, members := range names {
					packed, err := pack(members)
					if err != nil {
						return err
					}
					kind, quarantined := "bdist_wheel", 0
					if project == "sdist" {
						kind = "sdist"
					}
					if project == "away" {
						quarantined = 1
					}
					for _, q := range []struct {
						text string
						args []any
					}{
						{`INSERT INTO projects (id, repository_id, name, display, status, status_reason, serial, size, created_at)
							SELECT $1, id, $1, $1, 'active', '', 1, 1, 1 FROM repositories WHERE name = 'main'`, []any{project}},
						{
							`INSERT INTO releases (id, project_id, version, version_key, created_at) VALUES ($1, $1, '1.0', '1', 1)`,
							[]any{project},
						},
						{`INSERT INTO files (id, repository_id, project_id, release_id, filename, name_key, kind, version, python_version,
							size, md5, sha256, blake2b_256, metadata_sha256, requires_python, comment, yanked, yanked_reason, uploaded_at,
							uploader_kind, uploader_id, uploader_name, uploader_token_id, attested, quarantined_at)
							SELECT $1, id, $1, $1, $1, $1, $2, '1.0', '', 1, '', $1, '', '', '', '', FALSE, '', 1, '', '', '', '', FALSE, $3
							FROM repositories WHERE name = 'main'`, []any{project, kind, quarantined}},
						{`INSERT INTO file_members (file_id, total, names) VALUES ($1, 2, $2)`, []any{project, packed}},
					} {
						if _, err := tx.exec(ctx, q.text, q.args...); err != nil {
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			err = d.view(ctx, func(tx *Tx) error {
				for project, want := range map[string]bool{
					"known": true,
					"paths": false,
					"sdist": false,
					"away":  false,
					"none":  false,
				} {
					got, err := tx.HasStartup(ctx, project)
					if err != nil {
						return err
					}
					if got != want {
						t.Errorf("HasStartup(%s) = %v, want %v", project, got, want)
					}
					shown := want || project == "away" // the page leaves out what is in quarantine
					of, err := tx.StartupOfRelease(ctx, project)
					if err != nil {
						return err
					}
					if s, ok := of[project]; ok != shown || ok && (!s.Unchecked || len(s.Members) != 1) {
						t.Errorf("StartupOfRelease(%s) = %v, want a member: %v", project, of, shown)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
