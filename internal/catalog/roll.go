package catalog

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"iter"
	"sort"
)

// Roll is a list of projects by normal name. It is immutable and compact, about 30 bytes a project: an index may have
// hundreds of thousands. Its sections are what successive rolls have in common.
type Roll struct {
	sections []*Section
	n        int // of all projects, also hidden ones
}

// Section is a part of a Roll. Where a roll is divided depends only on the names of the projects that are not hidden,
// and sections with the same content of successive rolls are the same object.
type Section struct {
	packed []byte
	last   string // the last name
	n      int    // of all projects
	shown  int    // of those that are not hidden
}

// Line is a project of a Roll. Its texts are valid as long as its section.
type Line struct {
	Name   []byte // normal
	Shown  []byte // the spelling to show
	Serial int64
	Plain  bool // whether Shown has only ASCII letters, digits, ".", "-" and "_"
	Hidden bool // whether no caller sees it; it may still hide a project of the same name
}

// perSection is the average number of projects in a section.
const perSection = 2048

// The bits of a packed line's first byte.
const (
	lineHidden = 1 << iota
	linePlain
	lineSpelled // its spelling differs from the name and follows it
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ends reports whether a section ends after a project of the name that is not hidden.
func ends(name []byte) bool { return crc32.Checksum(name, castagnoli)%perSection == 0 }

// Len returns the number of projects, including hidden ones.
func (r *Roll) Len() int { return r.n }

// Sections returns the sections that show a project, in order. A nil Roll has none.
func (r *Roll) Sections() iter.Seq[*Section] {
	return func(yield func(*Section) bool) {
		if r == nil {
			return
		}
		for _, s := range r.sections {
			if s.shown > 0 && !yield(s) {
				return
			}
		}
	}
}

// Lines returns all projects, including hidden ones. A Line is valid until the next. A nil Roll has none.
func (r *Roll) Lines() iter.Seq[*Line] {
	return func(yield func(*Line) bool) {
		if r == nil {
			return
		}
		for _, s := range r.sections {
			for l := range s.Lines() {
				if !yield(l) {
					return
				}
			}
		}
	}
}

// Size returns the memory that the roll uses, in bytes.
func (r *Roll) Size() (n int64) {
	for _, s := range r.sections {
		n += int64(cap(s.packed)+len(s.last)) + 100
	}
	return n + 1
}

// Lines returns all projects of a section, including hidden ones. A Line is valid until the next.
func (s *Section) Lines() iter.Seq[*Line] {
	return func(yield func(*Line) bool) {
		var l Line
		for rest := s.packed; len(rest) > 0; {
			if rest = l.unpack(rest); !yield(&l) {
				return
			}
		}
	}
}

// Shown returns the number of projects that are not hidden.
func (s *Section) Shown() int { return s.shown }

func (l *Line) unpack(b []byte) (rest []byte) {
	flags := b[0]
	l.Hidden, l.Plain = flags&lineHidden != 0, flags&linePlain != 0
	l.Name, b = field(b[1:])
	l.Shown = l.Name
	if flags&lineSpelled != 0 {
		l.Shown, b = field(b)
	}
	serial, n := binary.Varint(b)
	l.Serial = serial
	return b[n:]
}

func field(b []byte) (text, rest []byte) {
	if n := int(b[0]); n < 0x80 {
		return b[1 : 1+n : 1+n], b[1+n:]
	}
	n, size := binary.Uvarint(b)
	end := size + int(n)
	return b[size:end:end], b[end:]
}

func appendField(b []byte, text []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func (l *Line) pack(b []byte) []byte {
	var flags byte
	if l.Hidden {
		flags |= lineHidden
	}
	if l.Plain {
		flags |= linePlain
	}
	spelled := !bytes.Equal(l.Name, l.Shown)
	if spelled {
		flags |= lineSpelled
	}
	b = appendField(append(b, flags), l.Name)
	if spelled {
		b = appendField(b, l.Shown)
	}
	return binary.AppendVarint(b, l.Serial)
}

// lineOf returns the line of a project.
func lineOf(p Listed) Line {
	l := Line{Name: []byte(p.Name.String()), Serial: p.Serial, Hidden: p.Status == Quarantined}
	l.Shown = l.Name
	if p.Display != "" {
		l.Shown = []byte(p.Display)
	}
	l.Plain = plain(l.Shown)
	return l
}

func plain(b []byte) bool {
	for _, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}

// RollBuilder makes a Roll of lines in the order of their names. The zero RollBuilder is empty; one of an earlier roll
// uses the sections of that again if they are the same.
type RollBuilder struct {
	old  [][]*Section // of rolls that may have some in common, and are not before the last line
	roll Roll
	s    Section // that is being filled; packed is used again
	name []byte
}

// NewRollBuilder returns a builder of a roll that probably has much in common with an earlier one, or nil.
func NewRollBuilder(earlier *Roll) *RollBuilder {
	b := &RollBuilder{}
	if earlier != nil {
		b.old = [][]*Section{earlier.sections}
		b.roll.sections = make([]*Section, 0, len(earlier.sections)+1)
	}
	return b
}

// Add adds a line. It must not be before the last one, and l may be changed afterwards.
func (b *RollBuilder) Add(l *Line) {
	b.s.packed = l.pack(b.s.packed)
	b.s.n++
	if !l.Hidden {
		b.s.shown++
	}
	b.name = append(b.name[:0], l.Name...)
	if !l.Hidden && ends(l.Name) {
		b.end()
	}
}

// end ends the section that is being filled.
func (b *RollBuilder) end() {
	b.take(b.section())
	b.s = Section{packed: b.s.packed[:0]}
}

// section returns the section that was filled, or an earlier one with the same content.
func (b *RollBuilder) section() *Section {
	for i, old := range b.old {
		for len(old) > 0 && old[0].last < string(b.name) {
			old = old[1:]
		}
		b.old[i] = old
		if len(old) > 0 && old[0].last == string(b.name) && bytes.Equal(old[0].packed, b.s.packed) {
			return old[0]
		}
	}
	return &Section{bytes.Clone(b.s.packed), string(b.name), b.s.n, b.s.shown}
}

// take adds a whole section.
func (b *RollBuilder) take(s *Section) {
	b.roll.sections = append(b.roll.sections, s)
	b.roll.n += s.n
}

// Roll returns the roll. The builder cannot be used afterwards.
func (b *RollBuilder) Roll() *Roll {
	if b.s.n > 0 {
		b.end()
	}
	return &b.roll
}

// with returns the roll with projects added or replaced. changed is in the order of names.
func (r *Roll) with(changed []Listed) *Roll {
	if len(changed) == 0 {
		return r
	}
	b := NewRollBuilder(r)
	for i, s := range r.sections {
		final := i == len(r.sections)-1 // has what is after its last name, too
		n := sort.Search(len(changed), func(i int) bool { return !final && changed[i].Name.String() > s.last })
		if n == 0 && b.s.n == 0 {
			b.take(s)
			continue
		}
		b.merge(s, changed[:n])
		changed = changed[n:]
	}
	b.merge(&Section{}, changed)
	return b.Roll()
}

// merge adds the lines of a section, and those of changed projects instead of theirs.
func (b *RollBuilder) merge(s *Section, changed []Listed) {
	for l := range s.Lines() {
		for len(changed) > 0 && changed[0].Name.String() < string(l.Name) {
			b.addListed(changed[0])
			changed = changed[1:]
		}
		if len(changed) > 0 && changed[0].Name.String() == string(l.Name) {
			continue // added before the next line
		}
		b.Add(l)
	}
	for _, p := range changed {
		b.addListed(p)
	}
}

func (b *RollBuilder) addListed(p Listed) {
	l := lineOf(p)
	b.Add(&l)
}

// without returns the roll without projects of some names.
func (r *Roll) without(gone map[string]bool) *Roll {
	b := NewRollBuilder(r)
	for _, s := range r.sections {
		hit := b.s.n > 0
		if !hit {
			for name := range gone {
				hit = hit || name <= s.last && s.has(name)
			}
		}
		if !hit {
			b.take(s)
			continue
		}
		for l := range s.Lines() {
			if !gone[string(l.Name)] {
				b.Add(l)
			}
		}
	}
	return b.Roll()
}

func (s *Section) has(name string) bool {
	for l := range s.Lines() {
		if string(l.Name) == name {
			return true
		}
	}
	return false
}

// RollOf returns the roll of projects that are in the order of their names.
func RollOf(projects []Listed) *Roll {
	b := NewRollBuilder(nil)
	for _, p := range projects {
		b.addListed(p)
	}
	return b.Roll()
}
