// Command serve runs an upstream for measurements and hand runs, until it is interrupted. It prints its simple root.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream/upstreamtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var o upstreamtest.Options
	var folder, faults string
	var big []string
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "address of the pages")
	f.StringVar(&o.ListenFiles, "listen-files", "127.0.0.1:0", "address of the files")
	f.BoolVar(&o.OneHost, "one-host", false, "serve files at the address of the pages")
	f.BoolVar(&o.HTMLOnly, "html", false, "serve HTML alone")
	f.BoolVar(&o.Bare, "bare", false, "state only URLs and digests")
	f.BoolVar(&o.Folder, "plain-folder", false, "serve files below /files/PROJECT/")
	f.DurationVar(&o.Latency, "latency", 0, "wait before each response")
	f.Int64Var(&o.Bandwidth, "bandwidth", 0, "bytes a second of all responses together; 0 for no limit")
	f.IntVar(&o.Catalog.Projects, "projects", 0, "number of generated projects")
	f.IntVar(&o.Catalog.Files, "files", 0, "files of each; 0 for a median of 325 and a mean of 1,300")
	f.IntVar(&o.Catalog.Largest, "largest", 0, "files of the first generated project")
	f.Int64Var(&o.Catalog.Size, "size", 0, "bytes of each generated file")
	f.StringVar(&folder, "folder", "", "serve the distributions in this folder")
	f.StringVar(&faults, "fail", "", "faults from the start, one a line; see ParseFault")
	f.Func("big", "PROJECT=BYTES: a project with one generated file of this size; can be repeated",
		func(s string) error { big = append(big, s); return nil })
	if err := f.Parse(args); err != nil {
		return err
	}
	s, err := upstreamtest.Start(o)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := fill(s, folder, big); err != nil {
		return err
	}
	for line := range strings.Lines(faults) {
		fault, err := upstreamtest.ParseFault(line)
		if err != nil {
			return err
		}
		s.Fail(fault)
	}
	fmt.Println(s.URL())
	<-ctx.Done()
	return nil
}

func fill(s *upstreamtest.Server, folder string, big []string) error {
	for _, b := range big {
		name, digits, _ := strings.Cut(b, "=")
		size, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return err
		}
		s.AddGenerated(name, "1.0", size)
	}
	if folder == "" {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return err
	}
	for _, path := range found {
		project, err := packaging.ProjectOf(filepath.Base(path))
		if err == nil {
			err = s.AddPath(project.String(), path)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
