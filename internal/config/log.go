package config

import (
	"context"
	"io"
	"log/slog"

	"pyindex/internal/fault"
	"pyindex/internal/journal"
)

// causes adds the attribute "cause" to log lines with an error. The message of a fault is written for clients; the
// cause names the disk, connection or store.
type causes struct{ slog.Handler }

// Handle writes the line with its cause.
func (h causes) Handle(ctx context.Context, r slog.Record) error {
	cause := ""
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			cause = fault.Cause(err)
		}
		return cause == "" && a.Key != "cause"
	})
	if cause != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("cause", cause))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs returns a handler that adds causes too.
func (h causes) WithAttrs(a []slog.Attr) slog.Handler { return causes{h.Handler.WithAttrs(a)} }

// WithGroup returns a handler that adds causes too.
func (h causes) WithGroup(name string) slog.Handler { return causes{h.Handler.WithGroup(name)} }

// Logger returns a logger to w with the configured level and format.
func (c logConfig) Logger(w io.Writer) *slog.Logger { return slog.New(c.handler(w)) }

// Journal is Logger for a server, which writes many lines: they are written in batches. The caller calls Flush before
// the process ends.
func (c logConfig) Journal(w io.Writer) *journal.Handler {
	return journal.New(w, c.Format == "json", c.handler)
}

func (c logConfig) handler(w io.Writer) slog.Handler {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // the enum allows only valid levels
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return causes{slog.NewJSONHandler(w, o)}
	}
	return causes{slog.NewTextHandler(w, o)}
}

type logConfig struct {
	Level  string `enum:"debug,info,warn,error" default:"info" help:"Minimum level that is logged: debug, info, warn or error. Requests are logged at info."`
	Format string `enum:"text,json" default:"text" help:"Format of the log: text or json."`
}
