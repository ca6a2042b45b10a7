package archive

// Data descriptors contain sizes that follow the body, because the writer could not seek back. A reader of the
// directory finds them by the directory's sizes, and a streaming reader finds them at the end of the compressed data.
// Both positions must be the same.

// checkDescriptor checks the sizes in the local header, the end of the body, and the descriptor of m.
func (g *gate) checkDescriptor(m *zipMember, x *extras, crc uint32, size, packed uint64, next int64) error {
	wide := x.hasZip64 || m.size >= full32 || m.packed >= full32
	if err := resolveOpen(x, &size, &packed); err != nil {
		return err
	}
	if !openOr(uint64(crc), uint64(m.crc)) || !openOr(size, uint64(m.size)) || !openOr(packed, uint64(m.packed)) {
		return refuse("its local header and the directory have different sizes or checksums")
	}
	d, err := g.readDescriptor(m, wide, next)
	if err != nil {
		return err
	}
	if d != (descriptor{m.crc, uint64(m.packed), uint64(m.size)}) {
		return refuse("the sizes after its content differ from the directory")
	}
	return g.endsInside(m)
}

// resolveOpen is resolve for a header whose sizes may be 0, if those in its zip64 field are 0 too.
func resolveOpen(x *extras, size, packed *uint64) error {
	if x.hasZip64 && *size == 0 && *packed == 0 {
		return repeatsValues(x.zip64, []*uint64{size, packed})
	}
	return x.resolve(size, packed)
}

// openOr reports whether a value is correct or was left to the descriptor.
func openOr(local, known uint64) bool { return local == 0 || local == known }

type descriptor struct {
	crc          uint32
	packed, size uint64
}

// readDescriptor reads the descriptor between the body and next: a signature, the checksum, and two sizes of 4 bytes,
// or of 8 in a zip64 member. Descriptors without the signature are rejected, because readers can only guess whether
// they are data.
func (g *gate) readDescriptor(m *zipMember, wide bool, next int64) (descriptor, error) {
	at, n := m.data+m.packed, int64(16)
	if wide {
		n = 24
	}
	if next-at != n {
		return descriptor{}, refuse("the sizes after its content take %d bytes instead of %d", next-at, n)
	}
	r, err := g.src.record(at, n)
	if err != nil {
		return descriptor{}, err
	}
	if r.u32(0) != sigDescriptor {
		return descriptor{}, refuse("the sizes after its content have no signature")
	}
	if wide {
		return descriptor{r.u32(4), r.u64(8), r.u64(16)}, nil
	}
	return descriptor{r.u32(4), uint64(r.u32(8)), uint64(r.u32(12))}, nil
}

// endsInside decompresses m to check that its data ends at the position given in the directory. A stored body has no
// end marker: streaming readers cannot handle it and use the directory.
func (g *gate) endsInside(m *zipMember) error {
	if m.method == stored {
		return nil
	}
	return g.unpack(m, nil)
}
