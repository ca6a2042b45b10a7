package archive

import (
	"crypto/sha256"
	"io"
)

// outcome is everything that unpacking a member leaves behind.
type outcome struct {
	kind       byte
	link       string
	executable bool
	body       [sha256.Size]byte
}

// compareRepeated requires that members of one name leave the same behind. It reads the stream a second time, so that
// the usual archive, in which no name is repeated, is not hashed.
func (g *gate) compareRepeated(f *tarFile) error {
	stream, err := g.tarStream()
	if err != nil {
		return err
	}
	first := map[string]outcome{}
	t := &tarReader{r: bufferedTar(stream)}
	for {
		m, err := t.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		p := clean(m.name)
		if !f.again[p] {
			continue
		}
		got, err := t.unpacked(m)
		if err != nil {
			return err
		}
		if before, ok := first[p]; ok && before != got {
			return twoMembers(p)
		}
		first[p] = got
	}
}

// unpacked reads the body of m, the current member.
func (t *tarReader) unpacked(m tarMember) (outcome, error) {
	sum := sha256.New()
	if _, err := io.CopyN(sum, t.r, m.size); err != nil {
		return outcome{}, cut(err)
	}
	t.left -= m.size
	if m.kind != typeFile {
		return outcome{kind: m.kind, link: m.link}, nil
	}
	return outcome{kind: m.kind, executable: m.mode&anyExecute != 0, body: [sha256.Size]byte(sum.Sum(nil))}, nil
}
