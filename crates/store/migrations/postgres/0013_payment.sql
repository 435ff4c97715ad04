-- What a customer may set off against what it owes, in one currency: the sum of its entries, kept beside them
-- so that it can be locked and read at once.
CREATE TABLE wallet (
    organisation_id uuid NOT NULL REFERENCES organisation,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    minor_digits bigint NOT NULL,
    balance bigint NOT NULL,
    entry_count bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT wallet_customer_id_currency_key PRIMARY KEY (organisation_id, customer_id, currency),
    CONSTRAINT wallet_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id)
);

-- Every change of a wallet, numbered from 1 without a gap. Rows are never changed: a correction is another one.
CREATE TABLE wallet_entry (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    currency text NOT NULL,
    minor_digits bigint NOT NULL,
    sequence bigint NOT NULL,
    type text NOT NULL,
    amount bigint NOT NULL CONSTRAINT wallet_entry_amount CHECK (amount <> 0),
    balance bigint NOT NULL,
    source_id uuid,
    description text,
    created_at timestamptz NOT NULL,
    CONSTRAINT wallet_entry_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT wallet_entry_customer_id_currency_sequence_key
        UNIQUE (organisation_id, customer_id, currency, sequence),
    CONSTRAINT wallet_entry_wallet FOREIGN KEY (organisation_id, customer_id, currency)
        REFERENCES wallet (organisation_id, customer_id, currency)
);
CREATE INDEX wallet_entry_created_at ON wallet_entry (organisation_id, customer_id, created_at, id);
CREATE INDEX wallet_entry_source_id ON wallet_entry (organisation_id, source_id);

CREATE FUNCTION wallet_entry_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an entry of a wallet is never changed: write another one';
END $$;
CREATE TRIGGER wallet_entry_is_final BEFORE UPDATE OR DELETE ON wallet_entry
    FOR EACH ROW EXECUTE FUNCTION wallet_entry_is_final();

-- Payments, refunds, reversals and withheld taxes. Amounts are minor units; `amount_refunded` is the sum of
-- what went back of the parts and of the wallet's share.
CREATE TABLE payment (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    customer_id uuid NOT NULL,
    type text NOT NULL,
    payment_method text,
    payment_method_details json NOT NULL,
    origin text NOT NULL,
    amount bigint NOT NULL CONSTRAINT payment_amount CHECK (amount > 0),
    currency_code text NOT NULL,
    minor_digits bigint NOT NULL,
    wallet_amount bigint NOT NULL,
    wallet_refunded bigint NOT NULL,
    amount_refunded bigint NOT NULL,
    status text NOT NULL,
    parent_id uuid,
    credit_note_id uuid,
    external_id text,
    connector_id uuid,
    connector_name text,
    receipt_number text,
    description text,
    autocharge boolean NOT NULL,
    refund_destination text,
    writes_off boolean NOT NULL,
    idempotency_key text,
    failure text,
    moved_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT payment_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT payment_idempotency_key_key UNIQUE (organisation_id, idempotency_key),
    CONSTRAINT payment_given_back
        CHECK (amount_refunded >= 0 AND amount_refunded <= amount AND wallet_refunded <= wallet_amount),
    CONSTRAINT payment_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id),
    CONSTRAINT payment_parent FOREIGN KEY (organisation_id, parent_id)
        REFERENCES payment (organisation_id, id)
);
CREATE UNIQUE INDEX payment_external_id_key ON payment (organisation_id, external_id)
    WHERE deleted_at IS NULL;
CREATE INDEX payment_created_at ON payment (organisation_id, created_at, id);
CREATE INDEX payment_customer_id ON payment (organisation_id, customer_id, created_at);
CREATE INDEX payment_parent_id ON payment (organisation_id, parent_id);
CREATE INDEX payment_credit_note_id ON payment (organisation_id, credit_note_id);

-- What of a payment is for which invoice.
CREATE TABLE payment_part (
    organisation_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    position bigint NOT NULL,
    amount bigint NOT NULL CONSTRAINT payment_part_amount CHECK (amount > 0),
    amount_refunded bigint NOT NULL,
    CONSTRAINT payment_part_payment_id_invoice_id_key
        PRIMARY KEY (organisation_id, payment_id, invoice_id),
    CONSTRAINT payment_part_given_back CHECK (amount_refunded >= 0 AND amount_refunded <= amount),
    CONSTRAINT payment_part_payment FOREIGN KEY (organisation_id, payment_id)
        REFERENCES payment (organisation_id, id),
    CONSTRAINT payment_part_invoice FOREIGN KEY (organisation_id, invoice_id)
        REFERENCES invoice (organisation_id, id)
);
CREATE INDEX payment_part_invoice_id ON payment_part (organisation_id, invoice_id);

-- Credit notes. `against_due`, `to_wallet`, `external` and the refunds sum to the amount; `buckets` is what is
-- credited of each line and tax of the invoice, in minor units.
CREATE TABLE credit_note (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    credit_note_number text NOT NULL,
    business_entity_id uuid,
    number_series uuid NOT NULL,
    customer_id uuid NOT NULL,
    invoice_id uuid,
    amount bigint NOT NULL CONSTRAINT credit_note_amount CHECK (amount > 0),
    currency text NOT NULL,
    minor_digits bigint NOT NULL,
    reason text NOT NULL,
    status text NOT NULL,
    repayment_method text NOT NULL,
    against_due bigint NOT NULL,
    to_wallet bigint NOT NULL,
    external bigint NOT NULL,
    refund_amount bigint NOT NULL,
    buckets json NOT NULL,
    line_items json NOT NULL,
    custom_data json NOT NULL,
    issued_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT credit_note_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT credit_note_settled CHECK (against_due + to_wallet + external + refund_amount = amount),
    CONSTRAINT credit_note_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id),
    CONSTRAINT credit_note_invoice FOREIGN KEY (organisation_id, invoice_id)
        REFERENCES invoice (organisation_id, id)
);
CREATE UNIQUE INDEX credit_note_number_series_credit_note_number_key
    ON credit_note (organisation_id, number_series, credit_note_number);
CREATE INDEX credit_note_created_at ON credit_note (organisation_id, created_at, id);
CREATE INDEX credit_note_customer_id ON credit_note (organisation_id, customer_id, created_at);
CREATE INDEX credit_note_invoice_id ON credit_note (organisation_id, invoice_id);

-- What a credit note gives back through which payment.
CREATE TABLE credit_note_refund (
    organisation_id uuid NOT NULL,
    credit_note_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    position bigint NOT NULL,
    amount bigint NOT NULL CONSTRAINT credit_note_refund_amount CHECK (amount > 0),
    CONSTRAINT credit_note_refund_credit_note_id_payment_id_key
        PRIMARY KEY (organisation_id, credit_note_id, payment_id),
    CONSTRAINT credit_note_refund_credit_note FOREIGN KEY (organisation_id, credit_note_id)
        REFERENCES credit_note (organisation_id, id),
    CONSTRAINT credit_note_refund_payment FOREIGN KEY (organisation_id, payment_id)
        REFERENCES payment (organisation_id, id)
);
CREATE INDEX credit_note_refund_payment_id ON credit_note_refund (organisation_id, payment_id);
