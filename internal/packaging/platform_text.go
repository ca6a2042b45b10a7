package packaging

import (
	"regexp"
	"slices"
	"strings"
)

// Words describes the supported platforms of a distribution, for example "CPython 3.12 and later, Linux on x86-64 with
// glibc 2.28 or later". Unknown tags appear as written. For a source distribution it returns "source".
func (f Filename) Words() string {
	if f.kind == SDist {
		return "source"
	}
	return inWords(f.pythons, f.abis) + ", " + systems(f.platforms)
}

var pythonTag = regexp.MustCompile(`\A(py|cp|pp|ip|jy)(\d)(\d*)\z`)

var implementations = map[string]string{
	"py": "Python",
	"cp": "CPython",
	"pp": "PyPy",
	"ip": "IronPython",
	"jy": "Jython",
}

func inWords(pythons, abis []string) string {
	set := tagSet(pythons)
	if slices.Equal(set, []string{"py2", "py3"}) {
		return "any Python"
	}
	stable := slices.Contains(tagSet(abis), "abi3")
	var out []string
	for _, p := range set {
		m := pythonTag.FindStringSubmatch(p)
		switch {
		case m == nil:
			out = append(out, p)
		case m[3] == "" && m[1] == "py":
			out = append(out, "any Python "+m[2])
		case m[3] == "":
			out = append(out, implementations[m[1]]+" "+m[2])
		default:
			text := implementations[m[1]] + " " + m[2] + "." + m[3]
			if stable || m[1] == "py" {
				text += " and later"
			}
			out = append(out, text)
		}
	}
	words := list(out)
	if slices.ContainsFunc(abis, func(a string) bool {
		return strings.HasPrefix(strings.ToLower(a), "cp") && strings.HasSuffix(strings.ToLower(a), "t")
	}) {
		words += ", free-threaded"
	}
	return words
}

func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

var (
	glibcTag = regexp.MustCompile(`\Amanylinux_(\d+)_(\d+)_(\w+)\z`)
	oldGlibc = regexp.MustCompile(`\Amanylinux(1|2010|2014)_(\w+)\z`)
	muslTag  = regexp.MustCompile(`\Amusllinux_(\d+)_(\d+)_(\w+)\z`)
	macTag   = regexp.MustCompile(`\Amacosx_(\d+)_(\d+)_(\w+)\z`)
	linuxTag = regexp.MustCompile(`\Alinux_(\w+)\z`)
	windows  = map[string]string{
		"win32": "Windows, 32 bit", "win_amd64": "Windows on x86-64", "win_arm64": "Windows on ARM64",
		"win_ia64": "Windows on Itanium",
	}
	machines = map[string]string{
		"x86_64":     "x86-64",
		"aarch64":    "ARM64",
		"arm64":      "Apple silicon",
		"i686":       "32-bit x86",
		"i386":       "32-bit Intel",
		"armv7l":     "32-bit ARM",
		"armv6l":     "32-bit ARM (v6)",
		"ppc64le":    "POWER",
		"s390x":      "IBM Z",
		"riscv64":    "RISC-V",
		"universal2": "Apple silicon and Intel",
		"intel":      "Intel",
	}
	oldGlibcs = map[string]string{"1": "2.5", "2010": "2.12", "2014": "2.17"}
)

// systems describes the operating systems. If several tags name the same kind of system, such as two for one glibc, it
// uses the last one.
func systems(platforms []string) string {
	var out []string
	seen := map[string]int{}
	for _, p := range tagSet(platforms) {
		text, kind := system(p)
		if at, ok := seen[kind]; ok {
			out[at] = text
			continue
		}
		seen[kind] = len(out)
		out = append(out, text)
	}
	return list(out)
}

func system(p string) (text, kind string) {
	if p == "any" {
		return "any system", p
	}
	if w, ok := windows[p]; ok {
		return w, p
	}
	if m := glibcTag.FindStringSubmatch(p); m != nil {
		return "Linux on " + machine(m[3]) + " with glibc " + m[1] + "." + m[2] + " or later", "glibc" + m[3]
	}
	if m := oldGlibc.FindStringSubmatch(p); m != nil {
		return "Linux on " + machine(m[2]) + " with glibc " + oldGlibcs[m[1]] + " or later", "glibc" + m[2]
	}
	if m := muslTag.FindStringSubmatch(p); m != nil {
		return "Linux on " + machine(m[3]) + " with musl " + m[1] + "." + m[2] + " or later", "musl" + m[3]
	}
	if m := macTag.FindStringSubmatch(p); m != nil {
		cpu := machine(m[3])
		if m[3] == "x86_64" {
			cpu = "Intel"
		}
		return "macOS " + m[1] + "." + m[2] + " or later on " + cpu, "mac" + m[3]
	}
	if m := linuxTag.FindStringSubmatch(p); m != nil {
		return "Linux on " + machine(m[1]) + ", as built", p
	}
	return p, p
}

func machine(m string) string {
	if w, ok := machines[m]; ok {
		return w
	}
	return m
}
