-- Members of wheels that run code whenever Python starts: lines, "" for none, NULL for files that were uploaded before.

-- +goose Up
ALTER TABLE file_members ADD COLUMN startup TEXT;
ALTER TABLE projects ADD COLUMN startup_files BOOLEAN NOT NULL DEFAULT FALSE;
