package upstreams

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs more tests at once than there are cores: tests of an upstream that fails mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		if err := flag.Set("test.parallel", "6"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
