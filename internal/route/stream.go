package route

import (
	"io"
	"net/http"
)

// Stream writes the body of a response while it arrives, after the caller has set the headers. If from fails, it aborts
// the connection, so that no client takes a part for the whole. It returns early if the client is gone.
func Stream(w http.ResponseWriter, from io.Reader) {
	control := http.NewResponseController(w)
	buffer := make([]byte, 64<<10)
	for first := true; ; first = false {
		n, err := from.Read(buffer)
		if n > 0 {
			if _, werr := w.Write(buffer[:n]); werr != nil {
				return
			}
			if first {
				_ = control.Flush() // the first byte should not wait for a full buffer
			}
		}
		if err == io.EOF { // not one that is wrapped: that is a failure of another connection
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}
