-- +goose Up
-- What changed in a repository since a reader last looked.
CREATE INDEX projects_serial ON projects (repository_id, serial);
