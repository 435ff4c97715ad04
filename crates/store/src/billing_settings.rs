//! How organisations want their bills. Owns one row for each that made a choice; what holds without one is
//! [`BillingSettings::default`]'s to say.

use florin_core::{
    billing_settings::BillingSettings,
    contract::RenewalPolicy,
    invoice::{DateReference, InvoiceDatePolicy},
};
use sea_query::Asterisk;

use crate::{
    Error, Result, Row, Tx,
    record::{self, Table, Values},
    row,
};

const TABLE: Table = Table::quiet("billing_settings");

const REFERENCES: [(DateReference, &str); 4] = [
    (DateReference::BillForDate, "bill_for_date"),
    (DateReference::CreationDate, "creation_date"),
    (DateReference::PeriodStart, "period_start"),
    (DateReference::PeriodEnd, "period_end"),
];

/// The word of a reference, in tables and in the API.
pub fn reference_word(reference: DateReference) -> &'static str {
    let mut all = REFERENCES.into_iter();
    let known = all.find(|(other, _)| *other == reference);
    known.map_or("bill_for_date", |(_, word)| word)
}

/// The reference of a word.
pub fn reference_of(word: &str) -> Option<DateReference> {
    let mut all = REFERENCES.into_iter();
    all.find(|(_, other)| *other == word)
        .map(|(reference, _)| reference)
}

fn values(settings: &BillingSettings) -> Values {
    let BillingSettings {
        bills_automatically,
        invoice_date,
        renewal_policy,
    } = *settings;
    let InvoiceDatePolicy {
        reference,
        months,
        days,
        day_of_month,
    } = invoice_date;
    vec![
        ("bills_automatically", bills_automatically.into()),
        ("invoice_date_reference", reference_word(reference).into()),
        ("invoice_date_months", i64::from(months).into()),
        ("invoice_date_days", i64::from(days).into()),
        (
            "invoice_date_day_of_month",
            day_of_month.map(i64::from).into(),
        ),
        (
            "renewal_policy",
            renewal_policy.map(RenewalPolicy::as_str).into(),
        ),
    ]
}

fn decode(row: &Row) -> Result<BillingSettings> {
    let word: String = row.get("invoice_date_reference")?;
    let reference = reference_of(&word).ok_or_else(|| corrupt("invoice_date_reference", &word))?;
    let policy: Option<String> = row.optional("renewal_policy")?;
    let policy = policy
        .map(|word| RenewalPolicy::parse(&word).ok_or_else(|| corrupt("renewal_policy", &word)));
    let day_of_month: Option<i64> = row.optional("invoice_date_day_of_month")?;
    let day_of_month = day_of_month.map(|day| small(day, "invoice_date_day_of_month"));
    Ok(BillingSettings {
        bills_automatically: row.get("bills_automatically")?,
        invoice_date: InvoiceDatePolicy {
            reference,
            months: small(row.get("invoice_date_months")?, "invoice_date_months")?,
            days: small(row.get("invoice_date_days")?, "invoice_date_days")?,
            day_of_month: day_of_month.transpose()?,
        },
        renewal_policy: policy.transpose()?,
    })
}

fn small<T: TryFrom<i64>>(number: i64, column: &str) -> Result<T> {
    T::try_from(number).map_err(|_| corrupt(column, &number.to_string()))
}

fn corrupt(column: &str, value: &str) -> Error {
    row::corrupt(column, format!("`{value}` is none of its values"))
}

/// The organisation's choices.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx) -> Result<BillingSettings> {
    Ok(chosen(tx).await?.unwrap_or_default())
}

async fn chosen(tx: &mut Tx) -> Result<Option<BillingSettings>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    let select = record::locked(tx, select);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Keeps the organisation's choices. Their row has the organisation's id.
///
/// # Errors
/// What the statements answer.
pub async fn save(tx: &mut Tx, after: &BillingSettings) -> Result<()> {
    let id = tx.organisation().0;
    if let Some(before) = chosen(tx).await? {
        record::update(tx, &TABLE, id, values(&before), values(after)).await?;
        return Ok(());
    }
    let at = tx.at()?;
    let mut row = values(after);
    row.extend([("created_at", at.into()), ("updated_at", at.into())]);
    record::insert(tx, &TABLE, id, row).await
}
