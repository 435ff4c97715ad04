//! Prices of products: create, change, delete, list.
//!
//! A price may be changed as long as nothing is sold under it; what is sold keeps its own copy of the
//! terms, so that a change never reaches an existing contract.

use std::collections::{BTreeSet, HashSet};

use florin_core::{
    aggregate::Aggregate,
    product::{Kind, Product},
    product_pricing::{Content, Flaw, Flaws, Price, ProductPricing, Quantity},
};
use florin_store::{self as store, Tx, list};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{App, Error, FieldError, Result, product};

/// What to do where the product already has an equal price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenEqual {
    /// Answer that one.
    ReturnExisting,
    /// Make another one.
    CreateAnother,
}

/// Creates a price of a product.
///
/// # Errors
/// [`Error::NotFound`] for the product, [`Error::Invalid`] with every flaw of the document,
/// [`Error::Refused`] where the product cannot have the price.
pub async fn create(
    app: &App,
    tx: &mut Tx,
    product_id: Uuid,
    document: Json,
    when_equal: WhenEqual,
) -> Result<ProductPricing> {
    let product = product::load(tx, product_id).await?;
    let content = read(tx, &product, document).await?;
    let content_hash = digest(&content);
    if when_equal == WhenEqual::ReturnExisting {
        let known = store::product_pricing::find_equal(tx, product_id, &content_hash).await?;
        if let Some(known) = known {
            return Ok(known);
        }
    }
    let at = tx.at()?;
    let pricing = ProductPricing {
        id: app.ids.next(),
        product_id,
        content,
        content_hash,
        created_at: at,
        updated_at: at,
    };
    store::product_pricing::insert(tx, &pricing).await?;
    Ok(pricing)
}

/// Replaces the document of a price.
///
/// # Errors
/// As [`create`], and [`Error::NotFound`] for the price.
pub async fn update(
    tx: &mut Tx,
    before: &ProductPricing,
    document: Json,
) -> Result<ProductPricing> {
    let product = product::load(tx, before.product_id).await?;
    let content = read(tx, &product, document).await?;
    let after = ProductPricing {
        content_hash: digest(&content),
        content,
        updated_at: tx.at()?,
        ..before.clone()
    };
    store::product_pricing::update(tx, before, &after).await?;
    Ok(after)
}

/// Deletes a price: lists and reads pass it over. It stops being its product's default.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(tx: &mut Tx, product_id: Uuid, id: Uuid) -> Result<ProductPricing> {
    let product = product::load(tx, product_id).await?;
    let pricing = load(tx, product_id, id).await?;
    store::product_pricing::delete(tx, &pricing).await?;
    if product.details.default_pricing_id == Some(id) {
        let mut details = product.details;
        details.default_pricing_id = None;
        product::update(tx, product_id, details).await?;
    }
    Ok(pricing)
}

/// The price.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, product_id: Uuid, id: Uuid) -> Result<ProductPricing> {
    product::load(tx, product_id).await?;
    let found = store::product_pricing::find(tx, product_id, id).await?;
    found.ok_or(Error::NotFound {
        resource: "pricing",
    })
}

/// One page of a product's prices.
///
/// # Errors
/// [`Error::NotFound`] for the product.
pub async fn page(
    tx: &mut Tx,
    product_id: Uuid,
    query: &list::Query,
) -> Result<list::Page<ProductPricing>> {
    product::load(tx, product_id).await?;
    Ok(store::product_pricing::page(tx, product_id, query).await?)
}

/// The metrics that count the quantities of prices, in one query.
///
/// # Errors
/// [`Error::Store`].
pub async fn metrics<'p>(
    tx: &mut Tx,
    prices: impl IntoIterator<Item = &'p ProductPricing>,
) -> Result<Vec<Aggregate>> {
    let counted = |pricing: &ProductPricing| match pricing.content.price().quantity {
        Some(Quantity::Metered { aggregate_id }) => aggregate_id,
        _ => None,
    };
    let ids: BTreeSet<Uuid> = prices.into_iter().filter_map(counted).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.into_iter().collect();
    Ok(store::aggregate::of_ids(tx, &ids).await?)
}

/// The product, which must be a group.
///
/// # Errors
/// [`Error::NotFound`], or [`Error::Refused`] for a product that is not a group.
pub async fn load_group(tx: &mut Tx, id: Uuid) -> Result<Product> {
    let product = product::load(tx, id).await?;
    if product.details.kind == Kind::Group {
        return Ok(product);
    }
    Err(not_a_group())
}

async fn read(tx: &mut Tx, product: &Product, document: Json) -> Result<Content> {
    let content = Content::read(document).map_err(invalid)?;
    let members = content.price().bundled_products();
    if !members.is_empty() && product.details.kind != Kind::Group {
        return Err(not_a_group());
    }
    let known = store::product::single(tx, &members).await?;
    let unknown = members
        .iter()
        .enumerate()
        .filter(|(_, id)| !known.contains(id));
    let unknown: Vec<FieldError> = unknown.map(|(index, _)| unknown_member(index)).collect();
    if !unknown.is_empty() {
        return Err(Error::Invalid(unknown));
    }
    counted(tx, &content).await?;
    let is_bundle = !members.is_empty();
    if content.price().is_charge()
        && !is_bundle
        && store::product::has_parts(tx, product.id).await?
    {
        return Err(Error::refused(
            "PRODUCT_HAS_SUB_PRODUCTS",
            "a product with sub-products has no price of its own: price the sub-products",
        ));
    }
    Ok(content)
}

/// The metrics by which the price counts; none of them is deleted before the price is written.
async fn counted(tx: &mut Tx, content: &Content) -> Result<()> {
    let mut known = HashSet::new();
    for id in content.price().aggregates() {
        if store::aggregate::find(tx, id).await?.is_some() {
            known.insert(id);
        }
    }
    let unknown = unknown_metrics(content.price(), &known).into_iter();
    let unknown: Vec<FieldError> = unknown.map(unknown_metric).collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(unknown)),
    }
}

/// Where a price counts by metrics that are not among the known ones.
pub(crate) fn unknown_metrics(price: &Price, known: &HashSet<Uuid>) -> Vec<Vec<String>> {
    let mut unknown = Vec::new();
    let mut price = Some(price);
    let mut path: Vec<String> = Vec::new();
    while let Some(priced) = price {
        if let Some(Quantity::Metered {
            aggregate_id: Some(id),
        }) = priced.quantity
            && !known.contains(&id)
        {
            let of_quantity = ["quantity", "aggregate_id"].map(str::to_owned);
            unknown.push(path.iter().cloned().chain(of_quantity).collect());
        }
        path.push("overage_pricing".to_owned());
        price = priced.overage.as_deref();
    }
    unknown
}

fn unknown_metric(path: Vec<String>) -> FieldError {
    FieldError {
        path,
        message: "there is no billable metric with this id".to_owned(),
        kind: "value_error.unknown_id",
    }
}

fn not_a_group() -> Error {
    let message = "a bundle is the price of a group: create a product of type group for it";
    Error::refused("PRODUCT_NOT_A_GROUP", message)
}

fn unknown_member(index: usize) -> FieldError {
    let index = index.to_string();
    FieldError {
        path: ["pricing_data", "members", &index, "product_id"]
            .map(str::to_owned)
            .to_vec(),
        message: "there is no product of type product with this id".to_owned(),
        kind: "value_error.unknown_id",
    }
}

fn invalid(found: Flaws) -> Error {
    Error::Invalid(flaws(found))
}

/// What is wrong with the document of a price, each thing at its place.
pub(crate) fn flaws(Flaws(flaws): Flaws) -> Vec<FieldError> {
    let field = |Flaw { path, rule }: Flaw| FieldError {
        path,
        message: rule.to_string(),
        kind: rule.kind(),
    };
    flaws.into_iter().map(field).collect()
}

fn digest(content: &Content) -> String {
    let digest = Sha256::digest(content.canonical());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
