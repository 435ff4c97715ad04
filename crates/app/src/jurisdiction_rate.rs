//! Jurisdiction rates and their taxes: create, change, list, and the lookup of the one that applies.

use std::collections::HashMap;

use florin_core::jurisdiction_rate::{
    self, Destination, Details, JurisdictionRate, Place, RateDetails, RateRefusal, Refusal,
    TaxRate, Unresolved,
};
use florin_store::{self as store, Tx};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{App, Error, FieldError, Result, business_entity};

/// A row with its taxes, in the order in which they were entered.
#[derive(Clone, Debug)]
pub struct Rated {
    /// The row.
    pub row: JurisdictionRate,
    /// Its taxes.
    pub rates: Vec<TaxRate>,
}

/// The taxes that apply to a destination.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The row that says so.
    pub jurisdiction_rate_id: Uuid,
    /// Its taxes, in the order in which they are computed.
    pub breakdown: Vec<TaxRate>,
    /// SHA-256, in hexadecimal, of [`jurisdiction_rate::fingerprint_text`]: it changes when the taxes do.
    pub fingerprint: String,
}

/// Creates a row with its taxes.
///
/// # Errors
/// [`Error::NotFound`] for the business entity, [`Error::Invalid`] with every field that breaks a rule.
pub async fn create(
    app: &App,
    tx: &mut Tx,
    business_entity_id: Uuid,
    (details, rates): (Details, Vec<RateDetails>),
) -> Result<Rated> {
    business_entity::demand(tx, business_entity_id).await?;
    let details = canonical(details);
    let mut invalid = invalid_details(tx, &details).await?;
    for (index, rate) in rates.iter().enumerate() {
        let at = ["rates".to_owned(), index.to_string()];
        invalid.extend(invalid_rate(&at, rate));
    }
    refuse(invalid)?;
    let at = tx.at()?;
    let row = JurisdictionRate {
        id: app.ids.next(),
        business_entity_id,
        details,
        created_at: at,
        updated_at: at,
    };
    store::jurisdiction_rate::insert(tx, &row).await?;
    let entered = |details| TaxRate {
        id: app.ids.next(),
        jurisdiction_rate_id: row.id,
        details,
        created_at: at,
        updated_at: at,
    };
    let rates: Vec<TaxRate> = rates.into_iter().map(entered).collect();
    for rate in &rates {
        store::tax_rate::insert(tx, rate).await?;
    }
    Ok(Rated { row, rates })
}

/// Replaces what a caller may write of a row; its taxes stay.
///
/// # Errors
/// [`Error::NotFound`], or [`Error::Invalid`] with every field that breaks a rule.
pub async fn update(tx: &mut Tx, before: &JurisdictionRate, details: Details) -> Result<Rated> {
    let details = canonical(details);
    refuse(invalid_details(tx, &details).await?)?;
    let after = JurisdictionRate {
        details,
        updated_at: tx.at()?,
        ..before.clone()
    };
    store::jurisdiction_rate::update(tx, before, &after).await?;
    load(tx, before.business_entity_id, before.id).await
}

/// A row of a business entity, with its taxes.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, business_entity_id: Uuid, id: Uuid) -> Result<Rated> {
    let row = store::jurisdiction_rate::find(tx, id).await?;
    let row = row
        .filter(|row| row.business_entity_id == business_entity_id)
        .ok_or(Error::NotFound {
            resource: "jurisdiction rate",
        })?;
    let rates = store::tax_rate::of_jurisdiction_rates(tx, &[row.id]).await?;
    Ok(Rated { row, rates })
}

/// Every row of a business entity with its taxes, oldest first; of one tax category where it is named.
///
/// # Errors
/// [`Error::NotFound`] for the business entity.
pub async fn list(
    tx: &mut Tx,
    business_entity_id: Uuid,
    tax_category_id: Option<Uuid>,
) -> Result<Vec<Rated>> {
    business_entity::demand(tx, business_entity_id).await?;
    let rows =
        store::jurisdiction_rate::of_business_entity(tx, business_entity_id, tax_category_id)
            .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut rates: HashMap<Uuid, Vec<TaxRate>> = HashMap::new();
    for rate in store::tax_rate::of_jurisdiction_rates(tx, &ids).await? {
        let of_row = rates.entry(rate.jurisdiction_rate_id).or_default();
        of_row.push(rate);
    }
    let with_rates = |row: JurisdictionRate| {
        let rates = rates.remove(&row.id).unwrap_or_default();
        Rated { row, rates }
    };
    Ok(rows.into_iter().map(with_rates).collect())
}

/// One tax of a row.
///
/// # Errors
/// [`Error::NotFound`] for the row or the tax.
pub async fn load_rate(
    tx: &mut Tx,
    [business_entity_id, jurisdiction_rate_id, id]: [Uuid; 3],
) -> Result<TaxRate> {
    let rated = load(tx, business_entity_id, jurisdiction_rate_id).await?;
    let mut rates = rated.rates.into_iter();
    rates.find(|rate| rate.id == id).ok_or(Error::NotFound {
        resource: "tax rate",
    })
}

/// Replaces what a caller may write of a tax. `before` was read in this transaction.
///
/// # Errors
/// [`Error::Invalid`] with every field that breaks a rule.
pub async fn update_rate(tx: &mut Tx, before: &TaxRate, details: RateDetails) -> Result<TaxRate> {
    refuse(invalid_rate(&[], &details).collect())?;
    let after = TaxRate {
        details,
        updated_at: tx.at()?,
        ..before.clone()
    };
    store::tax_rate::update(tx, before, &after).await?;
    let changed = store::tax_rate::find(tx, before.id).await?;
    changed.ok_or(Error::NotFound {
        resource: "tax rate",
    })
}

/// The taxes that apply to a destination (semantics §39).
///
/// # Errors
/// [`Error::NotFound`] for the business entity, [`Error::Refused`] where no row matches,
/// [`Error::Invalid`] where several do or the tax category is unknown.
pub async fn lookup(
    tx: &mut Tx,
    business_entity_id: Uuid,
    wanted: Destination,
) -> Result<Resolved> {
    business_entity::demand(tx, business_entity_id).await?;
    refuse(unknown_category(tx, wanted.tax_category_id).await?)?;
    let wanted = wanted.canonical();
    let rows = store::jurisdiction_rate::candidates(tx, business_entity_id, &wanted).await?;
    let row = jurisdiction_rate::applicable(&rows, &wanted).map_err(unresolved)?;
    let rates = store::tax_rate::of_jurisdiction_rates(tx, &[row.id]).await?;
    let breakdown = jurisdiction_rate::breakdown(rates);
    let text = jurisdiction_rate::fingerprint_text(&breakdown);
    Ok(Resolved {
        jurisdiction_rate_id: row.id,
        breakdown,
        fingerprint: hexadecimal(&Sha256::digest(text)),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn canonical(details: Details) -> Details {
    Details {
        place: Place::new(details.place),
        ..details
    }
}

async fn invalid_details(tx: &mut Tx, details: &Details) -> Result<Vec<FieldError>> {
    let mut invalid = unknown_category(tx, details.tax_category_id).await?;
    for refusal in jurisdiction_rate::refusals(details) {
        let (field, kind) = match refusal {
            Refusal::ZipRangeOpen if details.place.zip_code_start.is_none() => {
                ("zip_code_start", "value_error.missing")
            }
            Refusal::ZipRangeOpen => ("zip_code_end", "value_error.missing"),
            Refusal::ZipLengthsDiffer => ("zip_code_end", "value_error.any_str.length"),
            Refusal::ZipRangeReversed => ("zip_code_end", "value_error.range"),
            Refusal::EffectiveToEarlier => ("effective_to", "value_error.date.range"),
        };
        invalid.push(bad_field(&[], field, kind, refusal));
    }
    Ok(invalid)
}

async fn unknown_category(tx: &mut Tx, id: Uuid) -> Result<Vec<FieldError>> {
    if store::tax_category::exists(tx, id).await? {
        return Ok(Vec::new());
    }
    let message = "there is no tax category with this id";
    let unknown = bad_field(&[], "tax_category_id", "value_error.unknown", message);
    Ok(vec![unknown])
}

fn invalid_rate(at: &[String], rate: &RateDetails) -> impl Iterator<Item = FieldError> {
    let refusals = jurisdiction_rate::rate_refusals(rate).into_iter();
    refusals.map(move |refusal| match refusal {
        RateRefusal::TaxNameBlank => bad_field(at, "tax_name", "value_error.blank", refusal),
        RateRefusal::PercentOutOfRange => {
            bad_field(at, "rate_percent", "value_error.number.range", refusal)
        }
        RateRefusal::PercentTooFine => bad_field(
            at,
            "rate_percent",
            "value_error.decimal.max_places",
            refusal,
        ),
    })
}

fn bad_field(at: &[String], name: &str, kind: &'static str, message: impl ToString) -> FieldError {
    let mut path = at.to_vec();
    path.push(name.to_owned());
    FieldError {
        path,
        message: message.to_string(),
        kind,
    }
}

fn refuse(invalid: Vec<FieldError>) -> Result<()> {
    if invalid.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid(invalid))
}

fn unresolved(cause: Unresolved) -> Error {
    match cause {
        Unresolved::NoRow { .. } => Error::refused("TAX_RATE_NOT_FOUND", cause),
        Unresolved::SeveralRows { .. } => Error::Invalid(vec![FieldError {
            path: Vec::new(),
            message: cause.to_string(),
            kind: "value_error.ambiguous",
        }]),
    }
}
