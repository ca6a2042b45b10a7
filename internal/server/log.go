package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// statusGone is the status logged if the client disconnected before the response. It is never sent.
const statusGone = 499

// logLine writes the access log line of a request. It contains the route's pattern and the path, but no query, header
// or token.
func (s *Server) logLine(w *response) {
	status, level := w.logged()
	ctx := w.r.Context()
	now := s.o.Now()
	for _, r := range s.quiet.rest(now) {
		s.o.Log.LogAttrs(ctx, slog.LevelWarn, "request lines were omitted from the log", slog.String("cause", r.cause),
			slog.Int64("left_out", r.leftOut))
	}
	if !s.o.Log.Enabled(ctx, level) {
		return
	}
	cause := scrub(fault.Cause(w.err))
	var leftOut int64
	if level == slog.LevelWarn {
		var ok bool
		if leftOut, ok = s.quiet.pass(cmp.Or(cause, scrub(w.err.Error())), now); !ok {
			return
		}
	}
	pattern, sent := "", w.bytes
	if w.row != nil {
		pattern = w.row.pattern
	}
	if w.r.Method == http.MethodHead {
		sent = 0
	}
	attrs := append(w.attrs[:0],
		slog.String("method", method(w.r.Method)), slog.String("route", pattern),
		slog.String("path", scrub(w.r.URL.Path)),
		slog.Int("status", status), slog.Int64("bytes", sent), slog.Duration("duration", now.Sub(w.start)),
		slog.String("remote", w.address), slog.String("request", w.id))
	if w.caller.Known() {
		attrs = append(attrs, slog.String("caller", string(w.caller.Kind())), slog.String("caller_id", w.caller.ID()),
			slog.String("token", w.caller.TokenID()))
	}
	if id := w.caller.SessionID(); id != "" {
		attrs = append(attrs, slog.String("session", id))
	}
	if w.err != nil {
		attrs = append(attrs, slog.String("error", scrub(w.err.Error())))
	}
	if cause != "" {
		attrs = append(attrs, slog.String("cause", cause))
	}
	if leftOut > 0 {
		attrs = append(attrs, slog.Int64("left_out", leftOut))
	}
	if w.stack != nil {
		attrs = append(attrs, slog.String("stack", string(w.stack)))
	}
	if s.lines != nil {
		s.lines.WriteLine(ctx, now, level, "request", attrs) // errors of a log are ignored, as slog does
	} else {
		s.o.Log.LogAttrs(ctx, level, "request", attrs...)
	}
	clear(attrs)
}

// lineWriter is implemented by handlers of logs that write a line without a slog.Record, such as *journal.Handler.
type lineWriter interface {
	WriteLine(ctx context.Context, t time.Time, level slog.Level, msg string, attrs []slog.Attr) error
}

// logged returns the status and the level of the log line: an error if the fault is ours, a warning if a dependency is
// unavailable, and otherwise info.
func (w *response) logged() (int, slog.Level) {
	status := w.status
	if status == 0 {
		status = http.StatusOK
	}
	if errors.Is(w.err, context.Canceled) && w.r.Context().Err() != nil {
		return statusGone, slog.LevelInfo
	}
	if status >= 500 && status != http.StatusServiceUnavailable || w.stack != nil {
		return status, slog.LevelError
	}
	if status == http.StatusServiceUnavailable && fault.Is(w.err, fault.Unavailable) && !w.server.draining.Load() {
		return status, slog.LevelWarn
	}
	return status, slog.LevelInfo
}

func method(m string) string { return m[:min(len(m), 16)] }

var tokens = regexp.MustCompile(regexp.QuoteMeta(access.TokenPrefix) + `[0-9A-Za-z]+`)

// scrub removes tokens from a text into which someone may have pasted one.
func scrub(s string) string {
	if !strings.Contains(s, access.TokenPrefix) {
		return s
	}
	return tokens.ReplaceAllString(s, "[secret]")
}
