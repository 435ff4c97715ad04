-- What customers may use: features that they have, quantities and credits that they use up.
CREATE TABLE entitlement (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    entitlement_type TEXT NOT NULL,
    units TEXT,
    is_active BOOLEAN NOT NULL,
    product_id BLOB,
    aggregate_id BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CONSTRAINT entitlement_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX entitlement_created_at ON entitlement (organisation_id, created_at, id);
CREATE INDEX entitlement_product_id ON entitlement (organisation_id, product_id);

-- What a customer was granted. `quantity_held` is what open drafts of invoices would draw.
CREATE TABLE entitlement_grant (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    entitlement_id BLOB NOT NULL,
    customer_id BLOB NOT NULL,
    status TEXT NOT NULL,
    active_from INTEGER NOT NULL,
    expiry_at INTEGER,
    quantity TEXT COLLATE DECIMAL NOT NULL,
    quantity_used TEXT COLLATE DECIMAL NOT NULL,
    quantity_held TEXT COLLATE DECIMAL NOT NULL,
    source_type TEXT NOT NULL,
    source_id BLOB,
    event TEXT NOT NULL,
    contract_id BLOB,
    invoice_id BLOB,
    block_amount TEXT COLLATE DECIMAL,
    numeric_value TEXT COLLATE DECIMAL,
    feature_option_value TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
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
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    grant_id BLOB NOT NULL,
    entitlement_id BLOB NOT NULL,
    customer_id BLOB NOT NULL,
    source_type TEXT NOT NULL,
    source_id BLOB,
    day TEXT,
    quantity TEXT COLLATE DECIMAL NOT NULL,
    is_held BOOLEAN NOT NULL,
    created_at INTEGER NOT NULL,
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
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    entitlement_id BLOB NOT NULL,
    customer_id BLOB NOT NULL,
    quantity TEXT COLLATE DECIMAL NOT NULL,
    quantity_committed TEXT COLLATE DECIMAL NOT NULL,
    status TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT entitlement_reservation_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT entitlement_reservation_entitlement FOREIGN KEY (organisation_id, entitlement_id)
        REFERENCES entitlement (organisation_id, id),
    CONSTRAINT entitlement_reservation_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX entitlement_reservation_customer_id
    ON entitlement_reservation (organisation_id, customer_id, entitlement_id, expires_at);
