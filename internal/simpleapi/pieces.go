package simpleapi

import (
	"encoding/binary"
	"hash/crc32"
	"hash/maphash"

	"pyindex/internal/catalog"
	"pyindex/internal/simpleapi/ready"
)

// longPage is the number of files from which a page is made of pieces, and perPiece the average number of files in one.
const (
	longPage = 500
	perPiece = 128
)

// contentKey identifies the bytes of a piece by a digest of what it shows. Nobody outside this process can make two
// contents with the same digest, because its seeds are random.
type contentKey [2]uint64

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pieces divides a page into its head, its files and its end. Where the files are divided depends only on their names.
func (f format) pieces(t tree, c catalog.Contents) (out []ready.Piece) {
	var state []byte
	add := func(render func([]byte) []byte) {
		state = append(state, t.prefix...)
		key := contentKey{maphash.Bytes(seeds[0], state), maphash.Bytes(seeds[1], state)}
		out = append(out, ready.Piece{Key: key, Append: render, Keep: true})
		state = state[:0]
	}
	state = f.appendHead(append(state, 'h'), t, c)
	add(func(b []byte) []byte { return f.appendHead(b, t, c) })
	for rest := c.Files; len(rest) > 0; {
		n, first := piece(rest), len(rest) == len(c.Files)
		files := rest[:n]
		rest = rest[n:]
		state = append(state, 'f', bit(first))
		for i := range files {
			state = appendState(state, &files[i])
		}
		add(func(b []byte) []byte { return f.appendFiles(b, t, &c.Project, files, first) })
	}
	state = f.appendEnd(append(state, 'e'), c)
	add(func(b []byte) []byte { return f.appendEnd(b, c) })
	return out
}

// piece returns the number of files in the first piece.
func piece(files []catalog.File) int {
	for i := range files {
		if crc32.Checksum([]byte(files[i].Filename), castagnoli)%perPiece == 0 {
			return i + 1
		}
	}
	return len(files)
}

// appendState appends everything that a page shows of a file.
func appendState(b []byte, f *catalog.File) []byte {
	for _, s := range [...]string{
		f.Filename, f.Version, f.SHA256, f.MetadataSHA256, f.RequiresPython, f.YankedReason,
	} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	b = binary.AppendVarint(b, f.Size)
	b = binary.AppendVarint(b, f.UploadedAt.Unix())
	b = binary.AppendVarint(b, int64(f.UploadedAt.Nanosecond()))
	b = append(b, bit(f.Yanked), bit(f.Attested), bit(f.Upstream != nil))
	if u := f.Upstream; u != nil {
		b = append(binary.AppendUvarint(b, uint64(len(u.Name))), u.Name...)
		b = append(binary.AppendUvarint(b, uint64(len(u.Path))), u.Path...)
		b = append(b, bit(u.Metadata), bit(u.Provenance), bit(u.Signed != nil), bit(u.Signed != nil && *u.Signed))
	}
	return b
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}
