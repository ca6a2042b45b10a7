package db

import "strings"

// marksVersion is the number of the migration that marks the states of grants.
const marksVersion = 58

// grantMarks creates the marks on both databases. They are not a column of users, because moves and backups compare the
// rows of users, and have no foreign key, because the grants of a deleted user change too.
var grantMarks = []string{`CREATE TABLE grant_marks (
	user_id TEXT NOT NULL PRIMARY KEY,
	mark    BIGINT NOT NULL
)`}

// Statements that give new marks to the user of a row of grants or of group_members, to the members of the group of a
// row of group_grants, and to all users. ROW is the row, and RANDOM a random number.
const (
	markNow     = ` ON CONFLICT (user_id) DO UPDATE SET mark = excluded.mark`
	markUser    = `INSERT INTO grant_marks (user_id, mark) SELECT ROW.user_id, RANDOM WHERE TRUE` + markNow
	markMembers = `INSERT INTO grant_marks (user_id, mark) SELECT m.user_id, RANDOM FROM group_members m
		WHERE m.group_id = ROW.group_id` + markNow
	markAll = `INSERT INTO grant_marks (user_id, mark) SELECT id, RANDOM FROM users`
)

// marking lists what the rows of each table give new marks to. Triggers do, so that replicas of older versions do too.
var marking = []struct{ table, mark string }{
	{"grants", markUser}, {"group_members", markUser}, {"group_grants", markMembers},
}

// sqliteMarks creates the triggers for SQLite.
func sqliteMarks() []string {
	const random = `random()`
	out := []string{strings.ReplaceAll(markAll, "RANDOM", random)}
	for _, m := range marking {
		for event, row := range map[string]string{"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"} {
			mark := strings.NewReplacer("RANDOM", random, "ROW", row).Replace(m.mark)
			out = append(out, `CREATE TRIGGER `+m.table+`_mark_`+strings.ToLower(event)+` AFTER `+event+` ON `+m.table+
				` BEGIN `+mark+`; END`)
		}
	}
	return out
}

// postgresMarks creates the triggers for PostgreSQL, whose random() has too few bits.
func postgresMarks() []string {
	const random = `CAST(CAST('x' || substr(REPLACE(CAST(gen_random_uuid() AS TEXT), '-', ''), 17) AS BIT(64)) AS BIGINT)`
	out := []string{strings.ReplaceAll(markAll, "RANDOM", random)}
	for _, m := range marking {
		mark := func(row string) string {
			return strings.NewReplacer("RANDOM", random, "ROW", row).Replace(m.mark)
		}
		out = append(out, `CREATE FUNCTION mark_`+m.table+`() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
			IF TG_OP = 'DELETE' THEN `+mark("OLD")+`; ELSE `+mark("NEW")+`; END IF; RETURN NULL; END $$`,
			`CREATE TRIGGER `+m.table+`_mark AFTER INSERT OR UPDATE OR DELETE ON `+m.table+
				` FOR EACH ROW EXECUTE FUNCTION mark_`+m.table+`()`)
	}
	return out
}
