-- What was recorded of exchanges of identity tokens is read by itself and goes after a while; the rest of the record is
-- much longer and stays.

-- +goose Up

CREATE INDEX audit_exchanges ON audit (at, id) WHERE action = 'publisher.exchange';
