package pages

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"pyindex/internal/upstream/page"
)

// digest returns the revision of a page: a digest of its content, which does not depend on the program that encodes the
// record.
func digest(p *page.Page) string {
	h := sha256.New()
	b := make([]byte, 0, 1024)
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	number := func(n int64) { b = binary.AppendVarint(b, n) }
	moment := func(t time.Time) {
		if t.IsZero() {
			number(0)
			return
		}
		number(t.UnixMicro())
	}
	for _, s := range []string{p.Status, p.StatusReason} {
		text(s)
	}
	for _, files := range [][]page.File{p.Files, p.Gone} {
		number(int64(len(files)))
		for i := range files {
			f := &files[i]
			for _, s := range [...]string{
				f.Filename, f.URL, f.Version, f.SHA256, f.RequiresPython, f.YankedReason, f.MetadataSHA256, f.Provenance,
				f.Changed,
			} {
				text(s)
			}
			number(f.Size)
			moment(f.Uploaded)
			moment(f.FirstSeen)
			moment(f.LastSeen)
			b = append(b, bits(f))
			if len(b) > 900 {
				h.Write(b)
				b = b[:0]
			}
		}
	}
	if !p.Away.IsZero() || !p.Returned.IsZero() {
		moment(p.Away)
		moment(p.Returned)
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func bits(f *page.File) (b byte) {
	for i, on := range []bool{f.Yanked, f.Metadata, f.Signed != nil, f.Signed != nil && *f.Signed} {
		if on {
			b |= 1 << i
		}
	}
	return b
}
