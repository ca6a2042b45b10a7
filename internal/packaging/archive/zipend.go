package archive

import "bytes"

// These are the record signatures and sizes of APPNOTE.TXT, section 4.3.
const (
	sigLocal      = 0x04034b50
	sigEntry      = 0x02014b50
	sigEnd        = 0x06054b50
	sigEnd64      = 0x06064b50
	sigLocator    = 0x07064b50
	sigDescriptor = 0x08074b50

	lenLocal   = 30
	lenEntry   = 46
	lenEnd     = 22
	lenEnd64   = 56
	lenLocator = 20

	full16 = 0xffff     // "see zip64"
	full32 = 0xffffffff // "see zip64"
)

var endMark = []byte("PK\x05\x06")

type zipEnd struct {
	count  uint64 // number of entries
	offset int64
	size   int64
}

// findEnd reads the end records. Exactly one end record must be plausible. It must end the file, and the directory must
// end right before it. So nothing precedes or follows the archive, and a search from either side finds the same record.
func findEnd(src *source) (zipEnd, error) {
	n := min(src.size, lenEnd+full16)
	tail, err := src.record(src.size-n, n)
	if err != nil {
		return zipEnd{}, err
	}
	at := bytes.LastIndex(tail, endMark)
	if at < 0 {
		return zipEnd{}, refuse("this is not a zip file, or its end is missing")
	}
	if !endsAt(tail, at) {
		return zipEnd{}, refuse("data follows the end of the zip file, or its comment is truncated")
	}
	if second := earlierEnd(tail, at); second {
		return zipEnd{}, refuse("the zip file has two end records")
	}
	return directoryAt(src, src.size-n+int64(at), record(tail[at:]))
}

// endsAt reports whether an end record at offset at, with its comment, ends the file.
func endsAt(tail record, at int) bool {
	return len(tail)-at >= lenEnd && int(tail.u16(at+20)) == len(tail)-at-lenEnd
}

// earlierEnd reports whether there is another end record whose comment would contain the one at offset at.
func earlierEnd(tail record, at int) bool {
	for at = bytes.LastIndex(tail[:at], endMark); at >= 0; at = bytes.LastIndex(tail[:at], endMark) {
		if endsAt(tail, at) {
			return true
		}
	}
	return false
}

// directoryAt reads the end record at offset at, and the zip64 record before it.
func directoryAt(src *source, at int64, end record) (zipEnd, error) {
	e := zipEnd{count: uint64(end.u16(10)), size: int64(end.u32(12)), offset: int64(end.u32(16))}
	if end.u16(8) != end.u16(10) || !firstDisk16(end.u16(4)) || !firstDisk16(end.u16(6)) {
		return e, refuse("the zip file is split over several disks")
	}
	closes, e, err := widen(src, at, e)
	if err != nil {
		return e, err
	}
	if e.size < 0 || e.offset < 0 || e.offset > closes-e.size || e.offset+e.size != closes {
		return e, refuse(
			"the zip file's end record has a wrong directory position: there is extra data before, in or after the archive",
		)
	}
	return e, nil
}

func firstDisk16(n uint16) bool { return n == 0 || n == full16 }

// widen replaces e by the zip64 end record, if there is one, and returns the offset at which the directory must end. A
// locator is followed even if no field requires it, because Python does so.
func widen(src *source, at int64, e zipEnd) (int64, zipEnd, error) {
	wanted := e.count == full16 || e.size == full32 || e.offset == full32
	loc, err := locatorBefore(src, at)
	if err != nil {
		return 0, e, err
	}
	if loc == nil {
		if wanted {
			return 0, e, refuse("the zip file's end record refers to a zip64 record that is missing")
		}
		return at, e, nil
	}
	start := at - lenLocator - lenEnd64
	if start < 0 || loc.u64(8) != uint64(start) || loc.u32(4) != 0 || loc.u32(16) != 1 {
		return 0, e, refuse("the zip64 locator does not point to the record right before it")
	}
	wide, err := readEnd64(src, start)
	if err == nil && !narrows(wide, e) {
		err = refuse("the zip file's two end records disagree")
	}
	return start, wide, err
}

func locatorBefore(src *source, at int64) (record, error) {
	if at < lenLocator {
		return nil, nil
	}
	loc, err := src.record(at-lenLocator, lenLocator)
	if err != nil || loc.u32(0) != sigLocator {
		return nil, err
	}
	return loc, nil
}

func readEnd64(src *source, at int64) (zipEnd, error) {
	r, err := src.record(at, lenEnd64)
	if err != nil {
		return zipEnd{}, err
	}
	if r.u32(0) != sigEnd64 || r.u64(4) != lenEnd64-12 {
		return zipEnd{}, refuse("the zip64 end record is damaged or contains extra data")
	}
	if r.u32(16) != 0 || r.u32(20) != 0 || r.u64(24) != r.u64(32) {
		return zipEnd{}, refuse("the zip file is split over several disks")
	}
	return zipEnd{count: r.u64(32), size: int64(r.u64(40)), offset: int64(r.u64(48))}, nil
}

// narrows reports whether every field of the short record either refers to zip64 or equals that of the wide one.
func narrows(wide, short zipEnd) bool {
	return (short.count == full16 || short.count == wide.count) &&
		(short.size == full32 || short.size == wide.size) &&
		(short.offset == full32 || short.offset == wide.offset)
}
