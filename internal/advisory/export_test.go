package advisory

import (
	"bytes"
	"fmt"

	"github.com/google/go-cmp/cmp"
)

// Affects reports whether a record affects a version of any of its projects.
func Affects(r *Record, version string) bool {
	return newMatcher(r.Affected).affects(subjectOf(version))
}

// RoundTrip packs and unpacks a record.
func RoundTrip(r *Record) error {
	text, _, err := r.text()
	if err != nil {
		return err
	}
	again, err := unpack(pack(text))
	if err != nil {
		return err
	}
	again.Malware = r.Malware
	if diff := cmp.Diff(r, again); diff != "" {
		return fmt.Errorf("the record differs after packing:\n%s", diff)
	}
	return nil
}

// ReadZip reads the records of a zip file.
func ReadZip(content []byte, each func(name string, text []byte, err error) error) error {
	return readZip(bytes.NewReader(content), int64(len(content)), each)
}
