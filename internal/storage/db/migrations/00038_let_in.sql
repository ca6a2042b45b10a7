-- What one publisher let in: its exchanges for a project, newest first, the files of those tokens, and when it was added
-- and removed.

-- +goose Up

CREATE INDEX audit_exchanges_rule ON audit (actor_id, repository_id, project, at, id) WHERE action = 'publisher.exchange';
CREATE INDEX audit_rules ON audit (subject, at, id) WHERE action IN ('publisher.add', 'publisher.remove');
CREATE INDEX files_minted ON files (uploader_token_id, uploaded_at, id) WHERE uploader_kind = 'publisher';
