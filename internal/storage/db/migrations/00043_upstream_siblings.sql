-- What is kept beside the files of upstreams: the size of their metadata, and their provenance documents. found says that
-- the digest of the file is not one that the upstream stated first: this index computed it, or an administrator accepted
-- another one.

-- +goose Up

ALTER TABLE upstream_files ADD COLUMN found BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE upstream_files ADD COLUMN metadata_size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE upstream_files ADD COLUMN provenance_generation TEXT NOT NULL DEFAULT '';
ALTER TABLE upstream_files ADD COLUMN provenance_stored BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE upstream_files ADD COLUMN provenance_size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE upstream_files ADD COLUMN provenance_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX upstream_files_provenance ON upstream_files (provenance_sha256);
CREATE INDEX upstream_files_project ON upstream_files (upstream, project);
