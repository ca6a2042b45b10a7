package archive_test

import (
	"slices"
	"strings"
	"testing"

	"pyindex/internal/packaging/packagingtest"
)

func TestStartupFiles(t *testing.T) {
	big := "./x\n" + strings.Repeat("# filler\n", 1<<17) // more than a start-up file may have
	many := make([][2]string, 0, 120)
	for i := range 120 {
		many = append(many, [2]string{"p" + strings.Repeat("q", i) + ".pth", "./lib\n"})
	}
	for name, c := range map[string]struct {
		members [][2]string
		want    []string
	}{
		"none":  {nil, nil},
		"paths": {[][2]string{{"a.pth", "./a\n"}}, nil},
		"code":  {[][2]string{{"b.start", ""}, {"a.pth", "import a\n"}, {"c.pth", "c"}}, []string{"a.pth", "b.start"}},
		"data": {
			[][2]string{{"foo_bar-1.0.data/purelib/a.pth", "import a"}}, []string{"foo_bar-1.0.data/purelib/a.pth"},
		},
		"too large":  {[][2]string{{"a.pth", big}}, []string{"a.pth"}},
		"many":       {many, []string{many[100][0], many[101][0]}},
		"customized": {[][2]string{{"sitecustomize.py", ""}}, []string{"sitecustomize.py"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := packagingtest.WheelWith("foo-bar", "1.0", "x = 1\n", c.members)
			got, err := inspect(t, f.Name, f.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if name == "many" { // the first hundred are read and only add paths
				if len(got.Startup) != 20 || !slices.IsSorted(got.Startup) {
					t.Errorf("Startup = %v, want the 20 that were not read", got.Startup)
				}
				return
			}
			if !slices.Equal(got.Startup, c.want) {
				t.Errorf("Startup = %v, want %v", got.Startup, c.want)
			}
		})
	}
}
