package archive

import (
	"bytes"
	"strconv"
	"strings"
)

const blockSize = 512

// tarBlock is one header block: POSIX ustar, GNU or older.
type tarBlock []byte

// These are the member types of POSIX.1 ustar and GNU.
const (
	typeOldFile   = 0
	typeFile      = '0'
	typeHardLink  = '1'
	typeSymlink   = '2'
	typeFolder    = '5'
	typeReserved  = '7'
	typePax       = 'x'
	typeGlobalPax = 'g'
	typeLongName  = 'L'
	typeLongLink  = 'K'
	typeGNUSparse = 'S'
)

func (b tarBlock) isZero() bool { return len(bytes.Trim(b, "\x00")) == 0 }

func (b tarBlock) text(from, to int) string {
	s, _, _ := bytes.Cut(b[from:to], []byte{0})
	return string(s)
}

func (b tarBlock) name() string { return b.text(0, 100) }
func (b tarBlock) link() string { return b.text(157, 257) }
func (b tarBlock) kind() byte   { return b[156] }

// fullName joins prefix and name. Only a POSIX header has a prefix. Python uses these bytes in any header, other
// readers do not, so they must be empty in other headers.
func (b tarBlock) fullName() (string, error) {
	prefix := b.text(345, 500)
	if prefix == "" {
		return b.name(), nil
	}
	star := string(b[508:512]) == "tar\x00" && len(prefix) > 130
	if string(b[257:263]) != "ustar\x00" || star {
		return "", refuse("a tar header contains data where other tar formats have part of the name")
	}
	return prefix + "/" + b.name(), nil
}

// sumFits reports whether the checksum is correct, computed over unsigned bytes or, as by some old writers, signed
// bytes.
func (b tarBlock) sumFits() bool {
	want, err := number(b[148:156])
	if err != nil || b.isZero() {
		return false
	}
	var unsigned, signed int64
	for i, c := range b {
		if 148 <= i && i < 156 {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c))
	}
	return want == unsigned || want == signed
}

func (b tarBlock) size() (int64, error) {
	n, err := number(b[124:136])
	if err == nil && n < 0 {
		err = refuse("a tar header has a negative size")
	}
	return n, err
}

func (b tarBlock) mode() (int64, error) { return number(b[100:108]) }

// checkNumbers rejects unreadable numbers, which Python treats as the end of the archive.
func (b tarBlock) checkNumbers() error {
	for _, f := range [][]byte{b[100:108], b[108:116], b[116:124], b[136:148]} {
		if _, err := number(f); err != nil {
			return err
		}
	}
	if string(b[257:262]) != "ustar" {
		return nil
	}
	for _, f := range [][]byte{b[329:337], b[337:345]} {
		if _, err := number(f); err != nil {
			return err
		}
	}
	return nil
}

// number parses a field as octal text, or as a base-256 number after a marker byte, as written by GNU tar.
func number(f []byte) (int64, error) {
	if f[0] == 0x80 || f[0] == 0xff {
		return base256(f)
	}
	text, rest, _ := bytes.Cut(f, []byte{0})
	digits := strings.Trim(string(text), " ")
	if len(bytes.Trim(rest, " \x00")) > 0 || strings.Trim(digits, "01234567") != "" {
		return 0, refuse("a tar header contains an unreadable number")
	}
	if digits == "" {
		return 0, nil
	}
	return strconv.ParseInt(digits, 8, 64)
}

// base256 parses a two's complement number whose first byte is only the sign.
func base256(f []byte) (int64, error) {
	sign := int64(0)
	if f[0] == 0xff {
		sign = -1
	}
	n := sign
	for _, c := range f[1:] {
		if n>>55 != sign {
			return 0, refuse("a tar header contains a number that is too large")
		}
		n = n<<8 | int64(c)
	}
	return n, nil
}
