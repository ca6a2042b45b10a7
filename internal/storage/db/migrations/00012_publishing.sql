-- The publishing page reads the newest exchanges of one project, and those about one pending publisher, without looking
-- at everybody's.

-- +goose Up

CREATE INDEX audit_exchanges_project ON audit (repository_id, project, at, id) WHERE action = 'publisher.exchange';
CREATE INDEX audit_exchanges_subject ON audit (subject, at, id) WHERE action = 'publisher.exchange';
