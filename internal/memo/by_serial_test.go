package memo_test

import (
	"testing"

	"pyindex/internal/memo"
)

// at returns a stamp of the first epoch.
func at(value int64) memo.Stamp { return memo.Stamp{Value: value} }

func TestMemo(t *testing.T) {
	m := memo.NewBySerial[string, int](2)
	if _, ok := m.Get(at(0), "a"); ok {
		t.Error(`Get(0, "a") of an empty memo found something`)
	}
	m.Put(at(5), "a", 1)
	if v, ok := m.Get(at(5), "a"); !ok || v != 1 {
		t.Errorf(`Get(5, "a") = %d, %v, want 1, true`, v, ok)
	}
	for _, serial := range []int64{4, 6} {
		if _, ok := m.Get(at(serial), "a"); ok {
			t.Errorf(`Get(%d, "a") found a value of serial 5`, serial)
		}
	}
	m.Put(at(4), "b", 2)
	if _, ok := m.Get(at(5), "b"); ok {
		t.Error("a value of an older serial was kept")
	}
	m.Put(at(6), "c", 3)
	if _, ok := m.Get(at(6), "a"); ok {
		t.Error("a value outlived its serial")
	}
	m.Put(at(6), "d", 4)
	m.Put(at(6), "e", 5)
	if _, ok := m.Get(at(6), "c"); ok {
		t.Error("the cache exceeds its limit")
	}
}

func TestWorn(t *testing.T) {
	m := memo.NewBySerial[string, int](9)
	m.Put(at(1), "a", 1)
	m.Put(at(1), "b", 2)
	if got := m.Worn(at(1)); len(got) != 0 {
		t.Errorf("Worn(1) while nothing changed = %v, want none", got)
	}
	m.Put(at(2), "b", 3)
	if got := m.Worn(at(2)); len(got) != 1 || got[0] != "a" {
		t.Errorf("Worn(2) = %v, want a, which was not requested again", got)
	}
	if got := m.Worn(at(2)); len(got) != 0 {
		t.Errorf("Worn(2) again = %v, want each once", got)
	}
	m.Renew(at(2), "a", 4)
	if v, ok := m.Get(at(2), "b"); !ok || v != 3 {
		t.Errorf(`Get(2, "b") = %d, %v after Renew of another`, v, ok)
	}
	if got := m.Worn(at(3)); len(got) != 1 || got[0] != "b" {
		t.Errorf("Worn(3) = %v, want only b: a was renewed but not requested", got)
	}
	if _, ok := m.Get(at(2), "b"); ok {
		t.Error("a value of before the counter moved is still given out")
	}
	m.Renew(at(2), "a", 5)
	if _, ok := m.Get(at(3), "a"); ok {
		t.Error("a value of an older serial was kept")
	}
}

func TestWornIsBounded(t *testing.T) {
	m := memo.NewBySerial[int, int](10_000)
	for i := range 5_000 {
		m.Put(at(1), i, i)
	}
	if got := len(m.Worn(at(2))); got == 0 || got > 200 {
		t.Errorf("Worn(2) of 5,000 = %d keys, want a hundred or so", got)
	}
}

// TestMemoOfAnotherEpoch: in a later epoch, the same serial or a lower one finds nothing of the earlier epoch, and the
// earlier epoch can no longer store anything.
func TestMemoOfAnotherEpoch(t *testing.T) {
	for _, value := range []int64{4, 5, 6} {
		m := memo.NewBySerial[string, int](9)
		m.Put(memo.Stamp{Epoch: 1, Value: 5}, "a", 1)
		later := memo.Stamp{Epoch: 2, Value: value}
		if v, ok := m.Get(later, "a"); ok {
			t.Errorf("Get(%v) = %d, put in an earlier epoch", later, v)
		}
		m.Put(later, "b", 2)
		if v, ok := m.Get(later, "b"); !ok || v != 2 {
			t.Errorf("Get(%v) = %d, %v after Put, want 2", later, v, ok)
		}
		m.Put(memo.Stamp{Epoch: 1, Value: 9}, "a", 3)
		if v, ok := m.Get(later, "a"); ok {
			t.Errorf("Get(%v) = %d, which was put with the earlier epoch", later, v)
		}
		if v, ok := m.Get(memo.Stamp{Epoch: 1, Value: 9}, "a"); ok {
			t.Errorf("Get() in the earlier epoch = %d, want nothing", v)
		}
	}
}

func TestStampAfter(t *testing.T) {
	ordered := []memo.Stamp{{}, {Value: 1}, {Epoch: 1, Value: -1}, {Epoch: 1, Value: 7}, {Epoch: 2}, {Epoch: 2, Value: 7}}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := a.After(b); got != (i > j) {
				t.Errorf("%v.After(%v) = %v", a, b, got)
			}
		}
	}
}
