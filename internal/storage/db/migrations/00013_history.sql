-- The record is read in pages, newest first, by what it is about and who did it. Projects have limits of their own, 0
-- for what is configured.

-- +goose Up

CREATE INDEX audit_order ON audit (at, id);
CREATE INDEX audit_history ON audit (repository_id, project, at, id);
CREATE INDEX audit_action ON audit (action, at, id);
CREATE INDEX audit_actor ON audit (actor_name, at, id);
CREATE INDEX audit_address ON audit (address, at, id);
CREATE INDEX audit_refused ON audit (at, id) WHERE outcome = 'refused';
DROP INDEX audit_at;
DROP INDEX audit_project;

ALTER TABLE projects ADD COLUMN file_limit BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN size_limit BIGINT NOT NULL DEFAULT 0;
