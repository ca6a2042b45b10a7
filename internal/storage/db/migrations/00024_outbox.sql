-- Letters of warning that wait for the mail server. They hold no secret: links that are good once are never kept.

-- +goose Up

-- due_at is when the letter is tried next; whoever moves it on has the letter to themselves until then.
CREATE TABLE outbox (
    id         TEXT NOT NULL PRIMARY KEY,
    address    TEXT NOT NULL,
    subject    TEXT NOT NULL,
    text       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    tries      BIGINT NOT NULL
);
CREATE INDEX outbox_due ON outbox (due_at, id);
CREATE INDEX outbox_address ON outbox (address);
