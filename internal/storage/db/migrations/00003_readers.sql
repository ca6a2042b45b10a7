-- Workloads that may read without a stored secret.

-- +goose Up

-- whole means all of the repository; otherwise the projects of reader_projects alone, and none where there is none.
CREATE TABLE readers (
    id            TEXT NOT NULL PRIMARY KEY,
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    whole         BOOLEAN NOT NULL,
    issuer        TEXT NOT NULL,
    provider      TEXT NOT NULL,
    lookup        TEXT NOT NULL,
    fields        TEXT NOT NULL,
    owner_id      TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    created_by    TEXT NOT NULL
);
CREATE INDEX readers_lookup ON readers (issuer, provider, lookup);
CREATE INDEX readers_repository ON readers (repository_id);

CREATE TABLE reader_projects (
    reader_id  TEXT NOT NULL REFERENCES readers (id) ON DELETE CASCADE,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    PRIMARY KEY (reader_id, project_id)
);
CREATE INDEX reader_projects_project ON reader_projects (project_id);

-- A minted token reads what its rules name for as long as they are there; a rule that is removed while a token is being
-- minted for it leaves a binding to nothing.
CREATE TABLE token_readers (
    token_id  TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    reader_id TEXT NOT NULL,
    PRIMARY KEY (token_id, reader_id)
);
CREATE INDEX token_readers_reader ON token_readers (reader_id);
