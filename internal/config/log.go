package config

import (
	"context"
	"io"
	"log/slog"

	"pyindex/internal/fault"
)

// causes adds to each line with an error what its message leaves out, as the attribute "cause": the message of a fault
// is written for clients, and a log has to say which disk, connection or store it was.
type causes struct{ slog.Handler }

// Handle writes the line.
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

// WithAttrs keeps the causes.
func (h causes) WithAttrs(a []slog.Attr) slog.Handler { return causes{h.Handler.WithAttrs(a)} }

// WithGroup keeps the causes.
func (h causes) WithGroup(name string) slog.Handler { return causes{h.Handler.WithGroup(name)} }

// Logger writes what the configuration wants to see.
func (c logConfig) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // the enum holds nothing else
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(causes{slog.NewJSONHandler(w, o)})
	}
	return slog.New(causes{slog.NewTextHandler(w, o)})
}

type logConfig struct {
	Level  string `enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: debug, info, warn or error. Requests are info."`
	Format string `enum:"text,json" default:"text" help:"Form of the log lines: text or json."`
}
