package legacyupload

import (
	"reflect"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
)

var (
	digest64 = strings.Repeat("aB", 32)
	digest32 = strings.Repeat("0F", 16)
)

func formOf(pairs ...string) form {
	f := form{}
	for i := 0; i < len(pairs); i += 2 {
		f.add(pairs[i], pairs[i+1])
	}
	return f
}

func TestReadStatement(t *testing.T) {
	lower := strings.ToLower(digest64)
	tests := map[string]struct {
		form form
		want ingest.Upload
	}{
		"wheel": {
			formOf("filetype", "bdist_wheel", "pyversion", "py3", "sha256_digest", digest64, "comment", "hi"),
			ingest.Upload{Kind: packaging.Wheel, PythonVersion: "py3", Comment: "hi", Digests: ingest.Digests{SHA256: lower}},
		},
		"sdist": {
			formOf("filetype", "sdist", "pyversion", "source", "blake2_256_digest", digest64),
			ingest.Upload{
				Kind: packaging.SDist, PythonVersion: "source", Comment: "", Digests: ingest.Digests{Blake2b256: lower},
			},
		},
		"flit's sdist": {
			formOf("filetype", "sdist", "md5_digest", digest32),
			ingest.Upload{
				Kind: packaging.SDist, PythonVersion: "source", Comment: "",
				Digests: ingest.Digests{MD5: strings.ToLower(digest32)},
			},
		},
		"empty and UNKNOWN": {
			formOf("filetype", "sdist", "pyversion", "", "md5_digest", "", "blake2_256_digest",
				" UNKNOWN ", "sha256_digest", lower, "comment", "UNKNOWN"),
			ingest.Upload{Kind: packaging.SDist, PythonVersion: "source", Comment: "", Digests: ingest.Digests{SHA256: lower}},
		},
		"comment repaired": {
			formOf("filetype", "sdist", "sha256_digest", lower, "comment", "a\x00\xffb"),
			ingest.Upload{
				Kind: packaging.SDist, PythonVersion: "source", Comment: "a\\x00\uFFFDb", Digests: ingest.Digests{SHA256: lower},
			},
		},
		"any Python": {
			formOf("filetype", "bdist_wheel", "pyversion", "any text", "sha256_digest", lower),
			ingest.Upload{
				Kind: packaging.Wheel, PythonVersion: "any text", Comment: "", Digests: ingest.Digests{SHA256: lower},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got ingest.Upload
			if err := readFileFields(tt.form, &got); err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("readFileFields(%v) = %+v, %v, want %+v", tt.form, got, err, tt.want)
			}
		})
	}
}

func TestReadStatementRefuses(t *testing.T) {
	sdist := []string{"filetype", "sdist"}
	wheel := []string{"filetype", "bdist_wheel"}
	sha := []string{"sha256_digest", digest64}
	tests := map[string]struct {
		pairs [][]string
		want  string
	}{
		"empty":              {nil, "no filetype"},
		"no filetype":        {[][]string{sha}, "no filetype"},
		"egg":                {[][]string{sha, {"filetype", "bdist_egg"}}, "bdist_egg"},
		"installer":          {[][]string{sha, {"filetype", "bdist_wininst"}}, "bdist_wininst"},
		"upper case":         {[][]string{sha, {"filetype", "SDIST"}}, "SDIST"},
		"filetype twice":     {[][]string{sha, sdist, sdist}, "filetype has invalid data"},
		"sdist for py3":      {[][]string{sha, sdist, {"pyversion", "py3"}}, "source"},
		"wheel for none":     {[][]string{sha, wheel}, "no pyversion"},
		"wheel for empty":    {[][]string{sha, wheel, {"pyversion", ""}}, "no pyversion"},
		"wheel for UNKNOWN":  {[][]string{sha, wheel, {"pyversion", "UNKNOWN"}}, "no pyversion"},
		"pyversion twice":    {[][]string{sha, wheel, {"pyversion", "a", "pyversion", "b"}}, "pyversion has invalid data"},
		"pyversion too long": {[][]string{sha, wheel, {"pyversion", strings.Repeat("a", 201)}}, "too long"},
		"no digest":          {[][]string{sdist}, "no digest"},
		"empty digests":      {[][]string{sdist, {"md5_digest", "", "sha256_digest", ""}}, "no digest"},
		"short sha256":       {[][]string{sdist, {"sha256_digest", digest64[1:]}}, "sha256_digest"},
		"long sha256":        {[][]string{sdist, {"sha256_digest", digest64 + "a"}}, "sha256_digest"},
		"sha256 and newline": {[][]string{sdist, {"sha256_digest", digest64 + "\n"}}, "sha256_digest"},
		"sha256 not hex":     {[][]string{sdist, {"sha256_digest", "g" + digest64[1:]}}, "sha256_digest"},
		"sha256 in base64": {
			[][]string{sdist, {"sha256_digest", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}}, "sha256_digest",
		},
		"blake2 of 64 bytes": {[][]string{sdist, {"blake2_256_digest", digest64 + digest64}}, "blake2_256_digest"},
		"bad beside good":    {[][]string{sdist, sha, {"blake2_256_digest", "x"}}, "blake2_256_digest"},
		"short md5":          {[][]string{sdist, {"md5_digest", digest32[1:]}}, "md5_digest"},
		"sha256 twice":       {[][]string{sdist, sha, sha}, "sha256_digest has invalid data"},
		"comment twice":      {[][]string{sdist, sha, {"comment", "a", "comment", "a"}}, "comment has invalid data"},
		"NUL in filetype":    {[][]string{sha, {"filetype", "sdist\x00"}}, "sdist"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var pairs []string
			for _, p := range tt.pairs {
				pairs = append(pairs, p...)
			}
			var got ingest.Upload
			err := readFileFields(formOf(pairs...), &got)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("readFileFields(%q) = %+v, %v, want a refusal with %q", pairs, got, err, tt.want)
			}
		})
	}
}

func TestCheckAction(t *testing.T) {
	for name, tt := range map[string]struct {
		actions []string
		status  int
	}{
		"upload":          {[]string{"file_upload"}, 0},
		"twice alike":     {[]string{"file_upload", "file_upload"}, 0},
		"none":            {nil, 400},
		"empty":           {[]string{""}, 400},
		"unknown":         {[]string{"list"}, 400},
		"upper case":      {[]string{"FILE_UPLOAD"}, 400},
		"blank":           {[]string{"file_upload "}, 400},
		"submit":          {[]string{"submit"}, 410},
		"submit pkg-info": {[]string{"submit_pkg_info"}, 410},
		"documentation":   {[]string{"doc_upload"}, 410},
		"both":            {[]string{"file_upload", "submit"}, 410},
		"other both":      {[]string{"file_upload", "x"}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkAction(tt.actions)
			if got := statusOf(err); (err != nil || tt.status != 0) && got != tt.status {
				t.Errorf("%s: checkAction(%q) = %v with %d, want %d", name, tt.actions, err, got, tt.status)
			}
		})
	}
}

func TestCheckProtocol(t *testing.T) {
	for version, ok := range map[string]bool{
		"":    true,
		"1":   true,
		"2":   false,
		"1.0": false,
		"01":  false,
		" 1":  false,
		"one": false,
	} {
		if err := checkProtocol(version); (err == nil) != ok || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("checkProtocol(%q) = %v", version, err)
		}
	}
}
