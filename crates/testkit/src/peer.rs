//! What the usual design of the field does, for a benchmark to print beside Florin's figure.
//!
//! Owns the peer's tables and load. Does not own what Florin is measured by.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Executor, PgPool};

/// Rows of one INSERT.
const ROWS: usize = 100;
/// An events table as usage systems on PostgreSQL have it: one unique key and three more indexes.
const TABLE: &str = "
    CREATE TABLE events (
        organisation_id uuid NOT NULL,
        transaction_id text NOT NULL,
        customer_id text NOT NULL,
        code text NOT NULL,
        happened_at timestamptz NOT NULL,
        properties jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (organisation_id, transaction_id)
    );
    CREATE INDEX ON events (organisation_id, customer_id, happened_at);
    CREATE INDEX ON events (organisation_id, code, happened_at);
    CREATE INDEX ON events (happened_at);";

/// Events a second that `clients` connections insert, [`ROWS`] a statement, each statement durable before
/// the next one is sent.
///
/// # Panics
/// Where the database refuses.
pub async fn insert_events(url: &str, clients: usize, duration: Duration) -> f64 {
    let connections = u32::try_from(clients).unwrap();
    let options = sqlx::postgres::PgPoolOptions::new().max_connections(connections);
    let pool = options.connect(url).await.unwrap();
    sqlx::raw_sql(TABLE).execute(&pool).await.unwrap();
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..clients {
        let pool = pool.clone();
        tasks.spawn(async move { insert(&pool, client, begun, duration).await });
    }
    let inserted: usize = tasks.join_all().await.into_iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "a figure to print")]
    let events = (inserted * ROWS) as f64;
    events / begun.elapsed().as_secs_f64()
}

async fn insert(pool: &PgPool, client: usize, begun: Instant, duration: Duration) -> usize {
    let mut statements = 0;
    while begun.elapsed() < duration {
        let sql = statement(client, statements);
        pool.execute(sqlx::raw_sql(AssertSqlSafe(sql)))
            .await
            .unwrap();
        statements += 1;
    }
    statements
}

fn statement(client: usize, number: usize) -> String {
    let row = |row: usize| {
        let customer = (number * ROWS + row) * 7919 % 10_000;
        let (day, second, amount) = (row % 28 + 1, number % 60, row * 37 % 1000);
        format!(
            "('00000000-0000-0000-0000-000000000001', 'e-{client}-{number}-{row}', 'c-{customer}', 'requests', \
             '2026-01-{day:02}T10:00:{second:02}Z', '{{\"kind\": \"get\", \"amount\": {amount}}}')"
        )
    };
    let rows: Vec<String> = (0..ROWS).map(row).collect();
    let columns = "organisation_id, transaction_id, customer_id, code, happened_at, properties";
    format!("INSERT INTO events ({columns}) VALUES {}", rows.join(", "))
}
