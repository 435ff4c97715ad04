//! Wallets of customers: their balances and the entries that these are the sums of.
//!
//! Owns the lock under which a balance is read and changed. Does not own which entries a balance allows
//! ([`florin_core::wallet`]). Invariants: a balance is the sum of its entries; entries are numbered from 1
//! without a gap and never changed, which the database refuses too.

use std::collections::{BTreeMap, HashMap};

use florin_core::{
    currency::Currency,
    money::Money,
    wallet::{Entry, Reason, Wallet},
};
use jiff::Timestamp;
use sea_query::{Expr, ExprTrait, OnConflict, Order, Query};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx, currency,
    list::{self, Column, Condition, Kind, Page, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("wallet_entry");
const WALLET: &str = "wallet";

/// Wallets that one statement names at most.
const CHUNK: usize = 2_000;

const TYPES: Kind = Kind::Choice(&[
    "manual_credit",
    "manual_debit",
    "overpayment",
    "credit_note",
    "applied",
    "refund",
    "reversal",
]);

/// The list of a wallet's entries.
pub static ENTRIES: Spec = Spec {
    table: "wallet_entry",
    columns: &[
        Column::id(),
        Column::new("currency", Kind::Text, "currency"),
        Column::new("type", TYPES, "type"),
        Column::new("amount", Kind::Integer, "amount in minor units").sortable(),
        Column::new("source_id", Kind::Uuid, "payment, credit note or invoice").nullable(),
        Column::new("sequence", Kind::Integer, "number within the wallet").sortable(),
        Column::created_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// An entry that is to be written.
#[derive(Clone, Debug)]
pub struct Posting {
    /// Its id.
    pub id: Uuid,
    /// Whose wallet.
    pub customer_id: Uuid,
    /// What happens.
    pub entry: Entry,
    /// A sentence about it.
    pub description: Option<String>,
}

/// An entry as it was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// What happened.
    pub posting: Posting,
    /// Its number within the wallet, from 1.
    pub sequence: i64,
    /// What there was after it.
    pub balance: Money,
    /// When.
    pub created_at: Timestamp,
}

/// What a customer has in one currency.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Whose it is.
    pub customer_id: Uuid,
    /// What there is.
    pub balance: Money,
    /// When the first entry was written.
    pub created_at: Timestamp,
    /// When the last one was.
    pub updated_at: Timestamp,
}

/// The wallet of a customer; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn balance(tx: &mut Tx, customer_id: Uuid, currency: Currency) -> Result<Wallet> {
    let wallets = balances(tx, &[(customer_id, currency)]).await?;
    let wallet = wallets.get(&(customer_id, currency));
    Ok(wallet.copied().unwrap_or(Wallet::empty(currency)))
}

/// The wallets of many customers in few queries, each that was asked for, locked in one order to the end of
/// a transaction that writes. A wallet without entries is empty, and nothing can be taken from it.
///
/// # Errors
/// What the statements answer.
pub async fn balances(
    tx: &mut Tx,
    keys: &[(Uuid, Currency)],
) -> Result<HashMap<(Uuid, Currency), Wallet>> {
    let mut wallets: HashMap<_, _> = keys
        .iter()
        .map(|(customer, currency)| ((*customer, *currency), Wallet::empty(*currency)))
        .collect();
    let mut customers: Vec<Uuid> = keys.iter().map(|(customer, _)| *customer).collect();
    customers.sort_unstable();
    customers.dedup();
    for customers in customers.chunks(CHUNK) {
        let mut select = tx.select(WALLET);
        select.columns(["customer_id", "currency", "minor_digits", "balance"]);
        select.and_where(Expr::col("customer_id").is_in(customers.iter().copied()));
        select.order_by("customer_id", Order::Asc);
        select.order_by("currency", Order::Asc);
        let select = record::locked(tx, select);
        for row in tx.fetch_all(&select).await? {
            let balance = currency::money(&row, "balance", "currency")?;
            let key = (row.get("customer_id")?, balance.currency());
            wallets
                .entry(key)
                .and_modify(|wallet| *wallet = Wallet::with_balance(balance));
        }
    }
    Ok(wallets)
}

/// Every wallet of a customer, by currency.
///
/// # Errors
/// What the statement answers.
pub async fn of_customer(tx: &mut Tx, customer_id: Uuid) -> Result<Vec<Held>> {
    let mut select = tx.select(WALLET);
    select.column(sea_query::Asterisk);
    select.and_where(Expr::col("customer_id").eq(customer_id));
    select.order_by("currency", Order::Asc);
    let rows = tx.fetch_all(&select).await?;
    let held = |row: &Row| {
        Ok(Held {
            customer_id: row.get("customer_id")?,
            balance: currency::money(row, "balance", "currency")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    };
    rows.iter().map(held).collect()
}

/// Writes entries, in order, and moves the balances; some statements for all of them. The caller has asked
/// [`florin_core::wallet::Wallet::post`] about each, with the balances that [`balances`] locked.
///
/// # Errors
/// What the statements answer.
pub async fn post(tx: &mut Tx, postings: Vec<Posting>) -> Result<Vec<Written>> {
    let mut moved: BTreeMap<(Uuid, Currency), Moved> = BTreeMap::new();
    for posting in &postings {
        let amount = posting.entry.amount;
        let moved = moved
            .entry((posting.customer_id, amount.currency()))
            .or_default();
        moved.amount = moved.amount.checked_add(amount.minor()).ok_or_else(large)?;
        moved.count += 1;
    }
    let mut heads = move_balances(tx, moved).await?;
    let at = tx.at()?;
    let mut written = Vec::with_capacity(postings.len());
    for posting in postings {
        let amount = posting.entry.amount;
        let head = heads.entry((posting.customer_id, amount.currency()));
        let head = head.or_default();
        head.count += 1;
        head.amount = head.amount.checked_add(amount.minor()).ok_or_else(large)?;
        written.push(Written {
            sequence: head.count,
            balance: Money::from_minor(head.amount, amount.currency()),
            created_at: at,
            posting,
        });
    }
    let rows = written
        .iter()
        .map(|entry| (entry.posting.id, values(entry)));
    record::insert_all(tx, &TABLE, rows.collect()).await?;
    Ok(written)
}

/// Balance and number of entries: of a wallet, or of what is added to it.
#[derive(Clone, Copy, Default)]
struct Moved {
    amount: i64,
    count: i64,
}

/// Adds to the wallets; answers what each of them was before.
async fn move_balances(
    tx: &mut Tx,
    moved: BTreeMap<(Uuid, Currency), Moved>,
) -> Result<HashMap<(Uuid, Currency), Moved>> {
    let (organisation, at) = (tx.organisation().0, tx.at()?);
    let rows: Vec<_> = moved.iter().collect();
    let mut before = HashMap::with_capacity(rows.len());
    for rows in rows.chunks(CHUNK) {
        let mut insert = Query::insert();
        insert.into_table(WALLET).columns([
            "organisation_id",
            "customer_id",
            "currency",
            "minor_digits",
            "balance",
            "entry_count",
            "created_at",
            "updated_at",
        ]);
        for ((customer, of), added) in rows {
            let row = [
                organisation.into(),
                (*customer).into(),
                of.code().into(),
                currency::digits(*of).into(),
                added.amount.into(),
                added.count.into(),
                at.into(),
                at.into(),
            ];
            insert.values_panic(row);
        }
        insert.on_conflict(adding());
        insert.returning(Query::returning().columns([
            "customer_id",
            "currency",
            "minor_digits",
            "balance",
            "entry_count",
        ]));
        for row in tx.fetch_all(&insert).await? {
            let balance = currency::money(&row, "balance", "currency")?;
            let key = (row.get("customer_id")?, balance.currency());
            let added = moved.get(&key).copied().unwrap_or_default();
            let amount = balance.minor().checked_sub(added.amount);
            let count: i64 = row.get("entry_count")?;
            let head = Moved {
                amount: amount.ok_or_else(large)?,
                count: count - added.count,
            };
            before.insert(key, head);
        }
    }
    Ok(before)
}

fn adding() -> OnConflict {
    let sum =
        |column: &'static str| Expr::col((WALLET, column)).add(Expr::col(("excluded", column)));
    OnConflict::columns(["organisation_id", "customer_id", "currency"])
        .value("balance", sum("balance"))
        .value("entry_count", sum("entry_count"))
        .value("updated_at", Expr::col(("excluded", "updated_at")))
        .to_owned()
}

fn values(entry: &Written) -> Values {
    let Written {
        posting,
        sequence,
        balance,
        created_at,
    } = entry;
    let Posting {
        id: _,
        customer_id,
        entry: Entry { reason, amount },
        description,
    } = posting;
    vec![
        ("customer_id", (*customer_id).into()),
        ("currency", amount.currency().code().into()),
        ("minor_digits", currency::digits(amount.currency()).into()),
        ("sequence", (*sequence).into()),
        ("type", reason.as_str().into()),
        ("amount", amount.minor().into()),
        ("balance", balance.minor().into()),
        ("source_id", reason.source().into()),
        ("description", description.clone().into()),
        ("created_at", (*created_at).into()),
    ]
}

fn decode(row: &Row) -> Result<Written> {
    let word: String = row.get("type")?;
    let reason = Reason::restore(&word, row.optional("source_id")?);
    let reason = reason.ok_or_else(|| Error::Corrupt {
        column: "type".to_owned(),
        reason: format!("{word} is no type of an entry, or its source is missing"),
    })?;
    let entry = Entry {
        reason,
        amount: currency::money(row, "amount", "currency")?,
    };
    Ok(Written {
        posting: Posting {
            id: row.get("id")?,
            customer_id: row.get("customer_id")?,
            entry,
            description: row.optional("description")?,
        },
        sequence: row.get("sequence")?,
        balance: currency::money(row, "balance", "currency")?,
        created_at: row.get("created_at")?,
    })
}

/// One page of a customer's entries.
///
/// # Errors
/// What the statements answer.
pub async fn entries(tx: &mut Tx, customer_id: Uuid, query: &list::Query) -> Result<Page<Written>> {
    let mut query = query.clone();
    let of_customer = Expr::col((TABLE.name, "customer_id")).eq(customer_id);
    query.conditions.push(Condition::Scope(of_customer));
    list::page(tx, &ENTRIES, &query, decode).await
}

fn large() -> Error {
    Error::Corrupt {
        column: "balance".to_owned(),
        reason: "the balance does not fit 64 bits".to_owned(),
    }
}
