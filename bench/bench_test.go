package main

import (
	"os"
	"testing"
)

// TestMain lets the test's own program be the load and the bare handler, which bench starts as itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "load" || os.Args[1] == "bare") {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestQuick: the whole of it runs, with numbers too small to mean anything.
func TestQuick(t *testing.T) {
	c := runCmd{Quick: true, Dir: t.TempDir()}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestScale(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/index.db"
	if err := (&catalogCmd{Projects: 24, First: 1, DatabaseURL: url}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := scaleCmd{Projects: 24, backend: backend{DatabaseURL: url}}
	if err := c.Run(t.Context()); err == nil {
		t.Error("a database without project 0, whose page has 10,000 files, was measured")
	}
}
