-- Accounts at payment gateways. `sealed` holds their secrets, encrypted under the server's master key.
CREATE TABLE connector (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    name text NOT NULL,
    api_key_end text,
    has_webhook_secret boolean NOT NULL,
    sealed bytea,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT connector_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT connector_name_key UNIQUE (organisation_id, name)
);

CREATE TABLE payment_method (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    connector_id uuid NOT NULL,
    connector_name text NOT NULL,
    external_id text NOT NULL,
    is_default boolean NOT NULL,
    status text NOT NULL,
    type text NOT NULL,
    country text,
    details json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
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
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    connector_id uuid NOT NULL,
    customer_reference text NOT NULL,
    method_reference text,
    amount bigint NOT NULL CONSTRAINT charge_amount CHECK (amount > 0),
    currency text NOT NULL,
    minor_digits bigint NOT NULL,
    state text NOT NULL,
    reference text,
    url text,
    failure_code text,
    failure_message text,
    asked bigint NOT NULL,
    ask_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
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
    organisation_id uuid NOT NULL REFERENCES organisation,
    key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT payment_link_key_key PRIMARY KEY (organisation_id)
);
