package files

import (
	"pyindex/internal/custody"
)

// spool holds the bytes of a download: the beginning in a stage on disk and, from where the disk was full, the rest in
// memory, which loses its beginning when it is full. The flight's lock guards all fields. The content of the stage is
// read and appended to without it.
type spool struct {
	stage  custody.Stage // nil if nothing is on disk
	onDisk int64         // bytes in stage
	memory [][]byte      // of piece bytes each, except the last
	spare  [][]byte      // dropped memory, to be used again
	start  int64         // offset of memory
	end    int64         // number of bytes that arrived
}

// all reports whether every byte is still there.
func (s *spool) all() bool { return s.start <= s.onDisk }

// peek copies bytes from memory.
func (s *spool) peek(p []byte, off int64) (n int) {
	at := off - s.start
	for i, skip := int(at/piece), int(at%piece); i < len(s.memory) && n < len(p); i, skip = i+1, 0 {
		n += copy(p[n:], s.memory[i][skip:])
	}
	return n
}

// push appends to memory.
func (s *spool) push(p []byte) {
	if len(s.memory) == 0 {
		s.start = s.end
	}
	s.end += int64(len(p))
	for len(p) > 0 {
		last := len(s.memory) - 1
		if last < 0 || len(s.memory[last]) == piece {
			s.memory = append(s.memory, s.empty())
			last++
		}
		n := min(len(p), piece-len(s.memory[last]))
		s.memory[last] = append(s.memory[last], p[:n]...)
		p = p[n:]
	}
}

// empty returns memory for a piece.
func (s *spool) empty() []byte {
	last := len(s.spare) - 1
	if last < 0 {
		return make([]byte, 0, piece)
	}
	p := s.spare[last]
	s.spare = s.spare[:last]
	return p[:0]
}

// startFor returns the offset at which memory must begin so that n more bytes fit.
func (s *spool) startFor(n int) int64 {
	if len(s.memory) == 0 {
		return s.end
	}
	over := s.end + int64(n) - s.start - window
	if over <= 0 {
		return s.start
	}
	return min(s.start+(over+piece-1)/piece*piece, s.end)
}

// dropTo forgets the memory before an offset that startFor returned.
func (s *spool) dropTo(start int64) {
	for len(s.memory) > 0 && s.start < start {
		s.start += int64(len(s.memory[0]))
		s.spare = append(s.spare, s.memory[0])
		s.memory = append(s.memory[:0], s.memory[1:]...)
	}
}

// discard frees everything.
func (s *spool) discard() error {
	s.memory, s.spare = nil, nil
	if s.stage == nil {
		return nil
	}
	return s.stage.Discard()
}
