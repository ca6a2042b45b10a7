-- The copy of own names and deleted file names beside the content: see the package namelog.

-- +goose Up

-- What changed and is not in the copy yet. kind is 'name', 'deleted' or 'tombstone'. repository is the repository's name
-- of a deleted project, and its id for the name of a deleted file. mark differs after each change.
CREATE TABLE names_unsaved (
    kind       TEXT NOT NULL,
    repository TEXT NOT NULL,
    name       TEXT NOT NULL,
    mark       BIGINT NOT NULL,
    PRIMARY KEY (kind, repository, name)
);

-- The ids that this index had before backups of it were restored.
CREATE TABLE instances (
    id       TEXT NOT NULL PRIMARY KEY,
    ended_at BIGINT NOT NULL
);
