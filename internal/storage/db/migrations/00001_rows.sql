-- One text for SQLite and PostgreSQL. Ids are made by the program, times are microseconds since 1970 in UTC with 0 for
-- "never", digests are lower-case hex, JSON is text. Never edited after a release: a change is a new file.

-- +goose Up

CREATE TABLE counters (
    name  TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('serial', 0);

CREATE TABLE repositories (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    members    TEXT NOT NULL,
    public     BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id            TEXT NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    admin         BOOLEAN NOT NULL,
    password_hash TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    disabled_at   BIGINT NOT NULL
);

CREATE TABLE projects (
    id            TEXT NOT NULL PRIMARY KEY,
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    name          TEXT NOT NULL,
    display       TEXT NOT NULL,
    status        TEXT NOT NULL,
    status_reason TEXT NOT NULL,
    serial        BIGINT NOT NULL,
    size          BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    UNIQUE (repository_id, name)
);

CREATE TABLE releases (
    id          TEXT NOT NULL PRIMARY KEY,
    project_id  TEXT NOT NULL REFERENCES projects (id),
    version     TEXT NOT NULL,
    version_key TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (project_id, version_key)
);

CREATE TABLE files (
    id                TEXT NOT NULL PRIMARY KEY,
    repository_id     TEXT NOT NULL REFERENCES repositories (id),
    project_id        TEXT NOT NULL REFERENCES projects (id),
    release_id        TEXT NOT NULL REFERENCES releases (id),
    filename          TEXT NOT NULL,
    name_key          TEXT NOT NULL,
    kind              TEXT NOT NULL,
    version           TEXT NOT NULL,
    python_version    TEXT NOT NULL,
    size              BIGINT NOT NULL,
    md5               TEXT NOT NULL,
    sha256            TEXT NOT NULL,
    blake2b_256       TEXT NOT NULL,
    metadata_sha256   TEXT NOT NULL,
    requires_python   TEXT NOT NULL,
    comment           TEXT NOT NULL,
    yanked            BOOLEAN NOT NULL,
    yanked_reason     TEXT NOT NULL,
    uploaded_at       BIGINT NOT NULL,
    uploader_kind     TEXT NOT NULL,
    uploader_id       TEXT NOT NULL,
    uploader_name     TEXT NOT NULL,
    uploader_token_id TEXT NOT NULL,
    UNIQUE (repository_id, name_key),
    UNIQUE (repository_id, filename)
);
CREATE INDEX files_project ON files (project_id, uploaded_at, id);
CREATE INDEX files_release ON files (release_id, uploaded_at, id);
CREATE INDEX files_sha256 ON files (sha256);
CREATE INDEX files_metadata_sha256 ON files (metadata_sha256);

-- Beside files, so that reading a page of 10,000 files does not pass over descriptions and claims.
CREATE TABLE file_metadata (
    file_id          TEXT NOT NULL PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
    metadata_version TEXT NOT NULL,
    summary          TEXT NOT NULL,
    document         TEXT NOT NULL
);

-- Only for files that a trusted workload uploaded.
CREATE TABLE file_claims (
    file_id TEXT NOT NULL PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
    claims  TEXT NOT NULL
);

-- Names of deleted files: they never come back.
CREATE TABLE tombstones (
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    name_key      TEXT NOT NULL,
    filename      TEXT NOT NULL,
    deleted_at    BIGINT NOT NULL,
    PRIMARY KEY (repository_id, name_key)
);

-- settled means that a file row named the key when it was last looked at; only other rows interest the sweeper.
CREATE TABLE blobs (
    blob_key TEXT NOT NULL PRIMARY KEY,
    part     TEXT NOT NULL,
    sha256   TEXT NOT NULL,
    holds    BIGINT NOT NULL,
    since    BIGINT NOT NULL,
    settled  BOOLEAN NOT NULL,
    dropping BOOLEAN NOT NULL
);
CREATE INDEX blobs_open ON blobs (since) WHERE NOT settled;

CREATE TABLE grants (
    user_id       TEXT NOT NULL REFERENCES users (id),
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    project_id    TEXT NOT NULL,
    role          TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (user_id, repository_id, project_id)
);
CREATE INDEX grants_project ON grants (project_id);

CREATE TABLE tokens (
    id           TEXT NOT NULL PRIMARY KEY,
    kind         TEXT NOT NULL,
    hash         TEXT NOT NULL UNIQUE,
    user_id      TEXT NOT NULL,
    scope        TEXT NOT NULL,
    description  TEXT NOT NULL,
    limited      BOOLEAN NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL,
    publisher    TEXT NOT NULL,
    claims       TEXT NOT NULL
);
CREATE INDEX tokens_user ON tokens (user_id);
CREATE INDEX tokens_minted ON tokens (expires_at) WHERE kind = 'minted';

CREATE TABLE token_projects (
    token_id     TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    project_id   TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    publisher_id TEXT NOT NULL,
    PRIMARY KEY (token_id, project_id, publisher_id)
);
CREATE INDEX token_projects_project ON token_projects (project_id, publisher_id);

CREATE TABLE publishers (
    id         TEXT NOT NULL PRIMARY KEY,
    issuer     TEXT NOT NULL,
    provider   TEXT NOT NULL,
    lookup     TEXT NOT NULL,
    fields     TEXT NOT NULL,
    owner_id   TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (issuer, provider, fields, owner_id)
);
CREATE INDEX publishers_lookup ON publishers (issuer, provider, lookup);

CREATE TABLE project_publishers (
    project_id   TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    publisher_id TEXT NOT NULL REFERENCES publishers (id) ON DELETE CASCADE,
    added_at     BIGINT NOT NULL,
    added_by     TEXT NOT NULL,
    PRIMARY KEY (project_id, publisher_id)
);
CREATE INDEX project_publishers_publisher ON project_publishers (publisher_id);

-- The publisher is kept in full: it gets a row of its own when the project comes to exist.
CREATE TABLE pending_publishers (
    id                   TEXT NOT NULL PRIMARY KEY,
    repository_id        TEXT NOT NULL REFERENCES repositories (id),
    project              TEXT NOT NULL,
    display              TEXT NOT NULL,
    publisher_id         TEXT NOT NULL,
    issuer               TEXT NOT NULL,
    provider             TEXT NOT NULL,
    lookup               TEXT NOT NULL,
    fields               TEXT NOT NULL,
    owner_id             TEXT NOT NULL,
    publisher_created_at BIGINT NOT NULL,
    publisher_created_by TEXT NOT NULL,
    registrant           TEXT NOT NULL,
    created_at           BIGINT NOT NULL,
    expires_at           BIGINT NOT NULL,
    UNIQUE (repository_id, project, issuer, provider, fields, owner_id)
);
CREATE INDEX pending_publishers_lookup ON pending_publishers (issuer, provider, lookup);

CREATE TABLE jtis (
    issuer         TEXT NOT NULL,
    jti            TEXT NOT NULL,
    remember_until BIGINT NOT NULL,
    PRIMARY KEY (issuer, jti)
);
CREATE INDEX jtis_until ON jtis (remember_until);

CREATE TABLE audit (
    id            TEXT NOT NULL PRIMARY KEY,
    at            BIGINT NOT NULL,
    action        TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    actor_kind    TEXT NOT NULL,
    actor_id      TEXT NOT NULL,
    actor_name    TEXT NOT NULL,
    token_id      TEXT NOT NULL,
    address       TEXT NOT NULL,
    request_id    TEXT NOT NULL,
    repository_id TEXT NOT NULL,
    project       TEXT NOT NULL,
    version       TEXT NOT NULL,
    filename      TEXT NOT NULL,
    subject       TEXT NOT NULL,
    detail        TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_project ON audit (repository_id, project, at);
