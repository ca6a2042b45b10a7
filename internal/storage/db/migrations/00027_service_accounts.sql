-- Service accounts: rows of users that belong to a project or a group instead of a person. Tokens know who created them, and
-- which token replaced them.

-- +goose Up

ALTER TABLE users ADD COLUMN service BOOLEAN NOT NULL DEFAULT FALSE;

-- One of project_id and group_id is set; it stays after the project or group was deleted. created_by is the id of a user, "" for the
-- operator. A removed account keeps its row and its name, so that the name never means another account.
CREATE TABLE services (
    user_id     TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    project_id  TEXT NOT NULL,
    group_id    TEXT NOT NULL,
    description TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    removed_at  BIGINT NOT NULL
);
CREATE INDEX services_project ON services (project_id);
CREATE INDEX services_group ON services (group_id);

-- The user who created the token, if it is not the holder.
ALTER TABLE tokens ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
-- The token that replaced this one, "" if none did.
ALTER TABLE tokens ADD COLUMN replaced_by TEXT NOT NULL DEFAULT '';
