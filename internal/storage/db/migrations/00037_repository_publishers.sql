-- Publishers of a repository, for all projects whose names begin with a prefix.

-- +goose Up

-- A replica of an older version that removes the last project's link to a publisher removes the publisher with its rows
-- here: fewer workloads may publish then, and none more.
CREATE TABLE repository_publishers (
    id            TEXT NOT NULL PRIMARY KEY,
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    publisher_id  TEXT NOT NULL REFERENCES publishers (id) ON DELETE CASCADE,
    prefix        TEXT NOT NULL,    -- a normal name: it covers itself, and what begins with it and "-"
    creates       BOOLEAN NOT NULL, -- whether an upload may create a project
    owner_id      TEXT NOT NULL,    -- user id of the owner of such a project; "" if administrators manage it
    added_at      BIGINT NOT NULL,
    added_by      TEXT NOT NULL,
    UNIQUE (repository_id, prefix, publisher_id)
);
CREATE INDEX repository_publishers_publisher ON repository_publishers (publisher_id);

-- A minted token uploads to what its rules cover for as long as they are there; a rule that is removed while a token is
-- being minted for it leaves a binding to nothing.
CREATE TABLE token_names (
    token_id                TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    repository_publisher_id TEXT NOT NULL,
    PRIMARY KEY (token_id, repository_publisher_id)
);
CREATE INDEX token_names_publisher ON token_names (repository_publisher_id);
