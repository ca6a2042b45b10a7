package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"pyindex/internal/fault"
)

// The cost of a password hash: OWASP's second option for argon2id, 19 MiB and two passes, about 20 ms on a small
// server.
const (
	argonTime    = 2
	argonMemory  = 19 * 1024 // KiB
	argonThreads = 1
	argonKey     = 32
	argonSalt    = 16
)

// PasswordCost is the cost of a password hash, and of each comparison with it. The zero value is the cost of the
// program, 19 MiB and two passes; tests that are not about it take a lower one.
type PasswordCost struct {
	Passes uint32
	Memory uint32 // KiB
}

// Length limits of passwords. NIST SP 800-63B recommends the minimum for a password used alone.
const (
	minPassword = 12
	maxPassword = 1024
)

// Hash returns the argon2id PHC string of a password, with a fresh salt (RFC 9106). It returns fault.Invalid if the
// password is too short, too long or not UTF-8.
func (c PasswordCost) Hash(p Secret) (string, error) {
	text := p.Reveal()
	if n := utf8.RuneCountInString(text); n < minPassword || len(text) > maxPassword || !utf8.ValidString(text) {
		return "", fault.New(fault.Invalid, "a password needs %d to %d characters", minPassword, maxPassword)
	}
	if c == (PasswordCost{}) {
		c = PasswordCost{Passes: argonTime, Memory: argonMemory}
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	key := argon2.IDKey([]byte(text), salt, c.Passes, c.Memory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, argonThreads,
		b64(salt), b64(key)), nil
}

// PasswordFits reports whether p matches a string returned by PasswordCost.Hash. It reports false for strings of any
// other format.
func PasswordFits(phc string, p Secret) bool {
	var version, memory, passes, threads int
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes,
		&threads); err != nil {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || version != argon2.Version || !sane(memory, passes, threads) || len(want) != argonKey {
		return false
	}
	got := argon2.IDKey([]byte(p.Reveal()), salt, uint32(passes), uint32(memory), uint8(threads), argonKey)
	return subtle.ConstantTimeCompare(got, want) == 1
}

// sane limits the cost parameters that a row can specify.
func sane(memory, passes, threads int) bool {
	return memory > 0 && memory <= 1<<20 && passes > 0 && passes <= 16 && threads > 0 && threads <= 16
}
