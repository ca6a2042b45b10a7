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

func TestWorn(t *testing.T) {
	m := memo.New[string, int](9)
	m.Put(1, "a", 1)
	m.Put(1, "b", 2)
	if got := m.Worn(1); len(got) != 0 {
		t.Errorf("Worn(1) while nothing changed = %v, want none", got)
	}
	m.Put(2, "b", 3)
	if got := m.Worn(2); len(got) != 1 || got[0] != "a" {
		t.Errorf("Worn(2) = %v, want what nobody asked for again: a", got)
	}
	if got := m.Worn(2); len(got) != 0 {
		t.Errorf("Worn(2) again = %v, want each once", got)
	}
	m.Renew(2, "a", 4)
	if v, ok := m.Get(2, "b"); !ok || v != 3 {
		t.Errorf(`Get(2, "b") = %d, %v after Renew of another`, v, ok)
	}
	if got := m.Worn(3); len(got) != 1 || got[0] != "b" {
		t.Errorf("Worn(3) = %v, want b alone: a was renewed and nobody wanted it", got)
	}
	if _, ok := m.Get(2, "b"); ok {
		t.Error("a value of before the counter moved is still given out")
	}
	m.Renew(2, "a", 5)
	if _, ok := m.Get(3, "a"); ok {
		t.Error("a value of an older serial was kept")
	}
}

func TestWornIsBounded(t *testing.T) {
	m := memo.New[int, int](10_000)
	for i := range 5_000 {
		m.Put(1, i, i)
	}
	if got := len(m.Worn(2)); got == 0 || got > 200 {
		t.Errorf("Worn(2) of 5,000 = %d keys, want a hundred or so", got)
	}
}
