-- Tokens for one upload, projects that only trusted publishers upload to, and which API tokens uploaded beside
-- publishers, so that each is told of once.

-- +goose Up

ALTER TABLE projects ADD COLUMN trusted_only BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE tokens ADD COLUMN single_use BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE tokens ADD COLUMN spent_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE uploads_beside_publishers (
    token_id   TEXT NOT NULL,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    noted_at   BIGINT NOT NULL,
    PRIMARY KEY (token_id, project_id)
);
CREATE INDEX uploads_beside_publishers_project ON uploads_beside_publishers (project_id);
