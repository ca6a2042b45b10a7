package db

import "testing"

func TestOperation(t *testing.T) {
	for q, want := range map[string]string{
		`INSERT INTO files (id) VALUES ($1)`:                             "insert files",
		`UPDATE counters SET value = value + 1`:                          "update counters",
		`DELETE FROM tokens WHERE id = $1`:                               "delete tokens",
		"SELECT a, b\n\tFROM projects p WHERE p.name = 'secret'":         "select projects",
		`SELECT COUNT(*) FROM (SELECT id FROM releases)`:                 "select releases",
		`WITH kept AS (SELECT id FROM audit) SELECT id FROM kept`:        "select audit",
		`INSERT INTO names (name) SELECT name FROM projects`:             "insert names",
		`SET LOCAL idle_in_transaction_session_timeout = 0`:              "set",
		`SELECT pg_advisory_xact_lock(7)`:                                "select",
		`UPDATE files SET note = 'from DELETE FROM users' WHERE id = $1`: "update files",
		"": "",
	} {
		if got := operation(q); got != want {
			t.Errorf("operation(%q) = %q, want %q", q, got, want)
		}
	}
}
