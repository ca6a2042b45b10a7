package legacyupload

import (
	"net/textproto"
	"testing"

	"pyindex/internal/fault"
)

func TestReadPartHeader(t *testing.T) {
	tests := map[string]struct {
		line string
		want partHeader
	}{
		"field":      {`form-data; name="summary"`, partHeader{field: "summary"}},
		"unquoted":   {`form-data; name=summary`, partHeader{field: "summary"}},
		"upper case": {`Form-Data; NAME="summary"`, partHeader{field: "summary"}},
		"trailing ;": {`form-data; name="a"; `, partHeader{field: "a"}},
		"file": {
			`form-data; name="content"; filename="a-1.tar.gz"`, partHeader{field: "content", file: true, filename: "a-1.tar.gz"},
		},
		"no blanks": {
			`form-data;name="content";filename="a"`, partHeader{field: "content", file: true, filename: "a"},
		},
		"empty file name": {`form-data; name="content"; filename=""`, partHeader{field: "content", file: true}},
		"slash stays": {
			`form-data; name="content"; filename="../../etc/a"`,
			partHeader{field: "content", file: true, filename: "../../etc/a"},
		},
		"backslash stays": {
			`form-data; name="content"; filename="..\a"`, partHeader{field: "content", file: true, filename: `..\a`},
		},
		"escaped backslash": {
			`form-data; name="content"; filename="a\\b"`, partHeader{field: "content", file: true, filename: `a\b`},
		},
		"escaped quote": {
			`form-data; name="content"; filename="a\"; name=\"b"`,
			partHeader{field: "content", file: true, filename: `a"; name="b`},
		},
		"percent stays": {
			`form-data; name="content"; filename="a%0d%0ab"`, partHeader{field: "content", file: true, filename: "a%0d%0ab"},
		},
		"semicolon inside": {
			`form-data; name="content"; filename="a;b"`, partHeader{field: "content", file: true, filename: "a;b"},
		},
		"encoded": {
			`form-data; name="content"; filename*=UTF-8''a%2Fb`, partHeader{field: "content", file: true, filename: "a/b"},
		},
		"encoded plus": {
			`form-data; name="content"; filename*=utf-8'en'a+b`, partHeader{field: "content", file: true, filename: "a+b"},
		},
		"both alike": {
			`form-data; name="content"; filename="ab"; filename*=utf-8''ab`,
			partHeader{field: "content", file: true, filename: "ab"},
		},
		"encoded line end": {
			`form-data; name="content"; filename*=utf-8''a%0D%0Ab`, partHeader{field: "content", file: true, filename: "a\r\nb"},
		},
		"non-ASCII": {`form-data; name="content"; filename="ä"`, partHeader{field: "content", file: true, filename: "ä"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readPartHeader(textproto.MIMEHeader{"Content-Disposition": {tt.line}})
			if err != nil || got != tt.want {
				t.Errorf("readPartHeader(%s) = %+v, %v, want %+v", tt.line, got, err, tt.want)
			}
		})
	}
}

func TestReadPartHeaderRefuses(t *testing.T) {
	tests := map[string][]string{
		"none":              nil,
		"two":               {`form-data; name="a"`, `form-data; name="b"`},
		"empty":             {""},
		"attachment":        {`attachment; name="a"`},
		"no name":           {`form-data`},
		"empty name":        {`form-data; name=""`},
		"only file name":    {`form-data; filename="a"`},
		"name twice":        {`form-data; name="a"; name="b"`},
		"file name twice":   {`form-data; name="a"; filename="a"; filename="b"`},
		"twice in case":     {`form-data; name="a"; filename="a"; FileName="b"`},
		"two file names":    {`form-data; name="a"; filename="a"; filename*=utf-8''b`},
		"open quote":        {`form-data; name="a`},
		"escaped last":      {`form-data; name="a\"`},
		"text after quote":  {`form-data; name="a"b`},
		"no value":          {`form-data; name`},
		"no key":            {`form-data; ="a"`},
		"key with blank":    {`form-data; na me="a"`},
		"two semicolons":    {`form-data;; name="a"`},
		"comma":             {`form-data, name="a"`},
		"other charset":     {`form-data; name="a"; filename*=iso-8859-1''a`},
		"no charset":        {`form-data; name="a"; filename*=a`},
		"bad percent":       {`form-data; name="a"; filename*=utf-8''%zz`},
		"encoded but empty": {`form-data; name="a"; filename*=`},
	}
	for name, lines := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readPartHeader(textproto.MIMEHeader{"Content-Disposition": lines})
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("readPartHeader(%q) = %+v, %v, want a refusal", lines, got, err)
			}
		})
	}
}
