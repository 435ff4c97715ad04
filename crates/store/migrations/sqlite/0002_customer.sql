CREATE TABLE customer (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    external_id TEXT,
    customer_name TEXT NOT NULL,
    email TEXT,
    phone_number TEXT,
    tax_info TEXT NOT NULL,
    custom_data TEXT NOT NULL,
    custom_attributes TEXT NOT NULL,
    communications_enabled BOOLEAN NOT NULL,
    auto_charge_enabled BOOLEAN NOT NULL,
    business_entity_id BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT customer_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT customer_external_id_key UNIQUE (organisation_id, external_id)
);
CREATE UNIQUE INDEX customer_email_key ON customer (organisation_id, lower(email));
CREATE INDEX customer_created_at ON customer (organisation_id, created_at, id);
CREATE INDEX customer_customer_name ON customer (organisation_id, customer_name, id);

CREATE TABLE customer_external_id (
    organisation_id BLOB NOT NULL,
    external_id TEXT NOT NULL,
    customer_id BLOB NOT NULL,
    since INTEGER NOT NULL,
    CONSTRAINT customer_external_id_external_id_key PRIMARY KEY (organisation_id, external_id),
    CONSTRAINT customer_external_id_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);

CREATE TABLE customer_address (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    customer_id BLOB NOT NULL,
    line1 TEXT,
    line2 TEXT,
    line3 TEXT,
    city TEXT,
    state TEXT,
    zip_code TEXT,
    country TEXT,
    country_code TEXT,
    validation_status TEXT NOT NULL,
    connector_validation TEXT NOT NULL,
    is_default_billing BOOLEAN NOT NULL,
    is_default_shipping BOOLEAN NOT NULL,
    content_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CONSTRAINT customer_address_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT customer_address_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX customer_address_customer_id_content_key_key
    ON customer_address (organisation_id, customer_id, content_key) WHERE deleted_at IS NULL;
