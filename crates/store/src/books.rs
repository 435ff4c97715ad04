//! The books held against what they are about: entries against their own lines, accounts against invoices,
//! wallets, payments and credit notes. Owns one statement for each comparison; what differs is answered,
//! nothing is repaired.
//!
//! Each statement reads both sides at once, so that a writer in between cannot make them differ.

use florin_core::ledger::DefaultAccount;
use sea_query::{
    Alias, CaseStatement, Expr, ExprTrait, Func, Order, Query, SelectStatement, SimpleExpr,
    UnionType,
};
use uuid::Uuid;

use crate::{Result, Row, Tx};

/// Something of which the journal says another amount than the record itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The entry, invoice, wallet's customer, payment or credit note; nil where the journal names none.
    pub id: Uuid,
    /// The currency's code.
    pub currency: String,
    /// What the journal says, in minor units.
    pub journal: i64,
    /// What the record says, in minor units.
    pub record: i64,
}

/// What two queries must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The debits of each entry and its credits.
    Entries,
    /// Each entry's lines: how many it has and how many it should have. Lines of no entry count as well.
    LineCounts,
    /// Receivables of each invoice and what is to be paid of it.
    Receivables,
    /// Customer Wallet of each customer and the wallet's balance.
    Wallets,
    /// Each wallet's entries and its balance.
    WalletEntries,
    /// What came in or went out by each payment, refund or reversal, and its amount.
    Payments,
    /// What was taken back of sales and tax by each credit note, and its amount.
    CreditNotes,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Entries,
        Self::LineCounts,
        Self::Receivables,
        Self::Wallets,
        Self::WalletEntries,
        Self::Payments,
        Self::CreditNotes,
    ];

    fn sides(self, tx: &Tx) -> [SelectStatement; 2] {
        match self {
            Self::Entries => entries(tx),
            Self::LineCounts => line_counts(tx),
            Self::Receivables => receivables(tx),
            Self::Wallets => wallets(tx),
            Self::WalletEntries => wallet_entries(tx),
            Self::Payments => payments(tx),
            Self::CreditNotes => credit_notes(tx),
        }
    }
}

/// Where the two sides of a comparison differ, by id; so many at most.
///
/// # Errors
/// What the statement answers.
pub async fn differences(
    tx: &mut Tx,
    comparison: Comparison,
    limit: u64,
) -> Result<Vec<Difference>> {
    let [mut journal, record] = comparison.sides(tx);
    journal.union(UnionType::All, record);
    let sum = |side: &'static str| Func::sum(Expr::col(side)).cast_as("bigint");
    let mut select = Query::select();
    select.columns(["id", "currency"]);
    select.expr_as(sum("journal"), "journal");
    select.expr_as(sum("record"), "record");
    select.from_subquery(journal, "sides");
    select.group_by_columns(["id", "currency"]);
    select.and_having(sum("journal").ne(sum("record")));
    select.order_by("id", Order::Asc);
    select.order_by("currency", Order::Asc).limit(limit);
    let rows = tx.fetch_all(&select).await?;
    let difference = |row: &Row| {
        Ok(Difference {
            id: row.get("id")?,
            currency: row.get("currency")?,
            journal: row.get("journal")?,
            record: row.get("record")?,
        })
    };
    rows.iter().map(difference).collect()
}

/// One side: rows of `id`, `currency` and an amount, the other side's amount being 0.
fn journal(select: &mut SelectStatement, id: SimpleExpr, amount: SimpleExpr) -> SelectStatement {
    side(select, id, "currency", (amount, zero()))
}

fn record(
    select: &mut SelectStatement,
    id: SimpleExpr,
    currency: &'static str,
    amount: SimpleExpr,
) -> SelectStatement {
    side(select, id, currency, (zero(), amount))
}

fn side(
    select: &mut SelectStatement,
    id: SimpleExpr,
    currency: &'static str,
    (journal, record): (SimpleExpr, SimpleExpr),
) -> SelectStatement {
    select.expr_as(id, "id");
    select.expr_as(Expr::col(currency), "currency");
    select.expr_as(journal, "journal");
    select.expr_as(record, "record");
    select.to_owned()
}

fn zero() -> SimpleExpr {
    Expr::val(0_i64).cast_as("bigint")
}

fn net_debits() -> SimpleExpr {
    Expr::col("debits").sub(Expr::col("credits"))
}

fn net_credits() -> SimpleExpr {
    Expr::col("credits").sub(Expr::col("debits"))
}

fn lines_of(tx: &Tx, accounts: &[DefaultAccount]) -> SelectStatement {
    let mut select = tx.select("journal_line");
    let ids = accounts.iter().map(|account| account.id().0);
    select.and_where(Expr::col("account_id").is_in(ids));
    select
}

/// The id, or nil where there is none.
fn known(id: SimpleExpr) -> SimpleExpr {
    Func::coalesce([id, Expr::val(Uuid::nil())]).into()
}

fn entries(tx: &Tx) -> [SelectStatement; 2] {
    let id = || Expr::col("journal_entry_id");
    [
        journal(&mut tx.select("journal_line"), id(), Expr::col("debits")),
        record(
            &mut tx.select("journal_line"),
            id(),
            "currency",
            Expr::col("credits"),
        ),
    ]
}

fn line_counts(tx: &Tx) -> [SelectStatement; 2] {
    let one = Expr::val(1_i64).cast_as("bigint");
    let id = Expr::col("journal_entry_id");
    [
        journal(&mut tx.select("journal_line"), id, one),
        record(
            &mut tx.select("journal_entry"),
            Expr::col("id"),
            "currency",
            Expr::col("line_count"),
        ),
    ]
}

fn receivables(tx: &Tx) -> [SelectStatement; 2] {
    let mut lines = lines_of(tx, &[DefaultAccount::CustomersReceivable]);
    let mut invoices = tx.select("invoice");
    invoices.and_where(Expr::col("approved_at").is_not_null());
    [
        journal(&mut lines, known(Expr::col("invoice_id")), net_debits()),
        record(
            &mut invoices,
            Expr::col("id"),
            "currency",
            Expr::col("amount_due"),
        ),
    ]
}

fn wallets(tx: &Tx) -> [SelectStatement; 2] {
    let mut lines = lines_of(tx, &[DefaultAccount::CustomerWallet]);
    [
        journal(&mut lines, known(Expr::col("customer_id")), net_credits()),
        record(
            &mut tx.select("wallet"),
            Expr::col("customer_id"),
            "currency",
            Expr::col("balance"),
        ),
    ]
}

fn wallet_entries(tx: &Tx) -> [SelectStatement; 2] {
    let customer = || Expr::col("customer_id");
    [
        journal(
            &mut tx.select("wallet_entry"),
            customer(),
            Expr::col("amount"),
        ),
        record(
            &mut tx.select("wallet"),
            customer(),
            "currency",
            Expr::col("balance"),
        ),
    ]
}

/// Accounts on which money comes in and goes out.
const OF_MONEY: [DefaultAccount; 3] = [
    DefaultAccount::Cash,
    DefaultAccount::GatewaysReceivable,
    DefaultAccount::TdsReceivable,
];

fn payments(tx: &Tx) -> [SelectStatement; 2] {
    let mut lines = lines_of(tx, &OF_MONEY);
    lines.and_where(Expr::col("payment_id").is_not_null());
    let id = Func::coalesce([Expr::col("refund_id"), Expr::col("payment_id")]);
    let column = |name: &'static str| Expr::col(("payment", name));
    let is_realised = column("status").is_in(["success", "refunded", "partially_refunded"]);
    let is_in = column("type").is_in(["payment", "tax_withheld"]);
    let reversals = Alias::new("reversal");
    let reversal = |name: &'static str| Expr::col((Alias::new("reversal"), name));
    let mut reversed = Query::select();
    reversed.expr(Expr::val(1)).from_as("payment", reversals);
    reversed.and_where(reversal("organisation_id").eq(tx.organisation().0));
    reversed.and_where(reversal("parent_id").eq(column("id")));
    reversed.and_where(reversal("type").eq("payment_reversal"));
    let has_come = is_realised.or(Expr::exists(reversed));
    let destination = || column("refund_destination");
    let out_of_here = destination().is_null().or(destination().ne("credits"));
    let has_left = column("type")
        .is_in(["refund", "payment_reversal"])
        .and(column("status").eq("success"))
        .and(out_of_here);
    let amount = || column("amount");
    let moved = CaseStatement::new()
        .case(is_in.and(has_come), amount())
        .case(has_left, zero().sub(amount()))
        .finally(zero());
    [
        journal(&mut lines, id.into(), net_debits()),
        record(
            &mut tx.select("payment"),
            column("id"),
            "currency_code",
            moved.into(),
        ),
    ]
}

/// A note for what an invoice is below zero takes what is owed to the customer; any other takes sales back.
fn credit_notes(tx: &Tx) -> [SelectStatement; 2] {
    let note = || Expr::col("credit_note_id");
    let back = [DefaultAccount::SalesReturns, DefaultAccount::SalesTax];
    let mut lines = lines_of(tx, &back);
    lines.and_where(note().is_not_null());
    let mut lines = journal(&mut lines, note(), net_debits());
    let mut below_zero = lines_of(tx, &[DefaultAccount::CustomersContra]);
    below_zero.and_where(note().is_not_null());
    below_zero.and_where(Expr::col("debits").gt(0));
    let below_zero = journal(&mut below_zero, note(), Expr::col("debits"));
    lines.union(UnionType::All, below_zero);
    [
        lines,
        record(
            &mut tx.select("credit_note"),
            Expr::col("id"),
            "currency",
            Expr::col("amount"),
        ),
    ]
}

/// Ids of issued invoices above one, in order; so many at most.
///
/// # Errors
/// What the statement answers.
pub async fn issued_invoices(tx: &mut Tx, above: Uuid, limit: u64) -> Result<Vec<Uuid>> {
    let mut select = tx.select("invoice");
    select.column("id").and_where(Expr::col("id").gt(above));
    select.and_where(Expr::col("approved_at").is_not_null());
    select.order_by("id", Order::Asc).limit(limit);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}
