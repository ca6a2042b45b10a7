-- A challenge is in the browser's cookie, sealed with a key that all replicas share, until it is answered: only then is
-- there a row, so that it can be used once. An entry of the record may stand for several refusals of one minute.

-- +goose Up

-- kind is what the challenge was for. user_id and state are no longer used.
ALTER TABLE challenges ADD COLUMN kind TEXT NOT NULL DEFAULT '';

-- name is what the key is for; secret is 256 random bits in hex.
CREATE TABLE keys (
    name       TEXT NOT NULL PRIMARY KEY,
    secret     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

ALTER TABLE audit ADD COLUMN more BIGINT NOT NULL DEFAULT 0;
