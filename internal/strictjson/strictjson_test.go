package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/strictjson"
)

func TestObject(t *testing.T) {
	got, err := strictjson.Object([]byte(`{"a":1,"b":["x",null,true],"c":{"a":"again, elsewhere"}}` + "\n"))
	want := map[string]any{"a": json.Number("1"), "b": []any{"x", nil, true}, "c": map[string]any{"a": "again, elsewhere"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Object = %v, %v; difference %s", got, err, diff)
	}
}

func TestObjectRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, word string }{
		{"nothing", ``, "not valid"},
		{"half an object", `{"a":1`, "not valid"},
		{"half a list", `{"a":[1`, "not valid"},
		{"a list", `[1]`, "not a JSON object"},
		{"a string", `"a"`, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"a member twice", `{"iss":"a","iss":"b"}`, `"iss" is there twice`},
		{"a member twice, once escaped", `{"iss":"a","\u0069ss":"b"}`, `"iss" is there twice`},
		{"a member twice, inside", `{"x":[{"a":1,"a":1}]}`, `"a" is there twice`},
		{"two objects", `{"a":1}{"a":1}`, "follows"},
		{"a comma after", `{"a":1},`, "follows"},
		{"a trailing comma", `{"a":1,}`, "not valid"},
		{"single quotes", `{'a':1}`, "not valid"},
		{"a number as name", `{1:1}`, "not valid"},
		{"not UTF-8", "{\"a\":\"\xff\"}", "UTF-8"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "UTF-8"},
		{"deep", strings.Repeat(`{"a":`, 9) + `1` + strings.Repeat(`}`, 9), "deeper"},
		{"bottomless", strings.Repeat(`{"a":[`, 30000), "deeper"},
		{"many values", `{"a":[` + strings.Repeat(`1,`, 600) + `1]}`, "more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := strictjson.Object([]byte(c.in))
			if err == nil || !strings.Contains(err.Error(), c.word) {
				t.Errorf("Object(%.80q) = %v, %v; want an error with %q", c.in, got, err, c.word)
			}
		})
	}
}

func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":["x",null,true]}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := strictjson.Object(b)
		if err != nil {
			return
		}
		var loose map[string]any
		if err := json.Unmarshal(b, &loose); err != nil || len(loose) != len(got) {
			t.Errorf("Object(%q) = %v, while encoding/json says %v, %v", b, got, loose, err)
		}
	})
}

func TestList(t *testing.T) {
	if got, err := strictjson.List([]byte(`[{"a": 1}, []]`), 3); err != nil || len(got) != 2 {
		t.Errorf("List(two entries) = %v, %v", got, err)
	}
	for in, word := range map[string]string{
		``: "not valid", `{}`: "not a JSON list", `null`: "not a JSON list", `[] []`: "follows", `[1,2,3,4]`: "more than 3",
		`[{"a":1,"a":2}]`: "twice", "[\"\xff\"]": "UTF-8",
	} {
		if got, err := strictjson.List([]byte(in), 3); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("List(%q) = %v, %v; want an error with %q", in, got, err, word)
		}
	}
}
