package page

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"pyindex/internal/packaging"
)

// Names is a set of project names, kept as eight bytes of the SHA-256 of each. It answers whether a name is in it, with
// an error of at most one in 10^13 for a million names, and cannot list them. The zero value is the empty set.
type Names struct{ hashes []uint64 } // sorted, each once

const formatNames = 1

// NewNames returns the set of these names.
func NewNames(names ...packaging.ProjectName) Names {
	var n Names
	for _, name := range names {
		n.hashes = append(n.hashes, nameHash(name))
	}
	n.sort()
	return n
}

func (n *Names) sort() {
	slices.Sort(n.hashes)
	n.hashes = slices.Clip(slices.Compact(n.hashes))
}

func nameHash(name packaging.ProjectName) uint64 {
	sum := sha256.Sum256([]byte(name.String()))
	return binary.BigEndian.Uint64(sum[:])
}

// Contains reports whether the set has the name.
func (n Names) Contains(name packaging.ProjectName) bool {
	_, found := slices.BinarySearch(n.hashes, nameHash(name))
	return found
}

// Count returns the number of names.
func (n Names) Count() int { return len(n.hashes) }

// Encode returns the set as bytes, eight for each name. DecodeNames reads them.
func (n Names) Encode() []byte {
	b := append(make([]byte, 0, 1+8*len(n.hashes)), formatNames)
	for _, h := range n.hashes {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	return b
}

// DecodeNames returns the set that Encode wrote. It returns an error for damaged bytes and for an unknown format.
func DecodeNames(b []byte) (Names, error) {
	if len(b) == 0 || b[0] != formatNames || len(b)%8 != 1 {
		return Names{}, errors.New("list of names of an unknown format")
	}
	hashes := make([]uint64, 0, len(b)/8)
	for b = b[1:]; len(b) > 0; b = b[8:] {
		h := binary.BigEndian.Uint64(b)
		if n := len(hashes); n > 0 && h <= hashes[n-1] {
			return Names{}, errors.New("damaged list of names")
		}
		hashes = append(hashes, h)
	}
	return Names{hashes: hashes}, nil
}
