-- Quotes: what is offered to a customer. Columns that lists filter by repeat what the current version says.
CREATE TABLE quote (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    quote_number text NOT NULL,
    -- Who may be deleted: the quote, and its number, stay.
    customer_id uuid NOT NULL,
    business_entity_id uuid,
    current_version_id uuid NOT NULL,
    version_number bigint NOT NULL,
    status text NOT NULL,
    name text NOT NULL,
    description text,
    currency text NOT NULL,
    plan_id uuid,
    -- The contract that it became: once.
    contract_id uuid,
    start_date date NOT NULL,
    end_date date,
    valid_from date NOT NULL,
    valid_until date,
    custom_data json NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
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
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    quote_id uuid NOT NULL,
    version_number bigint NOT NULL,
    status text NOT NULL,
    -- Since when it is no draft any more.
    status_at timestamptz,
    contract_id uuid,
    payment_method_id uuid,
    -- What it offers, as it was written.
    offer json NOT NULL,
    -- The contract that it would make, with the id that this would have.
    draft_contract_id uuid NOT NULL,
    draft_contract json NOT NULL,
    time_zone text NOT NULL,
    -- What that comes to, in sums and line by line.
    estimate json NOT NULL,
    invoices json NOT NULL,
    -- Who sells and who buys, as they were when it was sent.
    parties json,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT quote_version_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT quote_version_quote_id_version_number_key
        UNIQUE (organisation_id, quote_id, version_number),
    CONSTRAINT quote_version_quote FOREIGN KEY (organisation_id, quote_id)
        REFERENCES quote (organisation_id, id)
);
