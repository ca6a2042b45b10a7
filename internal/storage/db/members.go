package db

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"io"
	"strings"
	"sync"

	"pyindex/internal/catalog"
)

func (t *Tx) InsertMembers(ctx context.Context, fileID string, m catalog.Members) error {
	names, err := pack(strings.Join(m.Names, "\n"))
	if err != nil {
		return err
	}
	return t.insert(ctx, "list of members",
		`INSERT INTO file_members (file_id, total, names) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		fileID, int64(m.Total), names)
}

func (t *Tx) Members(ctx context.Context, fileID string) (catalog.Members, error) {
	scan := func(r row) (m catalog.Members, err error) {
		var total int64
		var packed string
		if err = r.Scan(&total, &packed); err != nil {
			return m, err
		}
		names, err := unpack(packed)
		m.Total = int(total)
		if names != "" {
			m.Names = strings.Split(names, "\n")
		}
		return m, err
	}
	return one(ctx, t, "list of members", scan, `SELECT total, names FROM file_members WHERE file_id = $1`, fileID)
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
