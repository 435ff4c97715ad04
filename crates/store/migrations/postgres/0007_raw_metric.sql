CREATE TABLE raw_metric (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    name text NOT NULL,
    api_slug text NOT NULL,
    fields json NOT NULL,
    unique_by json NOT NULL,
    column_order json NOT NULL,
    connector text NOT NULL,
    api_type text NOT NULL,
    usage_upload_enabled boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT raw_metric_id_key PRIMARY KEY (organisation_id, id)
);
CREATE UNIQUE INDEX raw_metric_api_slug_key ON raw_metric (organisation_id, lower(api_slug));
CREATE INDEX raw_metric_created_at ON raw_metric (organisation_id, created_at, id);
