-- Upstreams: indexes of other parties that repositories draw on, what was read from them, and to whom names belong.

-- +goose Up

-- settings is JSON, with the keys of the configuration file; revision counts changes of the URL.
CREATE TABLE upstreams (
    name       TEXT NOT NULL PRIMARY KEY,
    settings   TEXT NOT NULL,
    declared   BOOLEAN NOT NULL,
    revision   BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The bases of a repository, in order: another repository (base_id) or an upstream; the other is ''.
CREATE TABLE repository_bases (
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    position      BIGINT NOT NULL,
    base_id       TEXT NOT NULL,
    upstream      TEXT NOT NULL,
    PRIMARY KEY (repository_id, position)
);
CREATE INDEX repository_bases_base ON repository_bases (base_id);
CREATE INDEX repository_bases_upstream ON repository_bases (upstream);

ALTER TABLE repositories ADD COLUMN require_hashes BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE repositories ADD COLUMN upstream_readers TEXT NOT NULL DEFAULT 'any';
ALTER TABLE repositories ADD COLUMN anonymous_fetch BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE repositories ADD COLUMN declared BOOLEAN NOT NULL DEFAULT FALSE;

-- Names that were first answered by an upstream have the origin 'upstream'. Such a row does not move the serial.
ALTER TABLE names ADD COLUMN upstream TEXT NOT NULL DEFAULT '';

-- The upstream that owns a name for a repository: the first that had it.
CREATE TABLE name_sources (
    repository_id TEXT NOT NULL,
    name          TEXT NOT NULL,
    upstream      TEXT NOT NULL,
    since         BIGINT NOT NULL,
    PRIMARY KEY (repository_id, name)
);

-- What an administrator decided about a name in one repository: origin 'own', 'upstream', 'both' or 'adopted'.
CREATE TABLE name_rulings (
    repository_id TEXT NOT NULL,
    name          TEXT NOT NULL,
    origin        TEXT NOT NULL,
    versions      TEXT NOT NULL,
    since         BIGINT NOT NULL,
    by_kind       TEXT NOT NULL,
    by_id         TEXT NOT NULL,
    by_name       TEXT NOT NULL,
    why           TEXT NOT NULL,
    PRIMARY KEY (repository_id, name)
);

-- Names that are own before anything was uploaded. why is 'reserved' (pattern is a prefix if is_prefix) or 'pending' (a
-- pending publisher, id in subject). ends_at is 0 if it does not end.
CREATE TABLE reservations (
    pattern       TEXT NOT NULL,
    is_prefix     BOOLEAN NOT NULL,
    repository_id TEXT NOT NULL,
    why           TEXT NOT NULL,
    subject       TEXT NOT NULL,
    since         BIGINT NOT NULL,
    ends_at       BIGINT NOT NULL,
    by_kind       TEXT NOT NULL,
    by_id         TEXT NOT NULL,
    by_name       TEXT NOT NULL,
    reason        TEXT NOT NULL,
    PRIMARY KEY (pattern, is_prefix, repository_id, why, subject)
);

-- The page of a project as an upstream stated it: a compact record, see package page. All of this may be lost: it is
-- fetched again. absent means that the upstream answered that there is no such project.
CREATE TABLE upstream_pages (
    upstream      TEXT NOT NULL,
    name          TEXT NOT NULL,
    revision      TEXT NOT NULL,
    of_url        BIGINT NOT NULL,
    record        BYTEA NOT NULL,
    etag          TEXT NOT NULL,
    last_modified TEXT NOT NULL,
    serial        TEXT NOT NULL,
    url           TEXT NOT NULL,
    absent        BOOLEAN NOT NULL,
    fetched_at    BIGINT NOT NULL,
    checked_at    BIGINT NOT NULL,
    failing_since BIGINT NOT NULL,
    lower_since   BIGINT NOT NULL,
    used_at       BIGINT NOT NULL,
    PRIMARY KEY (upstream, name)
);
CREATE INDEX upstream_pages_used ON upstream_pages (used_at);

-- The replica that is asking an upstream for a page, until a time.
CREATE TABLE upstream_leases (
    upstream TEXT NOT NULL,
    name     TEXT NOT NULL,
    holder   TEXT NOT NULL,
    ends_at  BIGINT NOT NULL,
    PRIMARY KEY (upstream, name)
);

-- The names on an upstream's root list, as sorted hashes; see package page.
CREATE TABLE upstream_lists (
    upstream      TEXT NOT NULL PRIMARY KEY,
    of_url        BIGINT NOT NULL,
    hashes        BYTEA NOT NULL,
    names         BIGINT NOT NULL,
    etag          TEXT NOT NULL,
    last_modified TEXT NOT NULL,
    fetched_at    BIGINT NOT NULL,
    checked_at    BIGINT NOT NULL,
    problem       TEXT NOT NULL
);

-- Files of upstreams that were asked for. path is the part of the URL below packages/ and the upstream's name. sha256
-- pins the content. stored says that the content, or that of metadata, is kept; see package files.
CREATE TABLE upstream_files (
    upstream            TEXT NOT NULL,
    path                TEXT NOT NULL,
    project             TEXT NOT NULL,
    filename            TEXT NOT NULL,
    sha256              TEXT NOT NULL,
    size                BIGINT NOT NULL,
    generation          TEXT NOT NULL,
    stored              BOOLEAN NOT NULL,
    metadata_sha256     TEXT NOT NULL,
    metadata_generation TEXT NOT NULL,
    metadata_stored     BOOLEAN NOT NULL,
    provenance_sha256   TEXT NOT NULL DEFAULT '',
    blocked_until       BIGINT NOT NULL DEFAULT 0,
    changed_sha256      TEXT NOT NULL DEFAULT '',
    first_at            BIGINT NOT NULL,
    used_at             BIGINT NOT NULL,
    PRIMARY KEY (upstream, path)
);
CREATE INDEX upstream_files_sha256 ON upstream_files (sha256);
CREATE INDEX upstream_files_metadata ON upstream_files (metadata_sha256);
CREATE INDEX upstream_files_used ON upstream_files (used_at);
CREATE INDEX upstream_files_name ON upstream_files (upstream, filename);
