-- What an export of another index said about its files, and the use of the addresses of other indexes.
-- +goose Up
-- JSON of an export: the uploader there, and an earlier import. '' for files of other sources.
ALTER TABLE file_origins ADD COLUMN facts TEXT NOT NULL DEFAULT '';

-- Requests below each alias by day (microseconds of its beginning, UTC). client is the program of the last one, such as
-- "pip/26.3". Replicas add to the same row.
CREATE TABLE alias_uses (
    day      BIGINT NOT NULL,
    path     TEXT NOT NULL,
    requests BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    client   TEXT NOT NULL,
    PRIMARY KEY (day, path)
);
