package archive

import (
	"cmp"
	"slices"
)

// walkLocal reads the local headers in the order of their bytes and compares each with its directory entry. The members
// fill the file from its first byte to the directory without a gap, so that a reader which streams meets exactly the
// members that a reader of the directory knows.
func (g *gate) walkLocal(members []zipMember, directory int64) error {
	order := make([]*zipMember, len(members))
	for i := range members {
		order[i] = &members[i]
	}
	slices.SortFunc(order, func(a, b *zipMember) int { return cmp.Compare(a.offset, b.offset) })
	var at int64
	for i, m := range order {
		next := directory
		if i+1 < len(order) {
			next = order[i+1].offset
		}
		if m.offset != at {
			return inMember(m.name, misplaced(m.offset, at))
		}
		if err := g.checkLocal(m, next); err != nil {
			return inMember(m.name, err)
		}
		at = next
	}
	if at != directory {
		return refuse("bytes that belong to no member stand before the zip directory")
	}
	return nil
}

func misplaced(offset, at int64) error {
	if offset < at {
		return refuse("its bytes overlap another member's")
	}
	return refuse("%d bytes that belong to no member stand before it", offset-at)
}

// checkLocal compares the local header of m and requires that m's bytes reach exactly to next.
func (g *gate) checkLocal(m *zipMember, next int64) error {
	h, err := g.src.record(m.offset, lenLocal)
	if err != nil {
		return err
	}
	if h.u32(0) != sigLocal {
		return refuse("no local header stands where the directory says")
	}
	n, e := int64(h.u16(26)), int64(h.u16(28))
	v, err := g.src.record(m.offset+lenLocal, n+e)
	if err != nil {
		return err
	}
	m.data = m.offset + lenLocal + n + e
	if m.data > next || m.packed > next-m.data {
		return refuse("its bytes reach into the next record")
	}
	if string(v[:n]) != m.name {
		return refuse("its local header names it %s", quote(string(v[:n])))
	}
	return g.compareLocal(m, h, v[n:], next)
}

func (g *gate) compareLocal(m *zipMember, h, extra record, next int64) error {
	x, err := parseExtras(extra)
	if err != nil {
		return err
	}
	if err := x.checkPath(m.name); err != nil {
		return err
	}
	if (h.u16(6)^m.flags)&flagsRead != 0 || h.u16(8) != m.method || h.u16(4)&0xff > newest {
		return refuse("its local header and the directory describe it differently")
	}
	crc, size, packed := h.u32(14), uint64(h.u32(22)), uint64(h.u32(18))
	if m.flags&flagDescriptor != 0 {
		return g.checkDescriptor(m, &x, crc, size, packed, next)
	}
	if err := x.resolve(&size, &packed); err != nil {
		return err
	}
	if crc != m.crc || int64(size) != m.size || int64(packed) != m.packed {
		return refuse("its local header and the directory give other sizes or checksums")
	}
	return reaches(m.data+m.packed, next)
}

func reaches(end, next int64) error {
	if end != next {
		return refuse("%d bytes that belong to no member follow it", next-end)
	}
	return nil
}
