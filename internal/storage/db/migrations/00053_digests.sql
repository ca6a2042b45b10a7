-- Files are found by the first 12 digits of their digests: the indexes are a quarter of the size. No other file has the
-- same ones, apart from chance.

-- +goose Up

DROP INDEX files_sha256;
DROP INDEX files_metadata_sha256;
CREATE INDEX files_sha256 ON files (substr(sha256, 1, 12));
CREATE INDEX files_metadata_sha256 ON files (substr(metadata_sha256, 1, 12));

DROP INDEX files_project;
CREATE INDEX files_project ON files (project_id, uploaded_at);

-- Content that was stored again after a deletion is looked for at each sweep.
CREATE INDEX blobs_again ON blobs (since) WHERE settled AND NOT dropping AND generation <> '';
