package ready

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

func TestCombineCRC(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, 5000)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	for range 500 {
		all := b[:random.IntN(len(b)+1)]
		cut := random.IntN(len(all) + 1)
		first, second := crc32.ChecksumIEEE(all[:cut]), crc32.ChecksumIEEE(all[cut:])
		if got, want := combineCRC(first, second, len(all)-cut), crc32.ChecksumIEEE(all); got != want {
			t.Fatalf("the CRC of %d and %d bytes = %08x, want %08x", cut, len(all)-cut, got, want)
		}
	}
	zeros := make([]byte, 70<<20)
	want := crc32.Update(7, crc32.IEEETable, zeros)
	if got := combineCRC(7, crc32.ChecksumIEEE(zeros), len(zeros)); got != want {
		t.Errorf("the CRC after 70 MB = %08x, want %08x", got, want)
	}
}
