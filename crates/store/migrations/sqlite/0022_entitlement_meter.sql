-- How far usage is drawn from an entitlement that a metric draws: all events of the metric's stream up to a sequence.
CREATE TABLE entitlement_meter (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    entitlement_id BLOB NOT NULL,
    aggregate_id BLOB NOT NULL,
    counted_sequence INTEGER NOT NULL,
    is_exact BOOLEAN NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT entitlement_meter_entitlement_id_key PRIMARY KEY (organisation_id, entitlement_id),
    CONSTRAINT entitlement_meter_entitlement FOREIGN KEY (organisation_id, entitlement_id)
        REFERENCES entitlement (organisation_id, id)
);

-- What a customer used on a day, and what of it was drawn from grants.
CREATE TABLE entitlement_usage (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    entitlement_id BLOB NOT NULL,
    customer_id BLOB NOT NULL,
    day TEXT NOT NULL,
    quantity TEXT COLLATE DECIMAL NOT NULL,
    quantity_drawn TEXT COLLATE DECIMAL NOT NULL,
    CONSTRAINT entitlement_usage_entitlement_id_customer_id_day_key
        PRIMARY KEY (organisation_id, entitlement_id, customer_id, day),
    CONSTRAINT entitlement_usage_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX entitlement_usage_day ON entitlement_usage (organisation_id, entitlement_id, day);

-- The days for which a part of an invoice has settled a customer's use: usage of these days that comes later is billed,
-- not drawn.
CREATE TABLE entitlement_billed (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    part_id BLOB NOT NULL,
    entitlement_id BLOB NOT NULL,
    customer_id BLOB NOT NULL,
    start_day TEXT NOT NULL,
    end_day TEXT NOT NULL,
    CONSTRAINT entitlement_billed_part_id_entitlement_id_key
        PRIMARY KEY (organisation_id, part_id, entitlement_id)
);
CREATE INDEX entitlement_billed_customer_id
    ON entitlement_billed (organisation_id, entitlement_id, customer_id, end_day);

-- Alerts that somebody wants about what is used of an entitlement.
CREATE TABLE entitlement_alert (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    entitlement_id BLOB NOT NULL,
    customer_id BLOB,
    threshold_type TEXT NOT NULL,
    threshold TEXT COLLATE DECIMAL NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT entitlement_alert_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT entitlement_alert_entitlement FOREIGN KEY (organisation_id, entitlement_id)
        REFERENCES entitlement (organisation_id, id),
    CONSTRAINT entitlement_alert_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX entitlement_alert_entitlement_id ON entitlement_alert (organisation_id, entitlement_id);

-- Alerts that were sent: once for each customer and period. A period is named by the newest grant in it.
CREATE TABLE entitlement_alert_sent (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    alert_id BLOB NOT NULL,
    entitlement_id BLOB NOT NULL,
    customer_id BLOB NOT NULL,
    grant_id BLOB NOT NULL,
    threshold_type TEXT NOT NULL,
    threshold TEXT COLLATE DECIMAL NOT NULL,
    quantity TEXT COLLATE DECIMAL NOT NULL,
    quantity_used TEXT COLLATE DECIMAL NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT entitlement_alert_sent_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT entitlement_alert_sent_customer FOREIGN KEY (organisation_id, customer_id)
        REFERENCES customer (organisation_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX entitlement_alert_sent_alert_id_customer_id_grant_id_key
    ON entitlement_alert_sent (organisation_id, alert_id, customer_id, grant_id);
CREATE INDEX entitlement_alert_sent_created_at
    ON entitlement_alert_sent (organisation_id, created_at, id);
