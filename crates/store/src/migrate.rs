//! Migrations: forward only, numbered, one folder for each database. A test shows that both end in the
//! same tables and columns.

use std::borrow::Cow;

use sqlx::{
    PgPool, SqlStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::Result;

/// Number, name, SQL for SQLite, SQL for PostgreSQL.
type Step = (i64, &'static str, &'static str, &'static str);

macro_rules! step {
    ($number:literal, $name:literal) => {
        (
            $number,
            $name,
            include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        )
    };
}

/// Every migration, in order. Add at the end; never change one that was released.
const STEPS: &[Step] = &[
    step!(1, "0001_spine"),
    step!(2, "0002_customer"),
    step!(3, "0003_entity"),
    step!(4, "0004_address_book"),
    step!(5, "0005_product"),
    step!(6, "0006_tax"),
    step!(7, "0007_raw_metric"),
    step!(8, "0008_row_count"),
    step!(9, "0009_aggregate"),
    step!(10, "0010_contract"),
    step!(11, "0011_invoice"),
    step!(12, "0012_billing"),
    step!(13, "0013_payment"),
    step!(14, "0014_ledger"),
    step!(15, "0015_test_clock"),
    step!(16, "0016_gateway"),
    step!(17, "0017_usage_upload"),
    step!(18, "0018_document"),
    step!(19, "0019_plan"),
    step!(20, "0020_checkout"),
    step!(21, "0021_entitlement"),
    step!(22, "0022_entitlement_meter"),
    step!(23, "0023_quote"),
    step!(24, "0024_checkout_payment"),
];

/// The tables of usage, in order: a SQLite file of their own, or beside the records on PostgreSQL.
const USAGE_STEPS: &[Step] = &[
    step!(1, "usage_0001_inbox"),
    step!(2, "usage_0002_correction"),
];

/// Which tables a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    /// All that is not usage.
    Records,
    /// Events that wait for their table file, and what must commit with them.
    Usage,
}

/// Number of the newest migration.
pub fn newest() -> i64 {
    STEPS.last().map_or(0, |(number, ..)| *number)
}

pub(crate) async fn sqlite(connection: &mut SqliteConnection, tables: Tables) -> Result<()> {
    let migrator = migrator(tables, |(_, _, sqlite, _)| sqlite);
    Ok(migrator.run(connection).await?)
}

pub(crate) async fn postgres(pool: &PgPool, tables: Tables) -> Result<()> {
    let migrator = migrator(tables, |(_, _, _, postgres)| postgres);
    Ok(migrator.run(pool).await?)
}

fn migrator(tables: Tables, sql: impl Fn(&Step) -> &'static str) -> Migrator {
    let (steps, migrations_table) = match tables {
        Tables::Records => (STEPS, "_sqlx_migrations"),
        Tables::Usage => (USAGE_STEPS, "_sqlx_migrations_usage"),
    };
    let steps = steps.iter().map(|step| {
        let name = Cow::Borrowed(step.1);
        Migration::new(
            step.0,
            name,
            MigrationType::Simple,
            SqlStr::from_static(sql(step)),
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(steps.collect());
    migrator.dangerous_set_table_name(migrations_table);
    migrator
}
