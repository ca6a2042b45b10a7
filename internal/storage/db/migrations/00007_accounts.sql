-- How people come to an account and prove that it is theirs. Rows hold hashes of links, codes and devices; the key of a
-- second factor has to be kept as it is, since codes are computed from it.

-- +goose Up

CREATE TABLE profiles (
    user_id   TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    full_name TEXT NOT NULL,
    email     TEXT NOT NULL
);

-- kind is first, reset, invite or factor. user_id is whose it is, "" for an account that it will make.
CREATE TABLE links (
    id         TEXT NOT NULL PRIMARY KEY,
    hash       TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    invitation TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    tries      BIGINT NOT NULL
);
CREATE INDEX links_expires ON links (expires_at);
CREATE INDEX links_kind ON links (kind, created_at);

CREATE TABLE totps (
    user_id      TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    last_step    BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash    TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- Browsers in which somebody signed in before: attackers elsewhere do not slow these down.
CREATE TABLE devices (
    hash       TEXT NOT NULL PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL
);

CREATE TABLE attempts (
    bucket   TEXT NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at  BIGINT NOT NULL
);
CREATE INDEX attempts_last ON attempts (last_at);
