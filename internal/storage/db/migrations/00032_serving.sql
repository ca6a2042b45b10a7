-- The issuers and the audience that the server started with, so that commands rely on them and not on their own settings.

-- +goose Up

CREATE TABLE serving (
    id         TEXT NOT NULL PRIMARY KEY, -- always 'server'
    issuers    TEXT NOT NULL,             -- JSON, in the order of the settings
    audience   TEXT NOT NULL,
    started_at BIGINT NOT NULL
);
