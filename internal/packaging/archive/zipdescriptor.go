package archive

// Data descriptors: sizes that stand after the body, because the writer could not go back. Who follows the directory
// finds them by the directory's size; who streams finds them where the compressed data ends. Both places must be one.

// checkDescriptor verifies the local header's sizes, the end of the body and the descriptor of m.
func (g *gate) checkDescriptor(m *zipMember, x *extras, crc uint32, size, packed uint64, next int64) error {
	wide := x.hasZip64 || m.size >= full32 || m.packed >= full32
	if err := resolveOpen(x, &size, &packed); err != nil {
		return err
	}
	if !openOr(uint64(crc), uint64(m.crc)) || !openOr(size, uint64(m.size)) || !openOr(packed, uint64(m.packed)) {
		return refuse("its local header and the directory give other sizes or checksums")
	}
	d, err := g.readDescriptor(m, wide, next)
	if err != nil {
		return err
	}
	if d != (descriptor{m.crc, uint64(m.packed), uint64(m.size)}) {
		return refuse("the sizes after its bytes are not the directory's")
	}
	return g.endsInside(m)
}

// resolveOpen is resolve for a header that may still say 0 where its zip64 field does too.
func resolveOpen(x *extras, size, packed *uint64) error {
	if x.hasZip64 && *size == 0 && *packed == 0 {
		return repeatsValues(x.zip64, []*uint64{size, packed})
	}
	return x.resolve(size, packed)
}

// openOr is true of a value left open for the descriptor, and of one that is already right.
func openOr(local, known uint64) bool { return local == 0 || local == known }

type descriptor struct {
	crc          uint32
	packed, size uint64
}

// readDescriptor reads what stands between the body and next: a signature, the checksum and two sizes of 4 bytes, or of
// 8 in a zip64 member. Descriptors without the signature are refused, since readers tell them from data by guessing.
func (g *gate) readDescriptor(m *zipMember, wide bool, next int64) (descriptor, error) {
	at, n := m.data+m.packed, int64(16)
	if wide {
		n = 24
	}
	if next-at != n {
		return descriptor{}, refuse("the sizes after its bytes take %d bytes instead of %d", next-at, n)
	}
	r, err := g.src.record(at, n)
	if err != nil {
		return descriptor{}, err
	}
	if r.u32(0) != sigDescriptor {
		return descriptor{}, refuse("the sizes after its bytes have no signature")
	}
	if wide {
		return descriptor{r.u32(4), r.u64(8), r.u64(16)}, nil
	}
	return descriptor{r.u32(4), uint64(r.u32(8)), uint64(r.u32(12))}, nil
}

// endsInside decompresses m to see that its data ends where the directory says. A stored body has no end of its own:
// readers that stream give up on it and follow the directory.
func (g *gate) endsInside(m *zipMember) error {
	if m.method == stored {
		return nil
	}
	return g.unpack(m, nil)
}
