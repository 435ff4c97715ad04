CREATE TABLE organisation (
    organisation_id uuid NOT NULL CONSTRAINT organisation_key PRIMARY KEY,
    name text NOT NULL,
    is_sandbox boolean NOT NULL,
    time_zone text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE api_key (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    hash bytea NOT NULL,
    scopes text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_key_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT api_key_hash_key UNIQUE (hash)
);

CREATE TABLE audit_log (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    request_id text NOT NULL,
    action text NOT NULL,
    resource text NOT NULL,
    resource_id uuid NOT NULL,
    before json,
    after json
);
CREATE INDEX audit_log_resource ON audit_log (organisation_id, resource_id, sequence);

CREATE TABLE outbox_event (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id uuid NOT NULL,
    at timestamptz NOT NULL,
    event text NOT NULL,
    resource text NOT NULL,
    resource_id uuid NOT NULL
);

CREATE TABLE idempotency_key (
    organisation_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status bigint NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_key_key_key PRIMARY KEY (organisation_id, key)
);
CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at);
