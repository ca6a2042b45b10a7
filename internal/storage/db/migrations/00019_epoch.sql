-- +goose Up
-- A counter that goes back, after a failover that lost commits or a restore, must not name two states. The epoch names the
-- history that the counter counts in and began is the first value that it gave; mark is random, made with each change.
ALTER TABLE counters ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
ALTER TABLE counters ADD COLUMN began BIGINT NOT NULL DEFAULT 0;
ALTER TABLE counters ADD COLUMN mark BIGINT NOT NULL DEFAULT 0;

-- The marks of the newest values but the last, so that a process can tell whether what it has seen is part of this history.
-- A slot is used again after 4,096 changes.
CREATE TABLE serial_marks (
    slot  BIGINT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL,
    mark  BIGINT NOT NULL
);
CREATE INDEX serial_marks_mark ON serial_marks (mark);
