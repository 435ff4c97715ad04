-- Files of usage events that people send.
CREATE TABLE usage_upload (
    organisation_id uuid NOT NULL REFERENCES organisation (organisation_id),
    id uuid NOT NULL,
    raw_metric_id uuid NOT NULL,
    backfill_id uuid,
    file_name text,
    is_packed boolean NOT NULL,
    byte_count bigint NOT NULL,
    mapping json NOT NULL,
    is_confirmed boolean NOT NULL,
    state text NOT NULL,
    row_count bigint NOT NULL,
    accepted_count bigint NOT NULL,
    repeated_count bigint NOT NULL,
    rejected_count bigint NOT NULL,
    bad_rows json NOT NULL,
    failure text,
    created_by text NOT NULL,
    claimed_by uuid,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT usage_upload_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT usage_upload_raw_metric FOREIGN KEY (organisation_id, raw_metric_id)
        REFERENCES raw_metric (organisation_id, id)
);
CREATE INDEX usage_upload_created_at ON usage_upload (organisation_id, raw_metric_id, created_at, id);
CREATE INDEX usage_upload_state ON usage_upload (state);

-- The bytes of a file until it is needed no more.
CREATE TABLE usage_upload_piece (
    organisation_id uuid NOT NULL,
    upload_id uuid NOT NULL,
    number bigint NOT NULL,
    bytes bytea NOT NULL,
    CONSTRAINT usage_upload_piece_number_key PRIMARY KEY (organisation_id, upload_id, number),
    CONSTRAINT usage_upload_piece_upload FOREIGN KEY (organisation_id, upload_id)
        REFERENCES usage_upload (organisation_id, id)
);
