package legacyupload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"unicode"

	"pyindex/internal/route"
)

// accept answers an upload that is stored. Clients take exactly 200 for success; the body is warnings, one a line.
func accept(w http.ResponseWriter, warnings []string) error {
	h := w.Header()
	h.Set("Content-Type", typePlain)
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	for _, text := range warnings {
		// The file is stored; a client that left does not change that.
		_, _ = fmt.Fprintln(w, oneLine(text))
	}
	return nil
}

// fail answers with an error: the message in the reason phrase where there is one, because twine shows nothing else
// unless it is asked to, and in the body always.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	status, message := statusOf(err), messageOf(err, w.Header())
	h := w.Header()
	kind := chooseType(r.Header.Get("Accept"))
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	route.RetryLater(h, status, retryAfter)
	if status == http.StatusMethodNotAllowed {
		h.Set("Allow", http.MethodPost)
	}
	write(w, status, message, render(kind, status, message))
}

// write sends the answer with a phrase of our own where the response can.
func write(w http.ResponseWriter, status int, message string, body []byte) {
	if rw, ok := w.(route.ReasonWriter); ok && rw.WriteReason(status, message, body) == nil {
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// render writes a refusal in one of the three types. The code of the JSON is what uv prints.
func render(kind string, status int, message string) []byte {
	switch kind {
	case typeJSON:
		b, _ := json.Marshal(map[string]string{ // strings always marshal
			"message": message, "code": fmt.Sprintf("%d %s", status, message), "title": http.StatusText(status),
		})
		return append(b, '\n')
	case typeHTML:
		var b bytes.Buffer
		// a buffer takes all
		_ = page.Execute(&b, map[string]any{"Status": status, "Title": http.StatusText(status), "Message": message})
		return b.Bytes()
	}
	return []byte(message + "\n")
}

var page = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Status}} {{.Title}}</title></head>
<body><h1>{{.Status}} {{.Title}}</h1><p>{{.Message}}</p></body></html>
`))

// oneLine makes control characters blanks.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return ' '
		}
		return c
	}, s))
}
