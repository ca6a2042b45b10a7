-- Users who get an e-mail about each new release of a project.

-- +goose Up

-- told_at is the time of the last release that the user was told of, or of the subscription.
CREATE TABLE subscriptions (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    told_at    BIGINT NOT NULL,
    PRIMARY KEY (user_id, project_id)
);
CREATE INDEX subscriptions_project ON subscriptions (project_id);
