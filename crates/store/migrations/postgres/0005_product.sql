CREATE TABLE product (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    name text NOT NULL,
    description text,
    sku text,
    slug text,
    kind text NOT NULL,
    product_category text,
    status text NOT NULL,
    is_active boolean NOT NULL,
    timing text,
    subtype text,
    unit_singular text,
    unit_plural text,
    tax_codes json NOT NULL,
    tax_category text,
    parent_link_id uuid,
    default_pricing_id uuid,
    track_usage boolean NOT NULL,
    enum_values json NOT NULL,
    tags json NOT NULL,
    custom_attributes json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT product_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT product_parent FOREIGN KEY (organisation_id, parent_link_id)
        REFERENCES product (organisation_id, id)
);
CREATE UNIQUE INDEX product_sku_key ON product (organisation_id, sku) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX product_slug_key ON product (organisation_id, slug) WHERE deleted_at IS NULL;
CREATE INDEX product_created_at ON product (organisation_id, created_at, id);
CREATE INDEX product_name ON product (organisation_id, name, id);
CREATE INDEX product_parent_link_id ON product (organisation_id, parent_link_id);

CREATE TABLE product_pricing (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    product_id uuid NOT NULL,
    name text,
    pricing_type text NOT NULL,
    currency text,
    cadence text,
    is_recurring boolean NOT NULL,
    content json NOT NULL,
    content_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT product_pricing_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT product_pricing_product FOREIGN KEY (organisation_id, product_id)
        REFERENCES product (organisation_id, id)
);
CREATE INDEX product_pricing_product_id
    ON product_pricing (organisation_id, product_id, created_at, id);
CREATE INDEX product_pricing_content_hash
    ON product_pricing (organisation_id, product_id, content_hash);

CREATE TABLE product_bundle_member (
    organisation_id uuid NOT NULL,
    pricing_id uuid NOT NULL,
    product_id uuid NOT NULL,
    CONSTRAINT product_bundle_member_pricing_id_product_id_key
        PRIMARY KEY (organisation_id, pricing_id, product_id),
    CONSTRAINT product_bundle_member_pricing FOREIGN KEY (organisation_id, pricing_id)
        REFERENCES product_pricing (organisation_id, id),
    CONSTRAINT product_bundle_member_product FOREIGN KEY (organisation_id, product_id)
        REFERENCES product (organisation_id, id)
);
CREATE INDEX product_bundle_member_product_id
    ON product_bundle_member (organisation_id, product_id);
