CREATE TABLE aggregate (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    name text NOT NULL,
    dataschema text,
    aggregation_query text,
    cust_agg_query text,
    visual_query_builder json NOT NULL,
    datasource uuid,
    raw_metric_id uuid,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT aggregate_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT aggregate_raw_metric FOREIGN KEY (organisation_id, raw_metric_id)
        REFERENCES raw_metric (organisation_id, id)
);
CREATE INDEX aggregate_created_at ON aggregate (organisation_id, created_at, id);

-- What an aggregate measures and measured. Rows are never changed.
CREATE TABLE aggregate_version (
    organisation_id uuid NOT NULL,
    id uuid NOT NULL,
    aggregate_id uuid NOT NULL,
    version bigint NOT NULL,
    dataschema text,
    aggregation_query text,
    cust_agg_query text,
    visual_query_builder json NOT NULL,
    datasource uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT aggregate_version_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT aggregate_version_aggregate FOREIGN KEY (organisation_id, aggregate_id)
        REFERENCES aggregate (organisation_id, id)
);
CREATE UNIQUE INDEX aggregate_version_aggregate_id_version_key
    ON aggregate_version (organisation_id, aggregate_id, version);

-- Which prices count by which aggregates; their documents say so, but only a column can be looked up. Prices
-- that are older than this table name none: there were no aggregates.
CREATE TABLE product_pricing_aggregate (
    organisation_id uuid NOT NULL,
    pricing_id uuid NOT NULL,
    aggregate_id uuid NOT NULL,
    CONSTRAINT product_pricing_aggregate_pricing_id_aggregate_id_key
        PRIMARY KEY (organisation_id, pricing_id, aggregate_id),
    CONSTRAINT product_pricing_aggregate_pricing FOREIGN KEY (organisation_id, pricing_id)
        REFERENCES product_pricing (organisation_id, id),
    CONSTRAINT product_pricing_aggregate_aggregate FOREIGN KEY (organisation_id, aggregate_id)
        REFERENCES aggregate (organisation_id, id)
);
CREATE INDEX product_pricing_aggregate_aggregate_id
    ON product_pricing_aggregate (organisation_id, aggregate_id);
