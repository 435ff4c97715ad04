-- Checkouts that are paid when they are confirmed, and sessions, the older form of checkouts.
-- How a confirmed checkout is paid: payment_method_id, invoices, failure. Null where nobody waits for a payment.
ALTER TABLE checkout ADD COLUMN payment TEXT;
-- What only a session has; null for a checkout of the newer form.
ALTER TABLE checkout ADD COLUMN session TEXT;
-- The key under which a session is made once.
ALTER TABLE checkout ADD COLUMN idempotency_key TEXT;
CREATE UNIQUE INDEX checkout_idempotency_key_key ON checkout (organisation_id, idempotency_key);
CREATE INDEX checkout_by_creation ON checkout (organisation_id, created_at, id);
CREATE INDEX checkout_by_customer ON checkout (organisation_id, customer_id);
-- Those that wait for a payment, of all organisations.
CREATE INDEX checkout_unpaid ON checkout (status, updated_at)
    WHERE status IN ('processing', 'payment_failed');
