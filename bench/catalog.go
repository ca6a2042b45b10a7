package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"pyindex/internal/storage/db/synthetic"
)

func fillCatalog(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("catalog", flag.ContinueOnError)
	url := f.String("database-url", "",
		"sqlite:PATH or postgres://… of a disposable database, which is created if it is missing")
	var o synthetic.Options
	f.IntVar(&o.Projects, "projects", 100_000, "total number of projects")
	f.IntVar(&o.Files, "files", 0, "files of the added projects (default: 8.3 per project)")
	f.IntVar(&o.Description, "description", 1500, "average bytes of a description")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the generated catalog")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *url == "" {
		return errors.New("-database-url is required")
	}
	if o.Files == 0 {
		o.Files = filesOf(o.Projects)
	}
	start := time.Now()
	if err := grow(ctx, *url, o); err != nil {
		return err
	}
	z, err := synthetic.Measure(ctx, *url)
	if err == nil {
		fmt.Printf("%d projects, %d files, %.1f GB (%d bytes a file), %.0f s\n", z.Projects, z.Files, float64(z.Bytes)/1e9,
			z.Bytes/max(z.Files, 1), time.Since(start).Seconds())
	}
	return err
}

// filesOf returns the number of files of so many projects: 5,000,000 for 600,000.
func filesOf(projects int) int { return projects * 25 / 3 }

// grow adds projects and prints its progress every few seconds.
func grow(ctx context.Context, url string, o synthetic.Options) error {
	start, told := time.Now(), time.Now()
	o.Say = func(done, of int) {
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			fmt.Fprintf(os.Stderr, "%d of %d projects after %.0f s\n", done, of, time.Since(start).Seconds())
		}
	}
	return synthetic.Fill(ctx, url, o)
}
