-- The base URL that the server started with, so that commands print links to the running server; '' until it starts again.

-- +goose Up
ALTER TABLE serving ADD COLUMN base_url TEXT NOT NULL DEFAULT '';
