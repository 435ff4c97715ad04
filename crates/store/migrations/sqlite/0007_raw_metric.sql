CREATE TABLE raw_metric (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    api_slug TEXT NOT NULL,
    fields TEXT NOT NULL,
    unique_by TEXT NOT NULL,
    column_order TEXT NOT NULL,
    connector TEXT NOT NULL,
    api_type TEXT NOT NULL,
    usage_upload_enabled BOOLEAN NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT raw_metric_id_key PRIMARY KEY (organisation_id, id)
);
CREATE UNIQUE INDEX raw_metric_api_slug_key ON raw_metric (organisation_id, lower(api_slug));
CREATE INDEX raw_metric_created_at ON raw_metric (organisation_id, created_at, id);
