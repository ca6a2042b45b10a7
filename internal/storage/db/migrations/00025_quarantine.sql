-- +goose Up
-- A file in quarantine keeps its name and bytes, and is neither listed nor served.
ALTER TABLE files ADD COLUMN quarantined_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN quarantine_reason TEXT NOT NULL DEFAULT '';
CREATE INDEX files_quarantined ON files (release_id) WHERE quarantined_at > 0;
