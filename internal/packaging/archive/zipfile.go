package archive

// zipFile is a zip whose structure all readers interpret in the same way.
type zipFile struct {
	g      *gate
	byPath map[string]*zipMember // files by clean path
	tree   *tree
}

// openZip checks the structure and all names.
func (g *gate) openZip() (*zipFile, error) {
	end, err := findEnd(g.src)
	if err != nil {
		return nil, err
	}
	members, err := g.readDirectory(end)
	if err != nil {
		return nil, err
	}
	if err := g.checkTotal(members); err != nil {
		return nil, err
	}
	z := &zipFile{g: g, byPath: map[string]*zipMember{}, tree: newTree(false)}
	if err := z.fill(members); err != nil {
		return nil, err
	}
	// The names are checked first, which is cheaper than walking the file.
	if err := g.walkLocal(members, end.offset); err != nil {
		return nil, err
	}
	return z, notTar(g.src)
}

func (z *zipFile) fill(members []zipMember) error {
	for i := range members {
		m := &members[i]
		k := file
		if m.isFolder() {
			k = folder
		}
		if err := z.tree.add(m.name, k); err != nil {
			return err
		}
		z.byPath[clean(m.name)] = m
	}
	return z.tree.settle()
}

// checkTotal rejects a zip whose declared sizes make it a bomb. If they are false, unpack detects it.
func (g *gate) checkTotal(members []zipMember) error {
	most := g.lim.unpacked(g.src.size, g.lim.Declared)
	var total int64
	for i := range members {
		if members[i].size > most-total {
			return refuse("it unpacks to more than %d bytes from %d, which is too much for its size", most, g.src.size)
		}
		total += members[i].size
	}
	return nil
}

// read returns the content of the file with exactly this name.
func (z *zipFile) read(name string, limit int64) ([]byte, error) {
	m, ok := z.byPath[name]
	if !ok || m.name != name {
		return nil, refuse("%s is missing", quote(name))
	}
	return z.g.readMember(m, limit)
}

// notTar rejects a zip whose first block is also a tar header, because a reader that guesses the format might use that.
func notTar(src *source) error {
	b, err := src.record(0, min(src.size, blockSize))
	if err != nil || len(b) < blockSize {
		return err
	}
	if block := tarBlock(b); block.sumFits() {
		return refuse("it is both a zip and a tar file")
	}
	return nil
}
