-- An entity without validation_status has no address.
CREATE TABLE business_entity (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    name text NOT NULL,
    email text,
    phone_number text,
    is_default boolean NOT NULL,
    logo_url text,
    tax_config json NOT NULL,
    line1 text,
    line2 text,
    line3 text,
    city text,
    state text,
    zip_code text,
    country text,
    country_code text,
    validation_status text,
    connector_validation json,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
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
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    business_entity_id uuid NOT NULL,
    country_code text NOT NULL,
    currency text,
    invoice_number_prefix text,
    payment_terms_days bigint,
    tax_id text,
    config json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT region_config_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT region_config_business_entity FOREIGN KEY (organisation_id, business_entity_id)
        REFERENCES business_entity (organisation_id, id)
);
CREATE UNIQUE INDEX region_config_country_code_currency_key
    ON region_config (organisation_id, business_entity_id, country_code, coalesce(currency, ''))
    WHERE deleted_at IS NULL;

-- A definition without business_entity_id is the organisation's.
CREATE TABLE custom_attribute (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    business_entity_id uuid,
    module text NOT NULL,
    attribute_key_name text NOT NULL,
    data_type text NOT NULL,
    display_name text NOT NULL,
    description text,
    enum_choices json NOT NULL,
    default_value json,
    is_tag boolean NOT NULL,
    is_required boolean NOT NULL,
    is_enabled boolean NOT NULL,
    sort_order bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT custom_attribute_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT custom_attribute_business_entity FOREIGN KEY (organisation_id, business_entity_id)
        REFERENCES business_entity (organisation_id, id)
);
CREATE UNIQUE INDEX custom_attribute_attribute_key_name_key ON custom_attribute
    (organisation_id, module, attribute_key_name, coalesce(CAST(business_entity_id AS text), ''));
CREATE INDEX custom_attribute_created_at ON custom_attribute (organisation_id, created_at, id);

CREATE TABLE tag (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    name text NOT NULL,
    colour text,
    description text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT tag_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT tag_name_key UNIQUE (organisation_id, name)
);
