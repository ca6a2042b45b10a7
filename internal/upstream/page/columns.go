package page

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"pyindex/internal/packaging"
)

// A record lists the files column by column, because equal things compress best together: digests as 32 bytes,
// numbers as varints, times as differences, and texts as the number of an entry in a list, in which the version and
// the name of a file are placeholders.

// The placeholders. Texts of a page have no control characters.
const (
	versionMark  = "\x01"
	filenameMark = "\x02"
)

// columnCount is the number of columns that take at least one byte of every file.
const columnCount = 11

// The flags of a file.
const (
	flagSHA256 = 1 << iota
	flagYanked
	flagMetadata
	flagMetadataSHA256
	flagSignatureStated
	flagSigned
	flagChanged
	flagDigestPath  // the URL goes on after its prefix with aa/bb/60 hex digits and a slash, which differ from sha256
	flagSHA256Path  // the URL goes on after its prefix with the sha256 and a slash
	flagNameInLink  // the URL ends in the file's name
	flagEscapedPlus // "+" of the name is written as %2B there
	flagsEnd
)

// link is a URL in parts, so that equal beginnings are kept once.
type link struct {
	prefix string
	flags  uint64
	digest []byte // of flagDigestPath
}

func splitLink(f File) link {
	l := link{prefix: f.URL}
	rest, ok := strings.CutSuffix(f.URL, "/"+f.Filename)
	if !ok {
		if rest, ok = strings.CutSuffix(f.URL, "/"+escapePlus(f.Filename)); !ok {
			return l
		}
		l.flags |= flagEscapedPlus
	}
	l.prefix, l.flags = f.URL[:len(rest)+1], l.flags|flagNameInLink
	if dir, ok := strings.CutSuffix(l.prefix, f.SHA256+"/"); ok && f.SHA256 != "" {
		l.prefix, l.flags = dir, l.flags|flagSHA256Path
	} else if n := digestPath(f.URL[:len(rest)+2]); n > 0 {
		path := l.prefix[len(l.prefix)-n+1:]
		digits := make([]byte, 0, 2*sha256.Size)
		digits = append(append(append(digits, path[:2]...), path[3:5]...), path[6:len(path)-1]...)
		l.digest, _ = hex.AppendDecode(make([]byte, 0, sha256.Size), digits) // digestPath has checked it
		l.prefix, l.flags = l.prefix[:len(l.prefix)-n+1], l.flags|flagDigestPath
	}
	return l
}

func escapePlus(filename string) string { return strings.ReplaceAll(filename, "+", "%2B") }

func flagsOf(f File) uint64 {
	var flags uint64
	for _, c := range []struct {
		is   bool
		flag uint64
	}{
		{f.SHA256 != "", flagSHA256},
		{f.Yanked, flagYanked},
		{f.Metadata, flagMetadata},
		{f.MetadataSHA256 != "", flagMetadataSHA256},
		{f.Signed != nil, flagSignatureStated},
		{f.Signed != nil && *f.Signed, flagSigned},
		{f.Changed != "", flagChanged},
	} {
		if c.is {
			flags |= c.flag
		}
	}
	return flags
}

// writer appends numbers and texts to a record.
type writer struct{ buf []byte }

func (w *writer) number(n uint64) { w.buf = binary.AppendUvarint(w.buf, n) }

func (w *writer) text(s string) {
	w.number(uint64(len(s)))
	w.buf = append(w.buf, s...)
}

// texts writes a list of the different texts, and the number of each file's text.
func (w *writer) texts(n int, text func(i int) string) {
	numbers := make([]int, n)
	known := map[string]int{}
	var list []string
	for i := range n {
		s := text(i)
		k, ok := known[s]
		if !ok {
			k = len(list)
			known[s] = k
			list = append(list, s)
		}
		numbers[i] = k
	}
	w.number(uint64(len(list)))
	for _, s := range list {
		w.text(s)
	}
	for _, k := range numbers {
		w.number(uint64(k))
	}
}

// times writes each time as its difference to the one before, in microseconds, and zero for the zero time.
func (w *writer) times(n int, at func(i int) time.Time) {
	var before int64
	for i := range n {
		t := at(i)
		if t.IsZero() {
			w.number(0)
			continue
		}
		now := t.UnixMicro()
		d := now - before
		w.number(uint64(d<<1^d>>63) + 1)
		before = now
	}
}

// digests writes the digests that are not empty.
func (w *writer) digests(n int, text func(i int) string) {
	for i := range n {
		w.buf, _ = hex.AppendDecode(w.buf, []byte(text(i))) // the text is a digest of Parse
	}
}

func (w *writer) files(files []File) {
	n := len(files)
	links := make([]link, n)
	for i, f := range files {
		links[i] = splitLink(f)
	}
	w.texts(n, func(i int) string { return files[i].Version })
	w.texts(n, func(i int) string {
		return strings.Replace(files[i].Filename, "-"+files[i].Version, "-"+versionMark, 1)
	})
	w.texts(n, func(i int) string { return links[i].prefix })
	w.texts(n, func(i int) string { return files[i].RequiresPython })
	w.texts(n, func(i int) string { return files[i].YankedReason })
	w.texts(n, func(i int) string {
		s := strings.Replace(files[i].Provenance, "/"+files[i].Filename, "/"+filenameMark, 1)
		return strings.Replace(s, "/"+files[i].Version+"/", "/"+versionMark+"/", 1)
	})
	for i, f := range files {
		w.number(flagsOf(f) | links[i].flags)
	}
	for _, f := range files {
		w.number(uint64(f.Size + 1))
	}
	w.times(n, func(i int) time.Time { return files[i].Uploaded })
	w.times(n, func(i int) time.Time { return files[i].FirstSeen })
	w.times(n, func(i int) time.Time { return files[i].LastSeen })
	w.digests(n, func(i int) string { return files[i].SHA256 })
	w.digests(n, func(i int) string { return files[i].MetadataSHA256 })
	w.digests(n, func(i int) string { return files[i].Changed })
	for _, l := range links {
		w.buf = append(w.buf, l.digest...)
	}
}

// columns reads a record. After failed is set, every method returns a zero value.
type columns struct {
	b      []byte
	failed bool
}

func (r *columns) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || r.failed {
		r.failed, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count reads a number that must be an int of 31 bits.
func (r *columns) count() int {
	n := r.number()
	if n > 1<<31-1 {
		r.failed, n = true, 0
	}
	return int(n)
}

func (r *columns) take(n int) []byte {
	if r.failed || n > len(r.b) {
		r.failed, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *columns) text() string { return string(r.take(r.count())) }

// texts returns the text of each file. No text is longer than limit.
func (r *columns) texts(n, limit int) []string {
	size := r.count()
	if r.failed || size > n {
		r.failed = true
		return make([]string, n)
	}
	list := make([]string, size)
	for i := range list {
		if list[i] = r.text(); len(list[i]) > limit {
			r.failed = true
		}
	}
	all := make([]string, n)
	for i := range all {
		k := r.count()
		if r.failed || k >= size {
			r.failed = true
			break
		}
		all[i] = list[k]
	}
	return all
}

func (r *columns) times(n int) []time.Time {
	all := make([]time.Time, n)
	var before int64
	for i := range all {
		d := r.number()
		if d == 0 {
			continue
		}
		d--
		before += int64(d>>1) ^ -int64(d&1)
		if all[i] = time.UnixMicro(before).UTC(); all[i].Year() < 1 || all[i].Year() > 9999 || all[i].IsZero() {
			r.failed = true
			break
		}
	}
	return all
}

// digests returns the digests of those files whose flags have the flag, in hex.
func (r *columns) digests(flags []uint64, flag uint64) []string {
	all := make([]string, len(flags))
	n := 0
	for _, f := range flags {
		if f&flag != 0 {
			n++
		}
	}
	text := hex.EncodeToString(r.take(32 * n))
	if r.failed {
		return all
	}
	for i, f := range flags {
		if f&flag != 0 {
			all[i], text = text[:64], text[64:]
		}
	}
	return all
}

func (r *columns) files(n int) []File {
	versions := r.texts(n, maxText)
	names := r.texts(n, maxText)
	prefixes := r.texts(n, maxURL)
	pythons := r.texts(n, maxText)
	reasons := r.texts(n, maxText)
	provenances := r.texts(n, maxURL+2) // an empty text may be a placeholder
	flags, sizes := make([]uint64, n), make([]uint64, n)
	for i := range flags {
		flags[i] = r.number()
	}
	for i := range sizes {
		sizes[i] = r.number()
	}
	uploaded, first, last := r.times(n), r.times(n), r.times(n)
	sums, metadata := r.digests(flags, flagSHA256), r.digests(flags, flagMetadataSHA256)
	changed, paths := r.digests(flags, flagChanged), r.digests(flags, flagDigestPath)
	if r.failed {
		return nil
	}
	files := make([]File, n)
	links := 0
	for i := range files {
		name := strings.Replace(names[i], versionMark, versions[i], 1)
		provenance := strings.Replace(provenances[i], versionMark, versions[i], 1)
		files[i] = File{
			Filename:       name,
			URL:            joinLink(prefixes[i], flags[i], name, sums[i], paths[i]),
			Kind:           packaging.KindOf(name),
			Version:        versions[i],
			SHA256:         sums[i],
			Size:           int64(sizes[i]) - 1,
			Uploaded:       uploaded[i],
			FirstSeen:      first[i],
			LastSeen:       last[i],
			RequiresPython: pythons[i],
			Yanked:         flags[i]&flagYanked != 0,
			YankedReason:   reasons[i],
			Metadata:       flags[i]&flagMetadata != 0,
			MetadataSHA256: metadata[i],
			Provenance:     strings.Replace(provenance, filenameMark, name, 1),
			Changed:        changed[i],
		}
		if flags[i]&flagSignatureStated != 0 {
			signed := flags[i]&flagSigned != 0
			files[i].Signed = &signed
		}
		links += len(files[i].URL) + len(files[i].Provenance)
		if links > maxLinks || flags[i] >= flagsEnd || sizes[i] > maxSize+1 || !files[i].sound() {
			r.failed = true
			return nil
		}
	}
	return files
}

func joinLink(prefix string, flags uint64, name, sha256, digest string) string {
	if flags&flagNameInLink == 0 {
		return prefix
	}
	if flags&flagEscapedPlus != 0 {
		name = escapePlus(name)
	}
	switch {
	case flags&flagSHA256Path != 0:
		return prefix + sha256 + "/" + name
	case flags&flagDigestPath != 0:
		return prefix + digest[:2] + "/" + digest[2:4] + "/" + digest[4:] + "/" + name
	}
	return prefix + name
}

// sound reports whether the texts of a decoded file have lengths and characters that those of Parse can have.
func (f File) sound() bool {
	if len(f.Filename) > 255 || len(f.URL) > maxURL || len(f.Provenance) > maxURL {
		return false
	}
	for _, s := range []string{f.Filename, f.URL, f.Version, f.Provenance} {
		if strings.ContainsAny(s, versionMark+filenameMark) {
			return false
		}
	}
	return true
}
