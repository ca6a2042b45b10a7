package packaging_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

func TestFormMetadata(t *testing.T) {
	form := map[string][]string{
		":action": {"file_upload"}, "unknown": {"a", "b"}, "metadata_version": {"2.4"}, "name": {"foo"}, "version": {"1.0"},
		"summary": {"UNKNOWN"}, "requires_python": {""},
		"requires_dist": {"a", "", "b>=1"}, "import_names": {"foo", "bar"}, "classifiers": {"A :: B"},
		"platform": {"UNKNOWN"}, "provides_extras": {"ignored"},
		"license_file": {"LICENSE"}, "project_urls": {"Home, https://example.org"}, "description": {"a\r\nb\xff"},
	}
	want := packaging.Metadata{
		MetadataVersion: "2.4", Name: "foo", Version: "1.0", RequiresDist: []string{"a", "b>=1"},
		ImportNames: []string{"foo", "bar"}, Classifiers: []string{"A :: B"},
		LicenseFiles: []string{"LICENSE"}, ProjectURLs: []string{"Home, https://example.org"}, Description: "a\r\nb\ufffd",
	}
	got, err := packaging.FormMetadata(form)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	form["import_name"] = []string{"baz"}
	if got, _ = packaging.FormMetadata(form); len(got.ImportNames) != 1 || got.ImportNames[0] != "baz" {
		t.Errorf("import_name beside import_names gave %q", got.ImportNames)
	}
}

func TestFormMetadataManyValues(t *testing.T) {
	form := map[string][]string{"requires_dist": make([]string, 1500)}
	for i := range form["requires_dist"] {
		form["requires_dist"][i] = "foo"
	}
	if m, err := packaging.FormMetadata(form); err != nil || len(m.RequiresDist) != 1500 {
		t.Errorf("1,500 requirements gave %d and %v", len(m.RequiresDist), err)
	}
}

func TestFormMetadataRefuses(t *testing.T) {
	for name, form := range map[string]map[string][]string{
		"name twice":                 {"name": {"a", "b"}},
		"name twice, once empty":     {"name": {"a", ""}},
		"version twice":              {"version": {"1", "1"}},
		"summary twice":              {"summary": {"a", "b"}},
		"requires_python twice":      {"requires_python": {">=3", ">=2"}},
		"broken UTF-8 in name":       {"name": {"f\xff"}},
		"NUL in a requirement":       {"requires_dist": {"foo\x00"}},
		"too many values":            {"classifiers": make([]string, 50_001)},
		"too many bytes":             {"description": {strings.Repeat("x", 16<<20+1)}},
		"too many bytes in two ways": {"description": {strings.Repeat("x", 9<<20)}, "license": {strings.Repeat("x", 9<<20)}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := packaging.FormMetadata(form)
			refused(t, name, err)
		})
	}
	_, err := packaging.FormMetadata(map[string][]string{"name": {"a", "b"}})
	if !strings.Contains(fault.Message(err), "name has invalid data") {
		t.Errorf("name twice = %v", err)
	}
}

// TestMetadataJSON: the JSON contains the parsed values and no others.
func TestMetadataJSON(t *testing.T) {
	b, err := json.Marshal(packaging.Metadata{Name: "foo", RequiresDist: []string{"a"}, LicenseFiles: []string{"L"}})
	if want := `{"name":"foo","license_file":["L"],"requires_dist":["a"]}`; err != nil || string(b) != want {
		t.Errorf("Marshal = %s, %v, want %s", b, err, want)
	}
}
