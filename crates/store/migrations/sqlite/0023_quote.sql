-- Quotes: what is offered to a customer. Columns that lists filter by repeat what the current version says.
CREATE TABLE quote (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    quote_number TEXT NOT NULL,
    -- Who may be deleted: the quote, and its number, stay.
    customer_id BLOB NOT NULL,
    business_entity_id BLOB,
    current_version_id BLOB NOT NULL,
    version_number INTEGER NOT NULL,
    status TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    currency TEXT NOT NULL,
    plan_id BLOB,
    -- The contract that it became: once.
    contract_id BLOB,
    start_date TEXT NOT NULL,
    end_date TEXT,
    valid_from TEXT NOT NULL,
    valid_until TEXT,
    custom_data TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CONSTRAINT quote_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT quote_quote_number_key UNIQUE (organisation_id, quote_number),
    CONSTRAINT quote_contract_id_key UNIQUE (organisation_id, contract_id),
    CONSTRAINT quote_business_entity FOREIGN KEY (organisation_id, business_entity_id)
        REFERENCES business_entity (organisation_id, id),
    CONSTRAINT quote_contract FOREIGN KEY (organisation_id, contract_id)
        REFERENCES contract (organisation_id, id)
);
CREATE INDEX quote_created_at ON quote (organisation_id, created_at, id);
CREATE INDEX quote_customer_id ON quote (organisation_id, customer_id, created_at, id);

CREATE TABLE quote_version (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    quote_id BLOB NOT NULL,
    version_number INTEGER NOT NULL,
    status TEXT NOT NULL,
    -- Since when it is no draft any more.
    status_at INTEGER,
    contract_id BLOB,
    payment_method_id BLOB,
    -- What it offers, as it was written.
    offer TEXT NOT NULL,
    -- The contract that it would make, with the id that this would have.
    draft_contract_id BLOB NOT NULL,
    draft_contract TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    -- What that comes to, in sums and line by line.
    estimate TEXT NOT NULL,
    invoices TEXT NOT NULL,
    -- Who sells and who buys, as they were when it was sent.
    parties TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT quote_version_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT quote_version_quote_id_version_number_key
        UNIQUE (organisation_id, quote_id, version_number),
    CONSTRAINT quote_version_quote FOREIGN KEY (organisation_id, quote_id)
        REFERENCES quote (organisation_id, id)
);
