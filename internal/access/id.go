package access

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// NewID returns an id for a new row: 20 hexadecimal digits. Ids that one process makes sort by the time of the call. A
// UUID in text is almost twice as long, and rows of a file and its indexes contain ids thirty times. Rows of older
// versions have UUIDs, so an id is any text.
func NewID() string {
	u := uuid.Must(uuid.NewV7()) // its time has a counter, so that it increases within a millisecond too
	return id(binary.BigEndian.Uint64(u[:8]), binary.BigEndian.Uint64(u[8:]))
}

// IDAt returns an id that NewID could have returned at a time, for generated rows. random sets the rest of the id.
func IDAt(at time.Time, random uint64) string {
	return id(uint64(at.UnixMilli())<<16|random>>48, random)
}

// id returns the id with the time and the counter of a version 7 UUID, which are its first half, and 24 of its random
// bits. The time has 44 bits, enough until the year 2527.
func id(first, random uint64) string {
	var out [20]byte
	v := first>>16<<12 | first&0xfff
	for i := len(out) - 7; i >= 0; i, v = i-1, v>>4 {
		out[i] = "0123456789abcdef"[v&0xf]
	}
	for i := len(out) - 1; i > len(out)-7; i, random = i-1, random>>4 {
		out[i] = "0123456789abcdef"[random&0xf]
	}
	return string(out[:])
}
