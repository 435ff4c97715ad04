CREATE TABLE contact (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    email text NOT NULL,
    first_name text,
    last_name text,
    send_contract boolean NOT NULL,
    send_invoice boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT contact_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT contact_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX contact_customer_id ON contact (organisation_id, customer_id, created_at);
CREATE INDEX contact_created_at ON contact (organisation_id, created_at, id);

CREATE TABLE customer_connector (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    name text NOT NULL,
    reference_id text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT customer_connector_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT customer_connector_customer_id_name_key UNIQUE (organisation_id, customer_id, name),
    CONSTRAINT customer_connector_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);

-- Deleting a child takes its relationship along; a parent is refused while it has children.
CREATE TABLE customer_relationship (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    parent_customer_id uuid NOT NULL,
    child_customer_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT customer_relationship_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT customer_relationship_child_customer_id_key UNIQUE (organisation_id, child_customer_id),
    CONSTRAINT customer_relationship_parent FOREIGN KEY (organisation_id, parent_customer_id)
        REFERENCES customer (organisation_id, id),
    CONSTRAINT customer_relationship_child FOREIGN KEY (organisation_id, child_customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX customer_relationship_parent_customer_id
    ON customer_relationship (organisation_id, parent_customer_id);

-- At most one default of each kind in a customer's book.
CREATE UNIQUE INDEX customer_address_default_billing_key
    ON customer_address (organisation_id, customer_id) WHERE is_default_billing AND deleted_at IS NULL;
CREATE UNIQUE INDEX customer_address_default_shipping_key
    ON customer_address (organisation_id, customer_id) WHERE is_default_shipping AND deleted_at IS NULL;
CREATE INDEX customer_address_customer_id ON customer_address (organisation_id, customer_id, created_at);
CREATE INDEX customer_external_id_customer_id ON customer_external_id (organisation_id, customer_id);
