package signin

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"testing"
	"time"
)

// TestLostKeyAcceptsNoCode: an authenticator without its key, as after the restore of a backup without secrets, accepts
// no code, also not the ones that anybody could compute for an empty key.
func TestLostKeyAcceptsNoCode(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	step := now.Unix() / 30
	for s := step - 1; s <= step+1; s++ {
		mac := hmac.New(sha1.New, nil)
		if err := binary.Write(mac, binary.BigEndian, s); err != nil {
			t.Fatal(err)
		}
		sum := mac.Sum(nil)
		at := sum[len(sum)-1] & 0xf
		typed := fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
		if _, ok := stepOf("", typed, now); ok {
			t.Errorf("stepOf() accepts %s for an empty key", typed)
		}
		if _, ok := stepOf("JBSWY3DPEHPK3PXP", code("JBSWY3DPEHPK3PXP", s), now); !ok {
			t.Error("stepOf() refuses the code of a key")
		}
	}
	for _, typed := range []string{"", "      ", "000000"} {
		if _, ok := stepOf("", typed, now); ok {
			t.Errorf("stepOf() accepts %q for an empty key", typed)
		}
	}
}
