package app

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestUnwrittenPartsOfAFile(t *testing.T) {
	const smaps = `00400000-02200000 r-xp 00000000 08:01 12                  /opt/my programs/index
Rss:               20480 kB
Anonymous:             0 kB
02200000-04600000 r--p 01e00000 08:01 12                  /opt/my programs/index
Anonymous:             4 kB
04600000-04700000 rw-p 04200000 08:01 12                  /opt/my programs/index
Anonymous:             0 kB
04700000-04800000 r--s 00000000 08:01 12                  /opt/my programs/index
Anonymous:             0 kB
05000000-05001000 r--p 00000000 08:01 13                  /opt/my programs/index.old
Anonymous:             0 kB
c000000000-c000400000 rw-p 00000000 00:00 0
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
`
	got, err := unwritten(strings.NewReader(smaps), "/opt/my programs/index")
	if want := []part{{0x400000, 0x2200000}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("parts = %x, %v; want %x", got, err, want)
	}
}

func TestProgramGoesOnWithoutItsPages(t *testing.T) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	before := resident(t, program)
	if err := unmapProgram(); err != nil {
		t.Fatal(err)
	}
	if after := resident(t, program); after >= before {
		t.Errorf("%d kB of the program are resident, %d before", after, before)
	}
}

// resident returns how much of a file is mapped and in memory, in kB.
func resident(t *testing.T, file string) (kb int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	ours := false
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"):
			ours = strings.HasSuffix(strings.TrimSpace(line), file)
		case ours && fields[0] == "Rss:":
			n, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			kb += n
		}
	}
	return kb
}
