package journal

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"
)

// Handler is a slog.Handler whose lines are written in batches. WriteLine writes a line without a slog.Record.
type Handler struct {
	slog.Handler // formats records, and the lines that WriteLine leaves to it
	w            *Writer
	json         bool
	second       atomic.Pointer[second]
}

// second is the text of the second in which the last line was written.
type second struct {
	unix int64
	in   *time.Location
	text string // up to the seconds
	zone string
}

// New returns a Handler that writes to an io.Writer. format returns the handler of log/slog for records, in JSON or as
// text according to json, with neither AddSource nor ReplaceAttr.
func New(to io.Writer, json bool, format func(io.Writer) slog.Handler) *Handler {
	w := NewWriter(to)
	return &Handler{Handler: format(w), w: w, json: json}
}

// Flush returns when all lines are written.
func (h *Handler) Flush() { h.w.Flush() }

// Handle writes a record. A warning or an error is written when Handle returns.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	return handle(ctx, h.Handler, h.w, r)
}

func handle(ctx context.Context, h slog.Handler, w *Writer, r slog.Record) error {
	err := h.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		w.Flush()
	}
	return err
}

// WithAttrs returns a handler that writes to the same batches.
func (h *Handler) WithAttrs(a []slog.Attr) slog.Handler { return derived{h.Handler.WithAttrs(a), h.w} }

// WithGroup returns a handler that writes to the same batches.
func (h *Handler) WithGroup(name string) slog.Handler { return derived{h.Handler.WithGroup(name), h.w} }

// derived is a handler with attributes or groups of its own.
type derived struct {
	slog.Handler
	w *Writer
}

func (d derived) Handle(ctx context.Context, r slog.Record) error {
	return handle(ctx, d.Handler, d.w, r)
}

func (d derived) WithAttrs(a []slog.Attr) slog.Handler { return derived{d.Handler.WithAttrs(a), d.w} }

func (d derived) WithGroup(name string) slog.Handler { return derived{d.Handler.WithGroup(name), d.w} }

// WriteLine writes the same line as Handle would for a record with these values. It does not keep attrs.
func (h *Handler) WriteLine(ctx context.Context, t time.Time, level slog.Level, msg string, attrs []slog.Attr) error {
	var room [768]byte
	line, ok := h.append(room[:0], t, level, msg, attrs)
	if !ok {
		r := slog.NewRecord(t, level, msg, 0)
		r.AddAttrs(attrs...)
		return h.Handle(ctx, r)
	}
	h.w.add(line, level >= slog.LevelWarn)
	return nil
}

// append appends the line of a record, and reports false for values whose form is best left to log/slog.
func (h *Handler) append(b []byte, t time.Time, level slog.Level, msg string, attrs []slog.Attr) ([]byte, bool) {
	if year := t.Year(); year < 1 || year > 9999 {
		return b, false
	}
	f, ok := text, true
	if h.json {
		f = json
	}
	b = append(b, f.time...)
	b = h.appendTime(b, t)
	b = append(append(b, f.level...), level.String()...)
	if b, ok = f.string(append(b, f.msg...), msg); !ok {
		return b, false
	}
	for i := range attrs {
		if b, ok = f.attr(b, &attrs[i]); !ok {
			return b, false
		}
	}
	return append(b, f.end...), true
}

// appendTime appends a time with milliseconds as text, and with nanoseconds in JSON.
func (h *Handler) appendTime(b []byte, t time.Time) []byte {
	s := h.second.Load()
	if s == nil || s.unix != t.Unix() || s.in != t.Location() {
		s = &second{t.Unix(), t.Location(), t.Format("2006-01-02T15:04:05"), t.Format("Z07:00")}
		h.second.Store(s)
	}
	b = append(b, s.text...)
	nanos, width := t.Nanosecond(), 9
	if !h.json {
		nanos, width = nanos/1e6, 3
	}
	if nanos != 0 || !h.json {
		b = append(b, '.')
		start := len(b)
		b = append(b, "000000000"[:width]...)
		for i := len(b) - 1; i >= start; i-- {
			b[i], nanos = byte('0'+nanos%10), nanos/10
		}
		for h.json && b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return append(b, s.zone...)
}

// form is how log/slog writes a line.
type form struct {
	json                  bool
	time, level, msg, end string // what comes before the time, the level, the message and the next line
}

var (
	text = &form{time: "time=", level: " level=", msg: " msg=", end: "\n"}
	json = &form{json: true, time: `{"time":"`, level: `","level":"`, msg: `","msg":`, end: "}\n"}
)

// attr appends an attribute, and reports false if it is unusual.
func (f *form) attr(b []byte, a *slog.Attr) ([]byte, bool) {
	if a.Key == "" || plainness(a.Key) != bare {
		return b, false
	}
	if f.json {
		b = append(append(append(b, `,"`...), a.Key...), `":`...)
	} else {
		b = append(append(append(b, ' '), a.Key...), '=')
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return f.string(b, a.Value.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, a.Value.Int64(), 10), true
	case slog.KindDuration:
		if f.json {
			return strconv.AppendInt(b, int64(a.Value.Duration()), 10), true
		}
		return append(b, a.Value.Duration().String()...), true
	}
	return b, false
}

// string appends a string, and reports false if characters of it have to be escaped.
func (f *form) string(b []byte, s string) ([]byte, bool) {
	switch p := plainness(s); {
	case p == unusual:
		return b, false
	case p == bare && !f.json:
		return append(b, s...), true
	}
	return append(append(append(b, '"'), s...), '"'), true
}

// The plainness of a string: whether log/slog writes it bare as text, in quotes, or with escapes.
const (
	bare = iota
	quoted
	unusual
)

func plainness(s string) int {
	if s == "" {
		return quoted
	}
	p := bare
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' || c == '=':
			p = quoted
		case c < ' ' || c > '~' || c == '"' || c == '\\':
			return unusual
		}
	}
	return p
}
