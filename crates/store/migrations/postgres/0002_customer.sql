CREATE TABLE customer (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    external_id text,
    customer_name text NOT NULL,
    email text,
    phone_number text,
    tax_info json NOT NULL,
    custom_data json NOT NULL,
    custom_attributes json NOT NULL,
    communications_enabled boolean NOT NULL,
    auto_charge_enabled boolean NOT NULL,
    business_entity_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT customer_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT customer_external_id_key UNIQUE (organisation_id, external_id)
);
CREATE UNIQUE INDEX customer_email_key ON customer (organisation_id, lower(email));
CREATE INDEX customer_created_at ON customer (organisation_id, created_at, id);
CREATE INDEX customer_customer_name ON customer (organisation_id, customer_name, id);

CREATE TABLE customer_external_id (
    organisation_id uuid NOT NULL,
    external_id text NOT NULL,
    customer_id uuid NOT NULL,
    since timestamptz NOT NULL,
    CONSTRAINT customer_external_id_external_id_key PRIMARY KEY (organisation_id, external_id),
    CONSTRAINT customer_external_id_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);

CREATE TABLE customer_address (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    line1 text,
    line2 text,
    line3 text,
    city text,
    state text,
    zip_code text,
    country text,
    country_code text,
    validation_status text NOT NULL,
    connector_validation json NOT NULL,
    is_default_billing boolean NOT NULL,
    is_default_shipping boolean NOT NULL,
    content_key text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT customer_address_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT customer_address_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX customer_address_customer_id_content_key_key
    ON customer_address (organisation_id, customer_id, content_key) WHERE deleted_at IS NULL;
