-- What customers may use: features that they have, quantities and credits that they use up.
CREATE TABLE entitlement (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    name text NOT NULL,
    description text,
    entitlement_type text NOT NULL,
    units text,
    is_active boolean NOT NULL,
    product_id uuid,
    aggregate_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT entitlement_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX entitlement_created_at ON entitlement (organisation_id, created_at, id);
CREATE INDEX entitlement_product_id ON entitlement (organisation_id, product_id);

-- What a customer was granted. `quantity_held` is what open drafts of invoices would draw.
CREATE TABLE entitlement_grant (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    entitlement_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    status text NOT NULL,
    active_from timestamptz NOT NULL,
    expiry_at timestamptz,
    quantity numeric NOT NULL,
    quantity_used numeric NOT NULL,
    quantity_held numeric NOT NULL,
    source_type text NOT NULL,
    source_id uuid,
    event text NOT NULL,
    contract_id uuid,
    invoice_id uuid,
    block_amount numeric,
    numeric_value numeric,
    feature_option_value text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT entitlement_grant_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT entitlement_grant_used
        CHECK (quantity_used >= 0 AND quantity_held >= 0 AND quantity_used <= quantity),
    CONSTRAINT entitlement_grant_entitlement FOREIGN KEY (organisation_id, entitlement_id)
        REFERENCES entitlement (organisation_id, id),
    CONSTRAINT entitlement_grant_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX entitlement_grant_created_at ON entitlement_grant (organisation_id, created_at, id);
CREATE INDEX entitlement_grant_customer_id
    ON entitlement_grant (organisation_id, customer_id, entitlement_id, created_at);
CREATE INDEX entitlement_grant_entitlement_id ON entitlement_grant (organisation_id, entitlement_id);
CREATE INDEX entitlement_grant_invoice_id ON entitlement_grant (organisation_id, invoice_id);
CREATE INDEX entitlement_grant_source_id ON entitlement_grant (organisation_id, source_id);

-- What was taken of a grant, and for what: a part of an invoice, a reservation, the usage of a day.
CREATE TABLE entitlement_draw (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    grant_id uuid NOT NULL,
    entitlement_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    source_type text NOT NULL,
    source_id uuid,
    day date,
    quantity numeric NOT NULL,
    is_held boolean NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT entitlement_draw_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT entitlement_draw_grant FOREIGN KEY (organisation_id, grant_id)
        REFERENCES entitlement_grant (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX entitlement_draw_grant_id ON entitlement_draw (organisation_id, grant_id);
CREATE INDEX entitlement_draw_source_id ON entitlement_draw (organisation_id, source_id);
CREATE INDEX entitlement_draw_day
    ON entitlement_draw (organisation_id, entitlement_id, customer_id, day);

-- Units that are set aside for what is about to be used.
CREATE TABLE entitlement_reservation (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    entitlement_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    quantity numeric NOT NULL,
    quantity_committed numeric NOT NULL,
    status text NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT entitlement_reservation_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT entitlement_reservation_entitlement FOREIGN KEY (organisation_id, entitlement_id)
        REFERENCES entitlement (organisation_id, id),
    CONSTRAINT entitlement_reservation_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX entitlement_reservation_customer_id
    ON entitlement_reservation (organisation_id, customer_id, entitlement_id, expires_at);
