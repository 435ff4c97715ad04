-- An entity without validation_status has no address.
CREATE TABLE business_entity (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    phone_number TEXT,
    is_default BOOLEAN NOT NULL,
    logo_url TEXT,
    tax_config TEXT NOT NULL,
    line1 TEXT,
    line2 TEXT,
    line3 TEXT,
    city TEXT,
    state TEXT,
    zip_code TEXT,
    country TEXT,
    country_code TEXT,
    validation_status TEXT,
    connector_validation TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT business_entity_id_key PRIMARY KEY (organisation_id, id)
);
CREATE UNIQUE INDEX business_entity_is_default_key
    ON business_entity (organisation_id) WHERE is_default;
CREATE INDEX business_entity_created_at ON business_entity (organisation_id, created_at, id);

-- The default entity that comes with an organisation has the organisation's id.
INSERT INTO business_entity
    (organisation_id, id, name, is_default, tax_config, created_at, updated_at)
SELECT organisation_id, organisation_id, name, true, '{}', created_at, created_at FROM organisation;
UPDATE customer SET business_entity_id = organisation_id;

-- A row without currency holds for every currency of its country.
CREATE TABLE region_config (
    organisation_id BLOB NOT NULL,
    id BLOB NOT NULL,
    business_entity_id BLOB NOT NULL,
    country_code TEXT NOT NULL,
    currency TEXT,
    invoice_number_prefix TEXT,
    payment_terms_days INTEGER,
    tax_id TEXT,
    config TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    CONSTRAINT region_config_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT region_config_business_entity FOREIGN KEY (organisation_id, business_entity_id)
        REFERENCES business_entity (organisation_id, id)
);
CREATE UNIQUE INDEX region_config_country_code_currency_key
    ON region_config (organisation_id, business_entity_id, country_code, coalesce(currency, ''))
    WHERE deleted_at IS NULL;

-- A definition without business_entity_id is the organisation's.
CREATE TABLE custom_attribute (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    business_entity_id BLOB,
    module TEXT NOT NULL,
    attribute_key_name TEXT NOT NULL,
    data_type TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT,
    enum_choices TEXT NOT NULL,
    default_value TEXT,
    is_tag BOOLEAN NOT NULL,
    is_required BOOLEAN NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    sort_order INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT custom_attribute_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT custom_attribute_business_entity FOREIGN KEY (organisation_id, business_entity_id)
        REFERENCES business_entity (organisation_id, id)
);
CREATE UNIQUE INDEX custom_attribute_attribute_key_name_key ON custom_attribute
    (organisation_id, module, attribute_key_name, coalesce(business_entity_id, x''));
CREATE INDEX custom_attribute_created_at ON custom_attribute (organisation_id, created_at, id);

CREATE TABLE tag (
    organisation_id BLOB NOT NULL REFERENCES organisation (organisation_id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    colour TEXT,
    description TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT tag_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT tag_name_key UNIQUE (organisation_id, name)
);
