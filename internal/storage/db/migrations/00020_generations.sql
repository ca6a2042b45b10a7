-- +goose Up

-- A key is not used again soon after a DELETE of it was sent (docs/decisions/0013). Bytes that are uploaded again meanwhile
-- get a key of another generation; '' is the plain key, which is the digest alone.
ALTER TABLE files ADD COLUMN generation TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN metadata_generation TEXT NOT NULL DEFAULT '';
ALTER TABLE blobs ADD COLUMN generation TEXT NOT NULL DEFAULT '';

-- owner is who deletes the bytes of a key that is being dropped, '' if nobody does now. A key that is dropping and
-- settled is spent: its bytes are deleted, and the row keeps the key from being used again.
ALTER TABLE blobs ADD COLUMN owner TEXT NOT NULL DEFAULT '';

-- All who upload the same bytes share one key.
CREATE UNIQUE INDEX blobs_live ON blobs (part, sha256) WHERE NOT dropping;
CREATE INDEX blobs_spent ON blobs (since) WHERE dropping;

-- The outcome of the last check of stored bytes, by its kind.
CREATE TABLE byte_checks (
    kind    TEXT NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    objects BIGINT NOT NULL,
    missing BIGINT NOT NULL,
    damaged BIGINT NOT NULL,
    mended  BIGINT NOT NULL
);
