package advisory

import (
	"fmt"
	"hash/maphash"
	"testing"
)

// TestUnchangedRecordsAreNotPacked checks that what a feed has already is not compressed again, and that everything
// else is.
func TestUnchangedRecordsAreNotPacked(t *testing.T) {
	m := &importing{seed: maphash.MakeSeed(), known: map[uint64]uint64{}}
	read := func(id, summary string) Row {
		t.Helper()
		j := &job{names: []string{id}, errs: []error{nil}, texts: [][]byte{fmt.Appendf(nil,
			`{"id":%q,"summary":%q,"affected":[{"package":{"ecosystem":"PyPI","name":"demo"},"versions":["1"]}]}`,
			id, summary)}}
		all := j.parse(m.same)
		if len(all) != 1 || all[0].err != nil || len(all[0].rows) != 1 {
			t.Fatalf("parse() = %+v", all)
		}
		return all[0].rows[0]
	}
	first := read("MAL-1", "bad")
	if first.Record == nil {
		t.Error("a new record is not packed")
	}
	m.known[m.key("demo", "MAL-1")] = m.mark(first.Digest)
	for _, c := range []struct {
		what, id, summary string
		packed            bool
	}{
		{"the same record", "MAL-1", "bad", false},
		{"a changed record", "MAL-1", "worse", true},
		{"another record", "MAL-2", "bad", true},
	} {
		if got := read(c.id, c.summary); (got.Record != nil) != c.packed {
			t.Errorf("%s is packed: %v, want %v", c.what, got.Record != nil, c.packed)
		}
	}
	m.add(read("MAL-1", "bad"))
	if got := read("MAL-1", "bad"); got.Record != nil || len(m.rows) != 0 {
		t.Errorf("a record that is the same and was read is packed: %v; %d rows are written", got.Record != nil, len(m.rows))
	}
}
