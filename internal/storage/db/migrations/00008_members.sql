-- The names of what is inside each file, so that two releases can be compared without opening an archive: lines,
-- deflated, in base 64. Files that were uploaded before have no row.

-- +goose Up

CREATE TABLE file_members (
    file_id TEXT NOT NULL PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
    total   BIGINT NOT NULL,
    names   TEXT NOT NULL
);
