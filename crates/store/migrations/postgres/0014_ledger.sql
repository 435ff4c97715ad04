CREATE TABLE account (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    name text NOT NULL,
    account_category text NOT NULL,
    balance_normality text NOT NULL,
    is_parent boolean NOT NULL,
    parent_path text,
    description text,
    custom_data json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT account_id_key PRIMARY KEY (organisation_id, id)
);
CREATE INDEX account_created_at ON account (organisation_id, created_at, id);

-- The chart of accounts of organisations that are older than this table; `florin_core::ledger::CHART` is
-- the chart of new ones.
INSERT INTO account (
    organisation_id, id, name, account_category, balance_normality, is_parent, parent_path, custom_data,
    created_at, updated_at
)
WITH chart (id, name, account_category, balance_normality, is_parent, parent_path) AS (
    SELECT uuid '00000000-0000-8000-8000-000000000100', 'Cash', 'Assets', 'debit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000110', 'Accounts Receivable', 'Assets', 'debit', TRUE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000111', 'Customers', 'Assets', 'debit', FALSE, 'Accounts Receivable' UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000112', 'Payment Gateways', 'Assets', 'debit', FALSE, 'Accounts Receivable' UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000120', 'TDS Receivable', 'Assets', 'debit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000130', 'Unbilled Revenue', 'Assets', 'debit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000200', 'Accounts Payable', 'Liabilities', 'credit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000210', 'Contra Accounts Receivable', 'Liabilities', 'credit', TRUE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000211', 'Customers', 'Liabilities', 'credit', FALSE, 'Contra Accounts Receivable' UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000212', 'Payment Gateways', 'Liabilities', 'credit', FALSE, 'Contra Accounts Receivable' UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000220', 'Customer Wallet', 'Liabilities', 'credit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000230', 'Deferred Revenue', 'Liabilities', 'credit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000240', 'Sales Tax', 'Liabilities', 'credit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000300', 'Retained Earnings', 'Equity', 'credit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000400', 'Sales and Services Revenue', 'Income', 'credit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000500', 'GST', 'Expenses', 'debit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000510', 'Payment Gateway Fees', 'Expenses', 'debit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000520', 'Sales Returns and Allowances', 'Expenses', 'debit', FALSE, NULL UNION ALL
    SELECT uuid '00000000-0000-8000-8000-000000000530', 'Tax Withheld', 'Expenses', 'debit', FALSE, NULL
)
SELECT organisation_id, id, chart.name, account_category, balance_normality, is_parent, parent_path,
    '{"default_account":true}'::json, created_at, created_at
FROM organisation CROSS JOIN chart;

-- Entries are never changed: a correction is a reversing entry. The lines of an entry come first and the
-- entry closes them, so that the check of its balance sees them all and none can be added later.
CREATE TABLE journal_entry (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    event text NOT NULL,
    source_id uuid,
    revision bigint NOT NULL,
    reverses_id uuid,
    description text NOT NULL,
    currency text NOT NULL,
    minor_digits bigint NOT NULL,
    business_entity_id uuid,
    posted_at timestamptz NOT NULL,
    status_type text NOT NULL,
    custom_data json,
    line_count bigint NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL,
    seal_number bigint,
    CONSTRAINT journal_entry_id_key PRIMARY KEY (organisation_id, id)
);
-- An event is posted once.
CREATE UNIQUE INDEX journal_entry_source_id_event_revision_key
    ON journal_entry (organisation_id, source_id, event, revision);
CREATE INDEX journal_entry_posted_at ON journal_entry (organisation_id, posted_at, id);
CREATE INDEX journal_entry_seal_number ON journal_entry (organisation_id, seal_number, id);

CREATE TABLE journal_line (
    organisation_id uuid NOT NULL,
    journal_entry_id uuid NOT NULL,
    position bigint NOT NULL,
    account_id uuid NOT NULL,
    debits bigint NOT NULL,
    credits bigint NOT NULL,
    currency text NOT NULL,
    posted_at timestamptz NOT NULL,
    customer_id uuid,
    contract_id uuid,
    invoice_id uuid,
    credit_note_id uuid,
    payment_id uuid,
    refund_id uuid,
    product_id uuid,
    line_id uuid,
    tax_id uuid,
    revenue_contract_id uuid,
    revenue_contract_item_id uuid,
    performance_obligation_id uuid,
    CONSTRAINT journal_line_journal_entry_id_position_key
        PRIMARY KEY (organisation_id, journal_entry_id, position),
    CONSTRAINT journal_line_one_side CHECK (
        debits >= 0 AND credits >= 0 AND (debits = 0) <> (credits = 0)
    ),
    CONSTRAINT journal_line_journal_entry FOREIGN KEY (organisation_id, journal_entry_id)
        REFERENCES journal_entry (organisation_id, id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX journal_line_account_id ON journal_line (organisation_id, account_id, posted_at);
CREATE INDEX journal_line_customer_id ON journal_line (organisation_id, customer_id);
CREATE INDEX journal_line_invoice_id ON journal_line (organisation_id, invoice_id);

-- Entries are sealed in batches; the hash of a seal covers its entries and the hash of the seal before.
CREATE TABLE journal_seal (
    organisation_id uuid NOT NULL REFERENCES organisation,
    number bigint NOT NULL,
    entry_count bigint NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT journal_seal_number_key PRIMARY KEY (organisation_id, number)
);

CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: a correction is a reversing entry', TG_TABLE_NAME;
END $$;

CREATE TRIGGER journal_entry_never_changes BEFORE UPDATE OF
    organisation_id, id, event, source_id, revision, reverses_id, description, currency,
    minor_digits, business_entity_id, posted_at, status_type, custom_data, line_count, actor, created_at
    ON journal_entry FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER journal_entry_is_sealed_once BEFORE UPDATE OF seal_number ON journal_entry
    FOR EACH ROW WHEN (OLD.seal_number IS NOT NULL) EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER journal_entry_stays BEFORE DELETE ON journal_entry
    FOR EACH ROW WHEN (OLD.status_type = 'posted') EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER journal_entry_is_never_emptied BEFORE TRUNCATE ON journal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER journal_line_never_changes BEFORE UPDATE ON journal_line
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER journal_line_is_never_emptied BEFORE TRUNCATE ON journal_line
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER journal_seal_never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_seal
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

CREATE FUNCTION journal_line_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM removed JOIN journal_entry AS entry
            ON entry.organisation_id = removed.organisation_id AND entry.id = removed.journal_entry_id
        WHERE entry.status_type = 'posted'
    ) THEN
        RAISE EXCEPTION 'journal_line is append-only: a correction is a reversing entry';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_line_stays AFTER DELETE ON journal_line REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION journal_line_stays();

-- No foreign key to the account: its check would lock the row of a busy account for every line.
CREATE FUNCTION journal_line_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM added JOIN journal_entry AS entry
            ON entry.organisation_id = added.organisation_id AND entry.id = added.journal_entry_id
    ) THEN
        RAISE EXCEPTION 'the journal entry is closed: no line can be added';
    END IF;
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT organisation_id, account_id FROM added) AS used
        WHERE NOT EXISTS (
            SELECT 1 FROM account
            WHERE account.organisation_id = used.organisation_id AND account.id = used.account_id
        )
    ) THEN
        RAISE EXCEPTION 'a journal line names an account that is not there';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_line_is_open AFTER INSERT ON journal_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION journal_line_is_open();

CREATE FUNCTION journal_entry_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM added WHERE NOT COALESCE((
            SELECT COUNT(*) = added.line_count AND SUM(line.debits) = SUM(line.credits)
                AND MIN(line.currency) = added.currency AND MAX(line.currency) = added.currency
                AND MIN(line.posted_at) = added.posted_at AND MAX(line.posted_at) = added.posted_at
            FROM journal_line AS line
            WHERE line.organisation_id = added.organisation_id AND line.journal_entry_id = added.id
        ), FALSE)
    ) THEN
        RAISE EXCEPTION 'the journal entry is not balanced';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_entry_is_balanced AFTER INSERT ON journal_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION journal_entry_is_balanced();
