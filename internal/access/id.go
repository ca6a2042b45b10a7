package access

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// idDigits are the digits of ids in the order of their bytes, so that ids sort by their time.
const idDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// NewID returns an id for a new row: 16 letters and digits. Ids that one process makes sort by the time of the call. A
// UUID in text is more than twice as long, and rows of a file and its indexes contain ids thirty times. Rows of older
// versions have UUIDs, so an id is any text.
func NewID() string {
	u := uuid.Must(uuid.NewV7()) // its time has a counter, so that it increases within a millisecond too
	return id(binary.BigEndian.Uint64(u[:8]), binary.BigEndian.Uint64(u[8:]))
}

// IDAt returns an id that NewID could have returned at a time, for generated rows. random sets the rest of the id.
func IDAt(at time.Time, random uint64) string {
	return id(uint64(at.UnixMilli())<<16|random>>48, random)
}

// id returns the id with the time of a version 7 UUID, which is its first half, and its random bits.
func id(first, random uint64) string {
	var out [16]byte
	put := func(b []byte, v uint64) {
		for i := len(b) - 1; i >= 0; i-- {
			b[i], v = idDigits[v%62], v/62
		}
	}
	put(out[:10], first>>16<<12|first&0xfff)
	put(out[10:], random&(1<<62-1))
	return string(out[:])
}
