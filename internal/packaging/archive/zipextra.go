package archive

import "hash/crc32"

// These extra fields affect how readers interpret an entry.
const (
	extraZip64 = 0x0001
	extraPath  = 0x7075
)

// extras holds the extra fields of an entry that readers use.
type extras struct {
	zip64, path       record
	hasZip64, hasPath bool
}

// parseExtras parses the blocks. Up to three remaining bytes are padding, which readers ignore.
func parseExtras(b record) (extras, error) {
	var x extras
	for len(b) >= 4 {
		n := int(b.u16(2))
		if n > len(b)-4 {
			return x, refuse("an extra field is longer than its record")
		}
		if err := x.take(b.u16(0), b[4:4+n]); err != nil {
			return x, err
		}
		b = b[4+n:]
	}
	return x, nil
}

func (x *extras) take(id uint16, b record) error {
	switch id {
	case extraZip64:
		if x.hasZip64 {
			return refuse("a record has two zip64 fields")
		}
		x.zip64, x.hasZip64 = b, true
	case extraPath:
		if x.hasPath {
			return refuse("a record has two Unicode path fields")
		}
		x.path, x.hasPath = b, true
	}
	return nil
}

// checkPath rejects a different spelling of the name, because only some readers use it.
func (x *extras) checkPath(name string) error {
	if !x.hasPath {
		return nil
	}
	p := x.path
	if len(p) < 5 || p[0] != 1 || p.u32(1) != crc32.ChecksumIEEE([]byte(name)) || string(p[5:]) != name {
		return refuse("its Unicode path field names another file")
	}
	return nil
}

// resolve replaces each 32-bit value that refers to zip64 by its 64-bit value, in the order of the zip64 field. The
// field may also repeat values that need no replacement, as old writers do, if they are equal.
func (x *extras) resolve(values ...*uint64) error {
	b, wanted := x.zip64, false
	for _, v := range values {
		if *v != full32 {
			continue
		}
		if len(b) < 8 {
			return refuse("its zip64 field is missing or too short")
		}
		*v, b, wanted = b.u64(0), b[8:], true
	}
	if wanted && len(b) > 0 {
		return refuse("its zip64 field is too long")
	}
	if !wanted {
		return repeatsValues(b, values)
	}
	return nil
}

// packAgain is the remedy for headers that a tool copied from another archive.
const packAgain = "unpack it and pack it again, a wheel with: python -m wheel unpack, then pack"

func repeatsValues(b record, values []*uint64) error {
	if len(b)%8 != 0 || len(b)/8 > len(values) {
		return refuse("its zip64 field has an invalid length")
	}
	for i := range len(b) / 8 {
		if b.u64(8*i) != *values[i] {
			return refuse("its zip64 field contradicts its sizes: a tool rewrote the archive and kept old headers; " + packAgain)
		}
	}
	return nil
}
