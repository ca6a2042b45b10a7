package memo_test

import (
	"testing"

	"pyindex/internal/memo"
)

func newWeighted(limit int64) *memo.Weighted[string, string] {
	return memo.NewWeighted(limit, func(_, v string) int64 { return int64(len(v)) })
}

func TestWeightedFindsTheStampAskedFor(t *testing.T) {
	m := newWeighted(100)
	if _, _, ok := m.Last("a"); ok {
		t.Error("an empty memory found something")
	}
	m.Put(at(5), "a", "five")
	for value, want := range map[int64]bool{4: false, 5: true, 6: false} {
		if v, ok := m.Get(at(value), "a"); ok != want || ok != (v == "five") {
			t.Errorf("Get(%d) = %q, %v, want %v", value, v, ok, want)
		}
	}
	if v, was, ok := m.Last("a"); !ok || v != "five" || was != at(5) {
		t.Errorf("Last() = %q, %v, %v, want five of 5", v, was, ok)
	}
	if _, ok := m.Get(memo.Stamp{Epoch: 1, Value: 5}, "a"); ok {
		t.Error("a value of another epoch was found")
	}
}

func TestWeightedKeepsTheNewest(t *testing.T) {
	m := newWeighted(100)
	m.Put(at(5), "a", "five")
	m.Put(at(4), "a", "four")
	if v, _, _ := m.Last("a"); v != "five" {
		t.Errorf("Last() = %q, want five: an older value came later", v)
	}
	m.Put(at(5), "a", "again")
	m.Put(memo.Stamp{Epoch: 1, Value: 1}, "a", "epoch")
	if v, _, _ := m.Last("a"); v != "epoch" || m.Weight() != 5 {
		t.Errorf("Last() = %q with a weight of %d, want epoch and 5", v, m.Weight())
	}
}

func TestWeightedIsBounded(t *testing.T) {
	m := newWeighted(9)
	m.Put(at(1), "a", "aaa")
	m.Put(at(2), "b", "bbb")
	m.Put(at(3), "c", "ccc")
	m.Get(at(1), "a")
	m.Put(at(4), "d", "d")
	for k, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if _, _, ok := m.Last(k); ok != want {
			t.Errorf("%s is kept: %v, want %v, b was unused the longest", k, ok, want)
		}
	}
	m.Put(at(5), "e", "0123456789")
	if _, _, ok := m.Last("e"); ok || m.Weight() != 7 {
		t.Errorf("a value above the limit was kept, or drove out others: %d", m.Weight())
	}
	m.Put(at(5), "a", "0123456789")
	if _, _, ok := m.Last("a"); ok || m.Weight() != 4 {
		t.Errorf("the old value of a key whose new one is too heavy was kept: %d", m.Weight())
	}
}
