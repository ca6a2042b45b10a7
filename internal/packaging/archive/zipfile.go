package archive

import "crypto/sha256"

// zipFile is a zip whose structure all readers interpret in the same way.
type zipFile struct {
	g      *gate
	byPath map[string]*zipMember // files by clean path
	tree   *tree
	pairs  [][2]*zipMember // members of one name, to be compared
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
	z := &zipFile{g: g, byPath: map[string]*zipMember{}, tree: newTree()}
	if err := z.fill(members); err != nil {
		return nil, err
	}
	// The names are checked first, which is cheaper than walking the file.
	if err := g.walkLocal(members, end.offset); err != nil {
		return nil, err
	}
	if err := z.compare(); err != nil {
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
		again, err := z.tree.add(m.name, k)
		if err != nil {
			return err
		}
		p := clean(m.name)
		if again {
			z.tree.repeated = append(z.tree.repeated, p)
			z.pairs = append(z.pairs, [2]*zipMember{z.byPath[p], m})
		}
		z.byPath[p] = m
	}
	if z.g.rules.Duplicates && len(z.pairs) > 0 {
		return refuse("two members are named %s, which is not allowed here", quote(z.tree.repeated[0]))
	}
	return z.tree.settle()
}

// compare requires that members of one name have the same content and permissions, so that it does not matter which of
// them a reader unpacks.
func (z *zipFile) compare() error { return z.same(z.pairs) }

func (z *zipFile) same(pairs [][2]*zipMember) error {
	known := map[*zipMember][sha256.Size]byte{}
	for _, pair := range pairs {
		a, b := pair[0], pair[1]
		if a.size != b.size || a.crc != b.crc || a.executable != b.executable {
			return twoMembers(clean(a.name))
		}
		for _, m := range pair {
			if _, ok := known[m]; ok {
				continue
			}
			sum := sha256.New()
			if err := z.g.unpack(m, sum); err != nil {
				return inMember(m.name, err)
			}
			known[m] = [sha256.Size]byte(sum.Sum(nil))
		}
		if known[a] != known[b] {
			return twoMembers(clean(a.name))
		}
	}
	return nil
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
