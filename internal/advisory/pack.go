package advisory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/klauspost/compress/flate"
)

// packedAs is the first byte of a packed record: JSON compressed by deflate with the dictionary words.
const packedAs = 1

// words are what most records contain, the most common last. They never change, because stored records need them.
var words = []byte(`"schema_version":"1.0.0","published":"2026-","modified":"2026-","withdrawn":"2026-","aliases":["CVE-202` +
	`"aliases":["GHSA-","PYSEC-202"],"summary":" in allows vulnerability malicious code package was found to contain ` +
	`an attacker could exploit this to execute arbitrary code remote denial of service cross-site scripting` +
	`\n\n---\n_-= Per source details. Do not edit below this line.=-_\n\n## Source: ` +
	`Any computer that has this package installed or running should be considered fully compromised. ` +
	`"severity":[{"type":"CVSS_V4","score":"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"},` +
	`{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"references":[{"type":"ADVISORY","url":` +
	`"https://nvd.nist.gov/vuln/detail/CVE-202"},{"type":"FIX","url":"https://github.com/` +
	`{"type":"PACKAGE","url":"https://"},{"type":"REPORT","url":"https://"},{"type":"WEB","url":"https://github.com/` +
	`/security/advisories/GHSA-"}],"affected":[{"package":{"ecosystem":"PyPI","name":"` +
	`"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.0.0"},{"last_affected":"` +
	`"}]}],"versions":["0.0.1","0.1.0","0.1.1","0.2.0","1.0.0","1.0.1","1.1.0","2.0.0"]}]}`)

var (
	packers = sync.Pool{New: func() any {
		w, err := flate.NewWriterDict(io.Discard, flate.BestSpeed, words)
		if err != nil {
			panic(err) // the level is valid
		}
		return w
	}}
	unpackers = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)

// text returns the content of a record, and its digest.
func (r *Record) text() (text []byte, digest string, err error) {
	text, err = json.Marshal(r, writing...)
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(text)
	return text, hex.EncodeToString(sum[:16]), nil
}

// pack returns the content of a record as rows have it.
func pack(text []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(text)/2 + 64)
	out.WriteByte(packedAs)
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.ResetDict(&out, words)
	_, _ = w.Write(text) // a buffer accepts everything
	_ = w.Close()
	return out.Bytes()
}

// writing are the options for writing records, which are the same for equal ones.
var writing = []json.Options{json.Deterministic(true)}

// unpack reverses pack.
func unpack(packed []byte) (*Record, error) {
	if len(packed) == 0 || packed[0] != packedAs {
		return nil, errors.New("the record has a form that this version does not know")
	}
	in := unpackers.Get().(io.ReadCloser)
	defer unpackers.Put(in)
	if err := in.(flate.Resetter).Reset(bytes.NewReader(packed[1:]), words); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in, 2*MaxRecord))
	if err != nil {
		return nil, err
	}
	r := &Record{}
	return r, json.Unmarshal(text, r)
}
