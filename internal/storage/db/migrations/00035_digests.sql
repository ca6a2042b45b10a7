-- Subscribers get one e-mail about all of their projects, and at most one in an hour.

-- +goose Up

-- The time of the last e-mail about new releases, 0 before the first one.
ALTER TABLE users ADD COLUMN told_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX services_creator ON services (created_by);
