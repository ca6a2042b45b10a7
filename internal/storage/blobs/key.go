package blobs

import (
	"regexp"

	"pyindex/internal/fault"
)

// keyForm matches the keys built by custody.FileKey, custody.MetadataKey and custody.WithGeneration.
var keyForm = regexp.MustCompile(`\A(?:files|metadata)/([0-9a-f]{2})/([0-9a-f]{64})(?:\.[0-9a-f]{16})?\z`)

// namesForm matches the keys built by custody.NamesKey.
var namesForm = regexp.MustCompile(`\Anames/[0-9a-z]{1,40}/[0-9]{16}-(?:all|changed|none)-[0-9a-f]{64}\z`)

// checkKey rejects all other keys, so that no key leads out of the store.
func checkKey(key string) error {
	if namesForm.MatchString(key) {
		return nil
	}
	m := keyForm.FindStringSubmatch(key)
	if m == nil || m[2][:2] != m[1] {
		return fault.New(fault.Internal, "%.100q is not a storage key", key)
	}
	return nil
}
