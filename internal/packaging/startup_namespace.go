package packaging

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// namespaceTuple matches the names of a namespace package in the line that setuptools wrote for it.
var namespaceTuple = regexp.MustCompile(`\*\('[A-Za-z_][A-Za-z0-9_]*',(?: '[A-Za-z_][A-Za-z0-9_]*')*(?:, '[A-Za-z_][A-Za-z0-9_]*')*\)`)

var quotedName = regexp.MustCompile(`'([A-Za-z_][A-Za-z0-9_]*)'`)

// namespaceLines are the digests of the lines that releases of setuptools wrote into *-nspkg.pth files of wheels with
// namespace packages, with placeholders for the names, for one name and for several.
var namespaceLines = map[string]bool{
	"1ab0d4e5e8145d1db43a8028e8906ea47bd12373b85ec6f50ab83b2ddb703e6b": true,
	"8e7fd95b1c298448dcd0b414272feff0b6781f9b5a5e4529d1654313381385c8": true,
	"c364e378f42b2e913802d6a12698dde98eede1b753af84885a4d95bc5cceee8d": true,
	"57a4ae7f2aaa1b7acdb83c0c224a3fb6acb5a4a0e2b2a9aa9403d878c3a5ba00": true,
	"21f47d27d03123fcd89d56d933c7365e4867be275bcf7b7ab9f0e8b56d654824": true,
	"453eb3a0f98d4c46346c24c4d5ab8eb450f1085a0f9302c69a7fc4910b635254": true,
}

// declaresNamespace reports whether a line of a *.pth file is one that setuptools wrote to declare a namespace package,
// which runs no code of the wheel. A namespace with the name of a standard library module does not qualify, because it
// would take that module's place.
func declaresNamespace(line string) bool {
	if len(line) > 2000 || !strings.HasPrefix(line, "import sys, types, os;") {
		return false
	}
	tuple := namespaceTuple.FindString(line)
	var names []string
	for _, m := range quotedName.FindAllStringSubmatch(tuple, -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		return false
	}
	if first, err := ParseProjectName(names[0]); err != nil || IsStdlibModule(first) {
		return false
	}
	quote := func(s string) string { return "'" + s + "'" }
	plain := strings.Replace(line, tuple, "\x00T", 1)
	plain = strings.ReplaceAll(plain, quote(strings.Join(names, ".")), "\x00P")
	if last := len(names) - 1; last > 0 {
		plain = strings.ReplaceAll(plain, quote(strings.Join(names[:last], ".")), "\x00Q")
		plain = strings.ReplaceAll(plain, quote(names[last]), "\x00C")
	}
	sum := sha256.Sum256([]byte(plain))
	return namespaceLines[hex.EncodeToString(sum[:])]
}
