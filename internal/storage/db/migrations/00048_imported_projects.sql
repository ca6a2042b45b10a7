-- The state of projects and files in the source of an import, as it was last read. A later run of the import carries over
-- only what changed there since, so that changes made here stay.

-- +goose Up
ALTER TABLE file_origins ADD COLUMN yanked BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE file_origins ADD COLUMN yanked_reason TEXT NOT NULL DEFAULT '';

CREATE TABLE import_projects (
    import_id     TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    status        TEXT NOT NULL,
    status_reason TEXT NOT NULL,
    PRIMARY KEY (import_id, name)
);
