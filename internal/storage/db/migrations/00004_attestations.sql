-- Signed statements about files (PEP 740), as they were uploaded, at most one of each predicate type for a file.
-- publisher is the identity that was verified, as JSON, "" where nothing was.

-- +goose Up

CREATE TABLE attestations (
    file_id   TEXT NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    predicate TEXT NOT NULL,
    document  TEXT NOT NULL,
    verified  BOOLEAN NOT NULL,
    publisher TEXT NOT NULL,
    PRIMARY KEY (file_id, predicate)
);

-- Whether a file has a verified one: pages of 10,000 files show it without looking at each.
ALTER TABLE files ADD COLUMN attested BOOLEAN NOT NULL DEFAULT FALSE;
