-- Accounts at payment gateways. `sealed` holds their secrets, encrypted under the server's master key.
CREATE TABLE connector (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    api_key_end TEXT,
    has_webhook_secret BOOLEAN NOT NULL,
    sealed BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT connector_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT connector_name_key UNIQUE (organisation_id, name)
);

CREATE TABLE payment_method (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    customer_id BLOB NOT NULL,
    connector_id BLOB NOT NULL,
    connector_name TEXT NOT NULL,
    external_id TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    type TEXT NOT NULL,
    country TEXT,
    details TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT payment_method_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT payment_method_connector_id_external_id_key
        UNIQUE (organisation_id, connector_id, external_id),
    CONSTRAINT payment_method_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE,
    CONSTRAINT payment_method_connector FOREIGN KEY (organisation_id, connector_id)
        REFERENCES connector (organisation_id, id)
);
CREATE INDEX payment_method_created_at ON payment_method (organisation_id, customer_id, created_at, id);
CREATE UNIQUE INDEX payment_method_customer_id_key ON payment_method (organisation_id, customer_id)
    WHERE is_default;

CREATE INDEX customer_connector_reference_id
    ON customer_connector (organisation_id, name, reference_id);

-- Attempts to get an invoice paid through a gateway, each with its payment. A row is written before the gateway is
-- asked; `ask_at` is when to ask again, null once it has ended.
CREATE TABLE charge (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    invoice_id BLOB NOT NULL,
    customer_id BLOB NOT NULL,
    connector_id BLOB NOT NULL,
    customer_reference TEXT NOT NULL,
    method_reference TEXT,
    amount INTEGER NOT NULL CONSTRAINT charge_amount CHECK (amount > 0),
    currency TEXT NOT NULL,
    minor_digits INTEGER NOT NULL,
    state TEXT NOT NULL,
    reference TEXT,
    url TEXT,
    failure_code TEXT,
    failure_message TEXT,
    asked INTEGER NOT NULL,
    ask_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT charge_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT charge_payment FOREIGN KEY (organisation_id, id)
        REFERENCES payment (organisation_id, id),
    CONSTRAINT charge_invoice FOREIGN KEY (organisation_id, invoice_id)
        REFERENCES invoice (organisation_id, id),
    CONSTRAINT charge_connector FOREIGN KEY (organisation_id, connector_id)
        REFERENCES connector (organisation_id, id)
);
-- One attempt of an invoice at a time, whoever begins it.
CREATE UNIQUE INDEX charge_invoice_id_key ON charge (organisation_id, invoice_id)
    WHERE ask_at IS NOT NULL;
CREATE INDEX charge_ask_at ON charge (ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX charge_connector_id ON charge (organisation_id, connector_id);
-- Refunds that a gateway has not answered.
CREATE INDEX payment_refund_in_progress ON payment (updated_at)
    WHERE type = 'refund' AND status = 'in_progress';

-- With what an organisation's payment links are signed.
CREATE TABLE payment_link_key (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT payment_link_key_key PRIMARY KEY (organisation_id)
);
