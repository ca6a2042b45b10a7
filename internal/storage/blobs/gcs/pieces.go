package gcs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"time"

	"pyindex/internal/storage/blobs/remote"
)

// statusResume is the status of a piece that was stored and is not the last.
const statusResume = 308

// errDamagedRequest is the error of a response that fits no request of ours.
var errDamagedRequest = errors.New("the store's response does not fit the upload")

// abortTime bounds the request that ends an upload which failed.
const abortTime = 10 * time.Second

// pieces stores an object by a resumable upload, whose first piece has been read. If that fails, the upload is ended.
func (b *Bucket) pieces(
	ctx context.Context, r resource, query url.Values, head []byte, from io.Reader, size int64,
) error {
	at, err := b.begin(ctx, r, query)
	if err != nil {
		return err
	}
	if err = b.each(ctx, at, head, from, size); err != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
		defer cancel()
		if q, err := http.NewRequestWithContext(last, http.MethodDelete, at, http.NoBody); err == nil {
			if answer, err := send(b.client, q); err == nil {
				answer.Body.Close()
			}
		}
	}
	return err
}

// begin returns the URL to which the pieces are sent.
func (b *Bucket) begin(ctx context.Context, r resource, query url.Values) (string, error) {
	about, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	return remote.Try(ctx, policy{}, func() (string, error) {
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, b.upload("resumable", query), bytes.NewReader(about))
		if err != nil {
			return "", err
		}
		q.Header.Set("Content-Type", "application/json; charset=UTF-8")
		q.Header.Set("X-Upload-Content-Type", r.ContentType)
		answer, err := send(b.client, q)
		if err != nil {
			return "", err
		}
		answer.Body.Close()
		to, err := answer.Location()
		if err != nil {
			return "", errDamagedRequest
		}
		return to.String(), nil
	})
}

// each sends the pieces. The last names the size of the object, and its checksum.
func (b *Bucket) each(ctx context.Context, at string, piece []byte, from io.Reader, size int64) error {
	var offset int64
	sum := crc32.Checksum(piece, castagnoli)
	for {
		next, err := remote.Part(from, size)
		if err != nil {
			return err
		}
		last := len(next) == 0
		for len(piece) > 0 {
			stored, err := b.piece(ctx, at, piece, offset, last, sum)
			if err != nil {
				return err
			}
			if stored <= 0 || stored > int64(len(piece)) {
				return errDamagedRequest
			}
			piece, offset = piece[stored:], offset+stored
		}
		if last {
			return nil
		}
		piece, sum = next, crc32.Update(sum, castagnoli, next)
	}
}

// piece sends one piece and returns how much of it is stored.
func (b *Bucket) piece(ctx context.Context, at string, p []byte, offset int64, last bool, sum uint32) (int64, error) {
	return remote.Try(ctx, policy{}, func() (int64, error) {
		q, err := http.NewRequestWithContext(ctx, http.MethodPut, at, bytes.NewReader(p))
		if err != nil {
			return 0, err
		}
		whole, end := "*", offset+int64(len(p))
		if last {
			whole = fmt.Sprint(end)
			q.Header.Set("X-Goog-Hash", "crc32c="+checksum(sum))
		}
		q.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%s", offset, end-1, whole))
		answer, err := send(b.client, q)
		if err != nil {
			return 0, err
		}
		answer.Body.Close()
		if answer.StatusCode != statusResume {
			if !last {
				return 0, errDamagedRequest
			}
			return int64(len(p)), nil
		}
		var until int64 = -1
		if stored := answer.Header.Get("Range"); stored != "" {
			if _, err := fmt.Sscanf(stored, "bytes=0-%d", &until); err != nil {
				return 0, errDamagedRequest
			}
		}
		return until + 1 - offset, nil
	})
}
