-- Indexes of the audit log and of the files of a release without the ids of the rows. Rows of the same microsecond, or of
-- the same release, are few: they are sorted when they are read. Exchanges are found by their action.

-- +goose Up

DROP INDEX audit_exchanges;
DROP INDEX audit_order;
DROP INDEX audit_history;
DROP INDEX audit_action;
DROP INDEX audit_actor;
DROP INDEX audit_address;
CREATE INDEX audit_order ON audit (at);
CREATE INDEX audit_history ON audit (repository_id, project, at);
CREATE INDEX audit_action ON audit (action, at);
CREATE INDEX audit_actor ON audit (actor_name, at);
CREATE INDEX audit_address ON audit (address, at);

DROP INDEX files_release;
CREATE INDEX files_release ON files (release_id);
