package memo_test

import (
	"testing"

	"pyindex/internal/memo"
)

func TestMemo(t *testing.T) {
	m := memo.New[string, int](2)
	if _, ok := m.Get(0, "a"); ok {
		t.Error(`Get(0, "a") of an empty memo found something`)
	}
	m.Put(5, "a", 1)
	if v, ok := m.Get(5, "a"); !ok || v != 1 {
		t.Errorf(`Get(5, "a") = %d, %v, want 1, true`, v, ok)
	}
	for _, serial := range []int64{4, 6} {
		if _, ok := m.Get(serial, "a"); ok {
			t.Errorf(`Get(%d, "a") found a value of serial 5`, serial)
		}
	}
	m.Put(4, "b", 2)
	if _, ok := m.Get(5, "b"); ok {
		t.Error("a value of an older serial was kept")
	}
	m.Put(6, "c", 3)
	if _, ok := m.Get(6, "a"); ok {
		t.Error("a value outlived its serial")
	}
	m.Put(6, "d", 4)
	m.Put(6, "e", 5)
	if _, ok := m.Get(6, "c"); ok {
		t.Error("the memo keeps more than it was told to")
	}
}
