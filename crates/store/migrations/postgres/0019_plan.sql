-- Plans: a row for each version, with an id of its own; `parent_plan_id` is that of the first.
CREATE TABLE plan (
    organisation_id uuid NOT NULL REFERENCES organisation,
    id uuid NOT NULL,
    parent_plan_id uuid NOT NULL,
    old_plan_id uuid,
    version bigint NOT NULL,
    is_latest_version boolean NOT NULL,
    status text NOT NULL,
    -- Whether it is a plan of products without phases of its own.
    is_template boolean NOT NULL,
    name text NOT NULL,
    description text,
    currency text,
    duration text,
    business_entity_id uuid,
    document json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT plan_id_key PRIMARY KEY (organisation_id, id),
    CONSTRAINT plan_parent_plan FOREIGN KEY (organisation_id, parent_plan_id)
        REFERENCES plan (organisation_id, id),
    CONSTRAINT plan_old_plan FOREIGN KEY (organisation_id, old_plan_id)
        REFERENCES plan (organisation_id, id),
    CONSTRAINT plan_business_entity FOREIGN KEY (organisation_id, business_entity_id)
        REFERENCES business_entity (organisation_id, id)
);
CREATE UNIQUE INDEX plan_parent_plan_id_version_key
    ON plan (organisation_id, parent_plan_id, version) WHERE deleted_at IS NULL;
CREATE INDEX plan_created_at ON plan (organisation_id, created_at, id);
CREATE INDEX plan_name ON plan (organisation_id, name, id);
