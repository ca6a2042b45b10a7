package db

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"sync"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

func (t *Tx) InsertMembers(ctx context.Context, fileID string, m catalog.Members) error {
	names, err := pack(strings.Join(m.Names, "\n"))
	if err != nil {
		return err
	}
	return t.insert(ctx, "list of members",
		`INSERT INTO file_members (file_id, total, names, startup) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		fileID, int64(m.Total), names, strings.Join(m.Startup, "\n"))
}

func (t *Tx) StartupOfRelease(ctx context.Context, releaseID string) (map[string]catalog.Startup, error) {
	found := map[string]catalog.Startup{}
	each := func(r row) error {
		var id, packed string
		var startup sql.NullString
		if err := r.Scan(&id, &startup, &packed); err != nil {
			return err
		}
		s := catalog.Startup{Members: strings.Split(startup.String, "\n"), Unchecked: !startup.Valid}
		if s.Unchecked {
			names, err := unpack(packed)
			if err != nil {
				return err
			}
			s.Members = slices.DeleteFunc(strings.Split(names, "\n"), func(m string) bool {
				return !packaging.StartupPlace(m)
			})
			slices.Sort(s.Members)
			s.Members = s.Members[:min(len(s.Members), catalog.MaxStartup)]
		}
		if len(s.Members) > 0 {
			found[id] = s
		}
		return nil
	}
	return found, t.query(ctx, each, `SELECT f.id, m.startup, CASE WHEN m.startup IS NULL THEN m.names ELSE '' END
		FROM files f JOIN file_members m ON m.file_id = f.id
		WHERE f.release_id = $1 AND (m.startup <> '' OR m.startup IS NULL AND f.kind = $2)`,
		releaseID, string(packaging.Wheel))
}

// isLegacy is true for a file that an import accepted only as a legacy file.
const isLegacy = `EXISTS (SELECT 1 FROM file_origins o WHERE o.file_id = f.id AND o.legacy)`

func (t *Tx) HasStartup(ctx context.Context, projectID string) (bool, error) {
	recorded, err := many(ctx, t, scanText, `SELECT m.file_id FROM files f JOIN file_members m ON m.file_id = f.id
		WHERE f.project_id = $1 AND f.quarantined_at = 0 AND m.startup <> '' AND NOT `+isLegacy+` LIMIT 1`, projectID)
	if err != nil || len(recorded) > 0 {
		return len(recorded) > 0, err
	}
	found := false
	each := func(r row) error {
		var packed string
		if err := r.Scan(&packed); err != nil || found {
			return err
		}
		names, err := unpack(packed)
		found = slices.ContainsFunc(strings.Split(names, "\n"), packaging.StartupPlace)
		return err
	}
	err = t.query(ctx, each, `SELECT m.names FROM files f JOIN file_members m ON m.file_id = f.id
		WHERE f.project_id = $1 AND f.quarantined_at = 0 AND f.kind = $2 AND m.startup IS NULL AND NOT `+isLegacy,
		projectID, string(packaging.Wheel))
	return found, err
}

func (t *Tx) Members(ctx context.Context, fileID string) (catalog.Members, error) {
	scan := func(r row) (m catalog.Members, err error) {
		var total int64
		var packed, startup string
		if err = r.Scan(&total, &packed, &startup); err != nil {
			return m, err
		}
		names, err := unpack(packed)
		m.Total = int(total)
		if names != "" {
			m.Names = strings.Split(names, "\n")
		}
		if startup != "" {
			m.Startup = strings.Split(startup, "\n")
		}
		return m, err
	}
	return one(ctx, t, "list of members", scan,
		`SELECT total, names, COALESCE(startup, '') FROM file_members WHERE file_id = $1`, fileID)
}

// packers reuses compressors. Allocating one took most of the memory of a small upload.
var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is valid
	}
	return w
}}

func pack(s string) (string, error) {
	var b bytes.Buffer
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&b)
	_, err := io.WriteString(w, s)
	if err == nil {
		err = w.Close()
	}
	return base64.RawStdEncoding.EncodeToString(b.Bytes()), err
}

func unpack(s string) (string, error) {
	b, err := io.ReadAll(flate.NewReader(base64.NewDecoder(base64.RawStdEncoding, strings.NewReader(s))))
	return string(b), err
}
