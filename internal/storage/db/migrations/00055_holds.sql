-- What people decide about files that are held or denied. Versions are normalized, digests are SHA-256 in hex, and times
-- are microseconds. The row 'rulings' of counters has the serial of the last change to what is in force.

-- +goose Up

-- kind is 'deny', 'pin' (a file must have the digest) or 'lift' (a denial does not apply to the digest). A project of ''
-- is any one; '' in the other columns matches everything.
CREATE TABLE file_rulings (
    id       TEXT NOT NULL PRIMARY KEY,
    kind     TEXT NOT NULL,
    project  TEXT NOT NULL,
    version  TEXT NOT NULL,
    filename TEXT NOT NULL,
    sha256   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    since    BIGINT NOT NULL,
    by_kind  TEXT NOT NULL,
    by_id    TEXT NOT NULL,
    by_name  TEXT NOT NULL
);
CREATE INDEX file_rulings_project ON file_rulings (project, sha256);

-- Projects that were gone from an upstream and came back, and may be served again.
CREATE TABLE accepted_returns (
    upstream TEXT NOT NULL,
    project  TEXT NOT NULL,
    at       BIGINT NOT NULL,
    reason   TEXT NOT NULL,
    by_kind  TEXT NOT NULL,
    by_id    TEXT NOT NULL,
    by_name  TEXT NOT NULL,
    PRIMARY KEY (upstream, project)
);

-- Exemptions lift the holds of one repository for the digests in exemption_files. ended_at is 0 unless somebody ended
-- one early; request_id is '' if nobody had asked for it.
CREATE TABLE exemptions (
    id            TEXT NOT NULL PRIMARY KEY,
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    project       TEXT NOT NULL,
    version       TEXT NOT NULL,
    filename      TEXT NOT NULL,
    reason        TEXT NOT NULL,
    since         BIGINT NOT NULL,
    ends_at       BIGINT NOT NULL,
    by_kind       TEXT NOT NULL,
    by_id         TEXT NOT NULL,
    by_name       TEXT NOT NULL,
    by_admin      BOOLEAN NOT NULL,
    request_id    TEXT NOT NULL,
    ended_at      BIGINT NOT NULL,
    ended_by_kind TEXT NOT NULL,
    ended_by_id   TEXT NOT NULL,
    ended_by_name TEXT NOT NULL
);
CREATE INDEX exemptions_repository ON exemptions (repository_id, since);
CREATE INDEX exemptions_ends ON exemptions (ends_at);

CREATE TABLE exemption_files (
    exemption_id TEXT NOT NULL REFERENCES exemptions (id) ON DELETE CASCADE,
    filename     TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    PRIMARY KEY (exemption_id, filename)
);

-- state is 'open', 'granted' or 'refused'.
CREATE TABLE exemption_requests (
    id              TEXT NOT NULL PRIMARY KEY,
    repository_id   TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    project         TEXT NOT NULL,
    version         TEXT NOT NULL,
    filename        TEXT NOT NULL,
    reason          TEXT NOT NULL,
    at              BIGINT NOT NULL,
    by_kind         TEXT NOT NULL,
    by_id           TEXT NOT NULL,
    by_name         TEXT NOT NULL,
    state           TEXT NOT NULL,
    decided_at      BIGINT NOT NULL,
    decided_by_kind TEXT NOT NULL,
    decided_by_id   TEXT NOT NULL,
    decided_by_name TEXT NOT NULL,
    answer          TEXT NOT NULL,
    exemption_id    TEXT NOT NULL
);
CREATE INDEX exemption_requests_repository ON exemption_requests (repository_id, at);
CREATE INDEX exemption_requests_person ON exemption_requests (by_kind, by_id, state);
