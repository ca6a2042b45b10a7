-- Content that a backup of the rows alone needs remains in the store, after its files were deleted, until that backup is
-- forgotten.

-- +goose Up

-- When the last file of this index that had the content was deleted; 0 if none was.
ALTER TABLE blobs ADD COLUMN named_until BIGINT NOT NULL DEFAULT 0;
