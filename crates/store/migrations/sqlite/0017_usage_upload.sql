-- Files of usage events that people send.
CREATE TABLE usage_upload (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    raw_metric_id BLOB NOT NULL,
    backfill_id BLOB,
    file_name TEXT,
    is_packed BOOLEAN NOT NULL,
    byte_count INTEGER NOT NULL,
    mapping TEXT NOT NULL,
    is_confirmed BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    accepted_count INTEGER NOT NULL,
    repeated_count INTEGER NOT NULL,
    rejected_count INTEGER NOT NULL,
    bad_rows TEXT NOT NULL,
    failure TEXT,
    created_by TEXT NOT NULL,
    claimed_by BLOB,
    claimed_until INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT usage_upload_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT usage_upload_raw_metric FOREIGN KEY (organisation_id, raw_metric_id)
        REFERENCES raw_metric (organisation_id, id)
);
CREATE INDEX usage_upload_created_at ON usage_upload (organisation_id, raw_metric_id, created_at, id);
CREATE INDEX usage_upload_state ON usage_upload (state);

-- The bytes of a file until it is needed no more.
CREATE TABLE usage_upload_piece (
    organisation_id BLOB NOT NULL,
    upload_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    CONSTRAINT usage_upload_piece_number_key PRIMARY KEY (organisation_id, upload_id, number),
    CONSTRAINT usage_upload_piece_upload FOREIGN KEY (organisation_id, upload_id)
        REFERENCES usage_upload (organisation_id, id)
);
