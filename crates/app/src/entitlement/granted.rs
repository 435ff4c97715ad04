//! What customers were granted: by hand here, by invoices elsewhere. Owns what is shown around a grant, and sums over grants.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use florin_core::entitlement::{self, CustomerGrant, Entitlement, GrantDetails, GrantRefusal};
use florin_store::{
    self as store, Tx, entitlement_grant,
    list::{self, Condition},
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::load as definition;
use crate::{App, Error, FieldError, Result, test_clock};

/// Grants that sums are made of at most.
const SUMMED_MAX: u64 = 10_000;

const RULES: &[(&str, &str, &str)] = &[(
    "entitlement_grant_id_key",
    "ENTITLEMENT_GRANT_ID_TAKEN",
    "another grant has this id: send another one, or none",
)];

/// What others show of a resource around a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: Uuid,
    /// Name of a contract, customer or product, number of an invoice.
    pub name: Option<String>,
    /// E-mail address of a customer.
    pub email: Option<String>,
}

/// A grant with what stands around it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The grant.
    pub grant: CustomerGrant,
    /// What is granted.
    pub entitlement: Entitlement,
    /// To whom.
    pub customer: Option<Named>,
    /// The contract that grants.
    pub contract: Option<Named>,
    /// The product of the entitlement.
    pub product: Option<Named>,
    /// The invoice with which it comes.
    pub invoice: Option<Named>,
    /// Where it stands now: `draft`, `active` or `expired`.
    pub status: &'static str,
}

/// What of an entitlement a customer was granted in all.
#[derive(Clone, Debug)]
pub struct Summed {
    /// The entitlement.
    pub entitlement: Entitlement,
    /// All grants together.
    pub quantity: Decimal,
    /// What of it is used.
    pub quantity_used: Decimal,
    /// How many grants have expired.
    pub expired: u64,
}

/// Grants a customer some of an entitlement by hand.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`], `ENTITLEMENT_NOT_ACTIVE`, `ENTITLEMENT_GRANT_ID_TAKEN`.
pub async fn grant(
    app: &App,
    tx: &mut Tx,
    (entitlement_id, customer_id): (Uuid, Uuid),
    id: Option<Uuid>,
    details: impl FnOnce(Timestamp) -> GrantDetails,
) -> Result<CustomerGrant> {
    let entitlement = definition(tx, entitlement_id).await?;
    if !entitlement.details.is_active {
        let message = "the entitlement is not active: nobody is granted some of it";
        return Err(Error::refused("ENTITLEMENT_NOT_ACTIVE", message));
    }
    if !exists(tx, customer_id).await? {
        let message = "there is no customer with this id";
        return Err(Error::field("customer", "value_error.unknown_id", message));
    }
    test_clock::follow(tx, customer_id).await?;
    let at = tx.at()?;
    let id = id.unwrap_or_else(|| app.ids.next());
    let granted = entitlement::grant(id, (entitlement_id, customer_id), details(at), at);
    let granted = granted.map_err(refused)?;
    let inserted = entitlement_grant::insert(tx, &granted).await;
    inserted.map_err(|error| Error::from_constraint(error, RULES))?;
    Ok(granted)
}

/// Replaces what a caller may write of a grant; what is used of it too.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`].
pub async fn regrant(
    tx: &mut Tx,
    path: (Uuid, Uuid, Uuid),
    details: GrantDetails,
) -> Result<CustomerGrant> {
    let before = find(tx, path).await?;
    test_clock::follow(tx, before.customer_id).await?;
    let after = entitlement::regrant(&before, details, tx.at()?).map_err(refused)?;
    entitlement_grant::update(tx, &before, &after).await?;
    find(tx, path).await
}

/// Takes a grant back. What was used of it stays used; what a draft of an invoice counts on keeps it.
///
/// # Errors
/// [`Error::NotFound`], `ENTITLEMENT_GRANT_HELD`.
pub async fn revoke(tx: &mut Tx, path: (Uuid, Uuid, Uuid)) -> Result<CustomerGrant> {
    let grant = find(tx, path).await?;
    if !grant.quantity_held.is_zero() {
        let message =
            "a draft of an invoice draws from this grant: approve or delete the draft first";
        return Err(Error::refused("ENTITLEMENT_GRANT_HELD", message));
    }
    entitlement_grant::delete(tx, &grant).await?;
    Ok(grant)
}

/// The grant with this id, of this entitlement and customer: entitlement, customer, grant.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(
    tx: &mut Tx,
    (entitlement_id, customer_id, id): (Uuid, Uuid, Uuid),
) -> Result<CustomerGrant> {
    let found = entitlement_grant::find(tx, id).await?;
    let is_meant = |grant: &CustomerGrant| {
        grant.entitlement_id == entitlement_id && grant.customer_id == customer_id
    };
    found.filter(is_meant).ok_or(Error::NotFound {
        resource: "grant of an entitlement",
    })
}

/// Whose grants a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope {
    /// Of this customer, who must be there.
    pub customer_id: Option<Uuid>,
    /// Of this entitlement, which must be there.
    pub entitlement_id: Option<Uuid>,
}

/// One page of grants; with words only those that stand so: `draft`, `active`, `expired`.
///
/// # Errors
/// [`Error::NotFound`] for the scope.
pub async fn page(
    app: &App,
    tx: &mut Tx,
    scope: Scope,
    (query, words): (&list::Query, &[&str]),
) -> Result<list::Page<Shown>> {
    let now = now(app, tx, scope.customer_id).await?;
    let query = narrowed(tx, scope, query, (words, now)).await?;
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = entitlement_grant::page(tx, &query).await?;
    Ok(list::Page {
        results: shown(tx, results, now).await?,
        next,
        previous,
        total_count,
    })
}

/// The grant as lists show it.
///
/// # Errors
/// As [`find`].
pub async fn show(app: &App, tx: &mut Tx, path: (Uuid, Uuid, Uuid)) -> Result<Shown> {
    let grant = find(tx, path).await?;
    let now = now(app, tx, Some(grant.customer_id)).await?;
    let shown = shown(tx, vec![grant], now).await?.pop();
    shown.ok_or(super::NOT_FOUND)
}

/// What is granted to a customer, entitlement by entitlement in the order of their names; the filters of the list of
/// grants choose what is summed.
///
/// # Errors
/// [`Error::NotFound`] for the customer.
pub async fn sums(
    app: &App,
    tx: &mut Tx,
    customer_id: Uuid,
    query: &list::Query,
) -> Result<Vec<Summed>> {
    let scope = Scope {
        customer_id: Some(customer_id),
        entitlement_id: None,
    };
    let now = now(app, tx, scope.customer_id).await?;
    let mut query = narrowed(tx, scope, query, (&[], now)).await?;
    query.limit = SUMMED_MAX;
    query.position = list::Position::Start;
    let grants = entitlement_grant::page(tx, &query).await?.results;
    let ids: BTreeSet<Uuid> = grants.iter().map(|grant| grant.entitlement_id).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let mut definitions = store::entitlement::of_ids(tx, &ids).await?;
    let mut sums: BTreeMap<(String, Uuid), Summed> = BTreeMap::new();
    for id in ids {
        let Some(entitlement) = definitions.remove(&id) else {
            continue;
        };
        let of_one = grants.iter().filter(|grant| grant.entitlement_id == id);
        let key = (entitlement.details.name.clone(), id);
        sums.insert(key, summed(entitlement, of_one, now));
    }
    Ok(sums.into_values().collect())
}

fn summed<'g>(
    entitlement: Entitlement,
    grants: impl Iterator<Item = &'g CustomerGrant>,
    now: Timestamp,
) -> Summed {
    let mut summed = Summed {
        entitlement,
        quantity: Decimal::ZERO,
        quantity_used: Decimal::ZERO,
        expired: 0,
    };
    for grant in grants {
        summed.quantity += grant.details.quantity;
        summed.quantity_used += grant.details.quantity_used;
        summed.expired += u64::from(grant.status_at(now) == "expired");
    }
    summed
}

/// All that was granted of an entitlement to a customer and counts at any time of a window; drafts do not.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn total(
    tx: &mut Tx,
    (entitlement_id, customer_id): (Uuid, Uuid),
    (start, end): (Option<Timestamp>, Option<Timestamp>),
) -> Result<Decimal> {
    definition(tx, entitlement_id).await?;
    if !exists(tx, customer_id).await? {
        return Err(NO_CUSTOMER);
    }
    let of = [entitlement_id];
    let grants = entitlement_grant::of_customers(tx, &[customer_id], Some(&of)).await?;
    let (start, end) = (
        start.unwrap_or(Timestamp::MIN),
        end.unwrap_or(Timestamp::MAX),
    );
    let counts = |grant: &&CustomerGrant| {
        grant.details.status == entitlement::GrantStatus::Active && grant.overlaps(start, end)
    };
    let quantities = grants.iter().filter(counts);
    Ok(quantities.map(|grant| grant.details.quantity).sum())
}

const NO_CUSTOMER: Error = Error::NotFound {
    resource: "customer",
};

pub(super) async fn exists(tx: &mut Tx, customer_id: Uuid) -> Result<bool> {
    let found = store::customer::names(tx, &[customer_id]).await?;
    Ok(!found.is_empty())
}

/// The present of a customer, or of nobody in particular.
///
/// # Errors
/// [`Error::Store`].
pub async fn now(app: &App, tx: &mut Tx, customer_id: Option<Uuid>) -> Result<Timestamp> {
    let clock = match customer_id {
        Some(customer_id) => store::test_clock::of_customer(tx, customer_id).await?,
        None => None,
    };
    let now = clock.map_or_else(|| app.clock.now(), |(_, now)| now);
    Ok(florin_core::instant::to_microseconds(now))
}

async fn narrowed(
    tx: &mut Tx,
    scope: Scope,
    query: &list::Query,
    (words, now): (&[&str], Timestamp),
) -> Result<list::Query> {
    let mut query = query.clone();
    if let Some(customer_id) = scope.customer_id {
        if !exists(tx, customer_id).await? {
            return Err(NO_CUSTOMER);
        }
        query
            .conditions
            .push(entitlement_grant::of_customer(customer_id));
    }
    if let Some(entitlement_id) = scope.entitlement_id {
        definition(tx, entitlement_id).await?;
        query
            .conditions
            .push(entitlement_grant::of_entitlement(entitlement_id));
    }
    let standing: Option<Condition> =
        (!words.is_empty()).then(|| entitlement_grant::stand(words, now));
    query.conditions.extend(standing);
    Ok(query)
}

/// Grants with what stands around them, in their order.
async fn shown(tx: &mut Tx, grants: Vec<CustomerGrant>, now: Timestamp) -> Result<Vec<Shown>> {
    let ids = |of: fn(&CustomerGrant) -> Option<Uuid>| -> Vec<Uuid> {
        let ids: BTreeSet<Uuid> = grants.iter().filter_map(of).collect();
        ids.into_iter().collect()
    };
    let entitlements = ids(|grant| Some(grant.entitlement_id));
    let entitlements = store::entitlement::of_ids(tx, &entitlements).await?;
    let customers = customers(tx, &ids(|grant| Some(grant.customer_id))).await?;
    let contracts = contracts(tx, &ids(|grant| grant.details.contract_id)).await?;
    let invoices = invoices(tx, &ids(|grant| grant.details.invoice_id)).await?;
    let products = entitlements.values();
    let products = products.filter_map(|entitlement| entitlement.details.product_id);
    let products = self::products(tx, &products.collect::<Vec<Uuid>>()).await?;
    let shown = grants.into_iter().filter_map(|grant| {
        let entitlement = entitlements.get(&grant.entitlement_id)?.clone();
        let of = |known: &HashMap<Uuid, Named>, id: Option<Uuid>| known.get(&id?).cloned();
        Some(Shown {
            customer: of(&customers, Some(grant.customer_id)),
            contract: of(&contracts, grant.details.contract_id),
            product: of(&products, entitlement.details.product_id),
            invoice: of(&invoices, grant.details.invoice_id),
            status: grant.status_at(now),
            entitlement,
            grant,
        })
    });
    Ok(shown.collect())
}

type ById = HashMap<Uuid, Named>;

fn by_id(named: impl Iterator<Item = Named>) -> ById {
    named.map(|named| (named.id, named)).collect()
}

async fn customers(tx: &mut Tx, ids: &[Uuid]) -> Result<ById> {
    if ids.is_empty() {
        return Ok(ById::new());
    }
    let names = store::customer::names(tx, ids).await?;
    Ok(by_id(names.into_iter().map(|customer| Named {
        id: customer.id,
        name: Some(customer.customer_name),
        email: customer.email,
    })))
}

async fn contracts(tx: &mut Tx, ids: &[Uuid]) -> Result<ById> {
    if ids.is_empty() {
        return Ok(ById::new());
    }
    let names = store::contract::names(tx, ids).await?;
    Ok(by_id(names.into_iter().map(|contract| Named {
        id: contract.id,
        name: Some(contract.name),
        email: None,
    })))
}

async fn products(tx: &mut Tx, ids: &[Uuid]) -> Result<ById> {
    let products = store::product::of_ids(tx, ids).await?;
    Ok(by_id(products.into_iter().map(|product| Named {
        id: product.id,
        name: Some(product.details.name),
        email: None,
    })))
}

async fn invoices(tx: &mut Tx, ids: &[Uuid]) -> Result<ById> {
    if ids.is_empty() {
        return Ok(ById::new());
    }
    let heads = store::invoice::heads_of_ids(tx, ids).await?;
    Ok(by_id(heads.into_iter().map(|head| Named {
        id: head.id,
        name: head.number,
        email: None,
    })))
}

fn refused(refusals: Vec<GrantRefusal>) -> Error {
    let fields = refusals.into_iter().map(|refusal| {
        let (field, kind) = match &refusal {
            GrantRefusal::EndsBeforeStart => ("expiry_at", "value_error.date.range"),
            GrantRefusal::NotAQuantity { field } => (*field, "value_error.number"),
            GrantRefusal::BelowUse { .. } => ("quantity", "value_error.number.not_ge"),
        };
        FieldError {
            path: vec![field.to_owned()],
            message: refusal.to_string(),
            kind,
        }
    });
    Error::Invalid(fields.collect())
}
