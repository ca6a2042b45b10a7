-- How often files were downloaded, by day (microseconds of its beginning, UTC) and release. Replicas add to the same row.

-- +goose Up

CREATE TABLE downloads (
    day        BIGINT NOT NULL,
    project_id TEXT NOT NULL,
    version    TEXT NOT NULL,
    downloads  BIGINT NOT NULL,
    PRIMARY KEY (day, project_id, version)
);
CREATE INDEX downloads_project ON downloads (project_id, day);
