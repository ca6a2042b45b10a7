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

// accept responds to a stored upload. Clients only accept status 200 as success. The body contains the warnings, one on
// each line.
func accept(w http.ResponseWriter, warnings []string) error {
	h := w.Header()
	h.Set("Content-Type", typePlain)
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	for _, text := range warnings {
		// The file is stored even if the client has disconnected.
		_, _ = fmt.Fprintln(w, oneLine(text))
	}
	return nil
}

// fail responds with an error. The message is in the reason phrase if possible, because by default twine shows nothing
// else, and always in the body.
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

// write sends the response, with the message as reason phrase if the connection supports it.
func write(w http.ResponseWriter, status int, message string, body []byte) {
	if rw, ok := w.(route.ReasonWriter); ok && rw.WriteReason(status, message, body) == nil {
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// render formats a refusal in one of the three types. uv prints the code of the JSON form.
func render(kind string, status int, message string) []byte {
	switch kind {
	case typeJSON:
		b, _ := json.Marshal(map[string]string{ // strings always marshal
			"message": message, "code": fmt.Sprintf("%d %s", status, message), "title": http.StatusText(status),
		})
		return append(b, '\n')
	case typeHTML:
		var b bytes.Buffer
		// writes to a buffer do not fail
		_ = page.Execute(&b, map[string]any{"Status": status, "Title": http.StatusText(status), "Message": message})
		return b.Bytes()
	}
	return []byte(message + "\n")
}

var page = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Status}} {{.Title}}</title></head>
<body><h1>{{.Status}} {{.Title}}</h1><p>{{.Message}}</p></body></html>
`))

func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return ' '
		}
		return c
	}, s))
}
