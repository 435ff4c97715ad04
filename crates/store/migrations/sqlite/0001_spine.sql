CREATE TABLE organisation (
    organisation_id BLOB NOT NULL CONSTRAINT organisation_key PRIMARY KEY,
    name TEXT NOT NULL,
    is_sandbox BOOLEAN NOT NULL,
    time_zone TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE api_key (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    hash BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    CONSTRAINT api_key_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT api_key_hash_key UNIQUE (hash)
);

CREATE TABLE audit_log (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    resource_id BLOB NOT NULL,
    before TEXT,
    after TEXT
);
CREATE INDEX audit_log_resource ON audit_log (organisation_id, resource_id, sequence);

CREATE TABLE outbox_event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    resource TEXT NOT NULL,
    resource_id BLOB NOT NULL
);

CREATE TABLE idempotency_key (
    organisation_id BLOB NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT idempotency_key_key_key PRIMARY KEY (organisation_id, key)
);
CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at);
