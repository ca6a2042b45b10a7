package archive

import (
	"cmp"
	"slices"
)

// walkLocal reads the local headers in file order and compares each with its directory entry. The members must fill the
// file from its first byte to the directory without gaps, so that a streaming reader sees the same members as a reader
// of the directory.
func (g *gate) walkLocal(members []zipMember, directory int64) error {
	order := make([]*zipMember, len(members))
	for i := range members {
		order[i] = &members[i]
	}
	slices.SortFunc(order, func(a, b *zipMember) int { return cmp.Compare(a.offset, b.offset) })
	if first := firstOffset(order, directory); first != 0 {
		return refuse("%d bytes that belong to no member precede the first one", first)
	}
	for i, m := range order {
		next := directory
		if i+1 < len(order) {
			next = order[i+1].offset
		}
		if err := g.checkLocal(m, next); err != nil {
			return inMember(m.name, err)
		}
	}
	return nil
}

func firstOffset(order []*zipMember, directory int64) int64 {
	if len(order) == 0 {
		return directory
	}
	return order[0].offset
}

// checkLocal compares the local header of m and requires that m ends exactly at next.
func (g *gate) checkLocal(m *zipMember, next int64) error {
	h, name, extra, err := g.localHeader(m)
	if err != nil {
		return err
	}
	m.data = m.offset + int64(lenLocal+len(name)+len(extra))
	if m.data > next || m.packed > next-m.data {
		return refuse("its content reaches into the next record")
	}
	if string(name) != m.name {
		return refuse("its local header names it %s", quote(string(name)))
	}
	return g.compareLocal(m, h, extra, next)
}

// localHeader reads the header with its name and extra data, in one read unless the extra data is unusually long, since
// an archive can have many thousands of members.
func (g *gate) localHeader(m *zipMember) (h, name, extra record, err error) {
	const usual = 64
	b, err := g.src.record(m.offset, min(int64(lenLocal+len(m.name)+usual), g.src.size-m.offset))
	if err != nil {
		return nil, nil, nil, err
	}
	if len(b) < lenLocal || b.u32(0) != sigLocal {
		return nil, nil, nil, refuse("there is no local header at the offset given in the directory")
	}
	n, e := int(b.u16(26)), int(b.u16(28))
	if whole := lenLocal + n + e; whole > len(b) {
		if b, err = g.src.record(m.offset, int64(whole)); err != nil {
			return nil, nil, nil, err
		}
	}
	return b[:lenLocal], b[lenLocal : lenLocal+n], b[lenLocal+n : lenLocal+n+e], nil
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
		return refuse("its local header and the directory have different sizes or checksums; " + packAgain)
	}
	if end := m.data + m.packed; end != next {
		return refuse("%d bytes that belong to no member follow it", next-end)
	}
	return nil
}
