package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"pyindex/internal/storage/db"
)

// catalogCmd fills a database with rows that no bytes are behind.
type catalogCmd struct {
	Projects    int    `default:"600000" help:"How many projects; each has eight files on average."`
	First       int    `default:"0" help:"Number of the first project, to go on with a database."`
	DatabaseURL string `required:"" env:"INDEX_DATABASE_URL" help:"sqlite:PATH or postgres://…, of a database for this alone."`
}

// Run fills, and says how far it is.
func (c *catalogCmd) Run(ctx context.Context) error {
	d, err := db.Open(ctx, c.DatabaseURL, db.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	begin, said := time.Now(), time.Now()
	files, err := d.Synthesize(ctx, c.First, c.Projects, func(projects, files int) {
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			fmt.Fprintf(os.Stderr, "%d projects, %d files, %.0f s\n", projects, files, time.Since(begin).Seconds())
		}
	})
	if err == nil {
		fmt.Printf("%d projects, %d files in %.0f s\n", c.Projects-c.First, files, time.Since(begin).Seconds())
	}
	return err
}
