-- What a repository serves of upstreams: the age that files must have, in microseconds, a time in microseconds (0 for
-- none), and the other rules; '' is the default of each.

-- +goose Up

ALTER TABLE repositories ADD COLUMN cooldown BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN cooldown_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN observe BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE repositories ADD COLUMN startup_files TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN show_held TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN keep_removed TEXT NOT NULL DEFAULT '';
