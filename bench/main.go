// Command bench measures an index beside what bounds it: a bare net/http handler that writes the same bytes, nginx that
// serves them as files, and other indexes that are installed. It builds and starts everything itself, on 127.0.0.1, and
// prints one table in Markdown. See docs/performance.md.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var c struct {
		Run     runCmd     `cmd:"" default:"withargs" help:"Measure against the budgets, and print a table."`
		Catalog catalogCmd `cmd:"" help:"Fill a database with a synthetic catalog."`
		Scale   scaleCmd   `cmd:"" help:"Measure how a large catalog bears on a server."`
		Bare    bareCmd    `cmd:"" hidden:"" help:"Serve files from memory with net/http and nothing else."`
		Load    loadCmd    `cmd:"" hidden:"" help:"Ask for one address again and again."`
	}
	parsed := kong.Parse(&c, kong.Name("bench"), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := parsed.Run(); err != nil {
		os.Stderr.WriteString("bench: " + err.Error() + "\n")
		stop()
		os.Exit(1)
	}
}
