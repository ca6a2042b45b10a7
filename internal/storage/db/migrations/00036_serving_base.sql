-- Where the server that was started last is reached, and whether it allows reading without a token, so that commands know
-- what is true of the running server. base_url is '' until it starts again.

-- +goose Up
ALTER TABLE serving ADD COLUMN base_url TEXT NOT NULL DEFAULT '';
ALTER TABLE serving ADD COLUMN anonymous_read BOOLEAN NOT NULL DEFAULT FALSE;
