//! Products: create, change, delete, list.

use std::collections::HashMap;

use florin_core::{
    custom_attribute::Module,
    product::{self, Details, Product, Refusal},
    product_pricing::ProductPricing,
};
use florin_store::{
    self as store, Tx,
    list::{self, Spec},
};
use uuid::Uuid;

use crate::{App, Error, Result, custom_attribute};

const RULES: &[(&str, &str, &str)] = &[
    (
        "product_sku_key",
        "PRODUCT_SKU_TAKEN",
        "another product has this sku: send another one, or none",
    ),
    (
        "product_slug_key",
        "PRODUCT_SLUG_TAKEN",
        "another product has this slug: send another one, or none",
    ),
];

/// Creates a product.
///
/// # Errors
/// [`Error::Refused`] for a broken rule or a value that another product has, [`Error::Invalid`] for an
/// unknown parent or price.
pub async fn create(app: &App, tx: &mut Tx, mut details: Details) -> Result<Product> {
    let values = std::mem::take(&mut details.custom_attributes);
    details.custom_attributes =
        custom_attribute::check(tx, Module::Products, None, values, true).await?;
    let product = product::create(app.ids.next(), details, tx.at()?).map_err(refused)?;
    check_parent(tx, &product).await?;
    check_default_pricing(tx, &product).await?;
    store::product::insert(tx, &product).await.map_err(taken)?;
    Ok(product)
}

/// Replaces what a caller may write of a product.
///
/// # Errors
/// As [`create`], and [`Error::NotFound`].
pub async fn update(tx: &mut Tx, id: Uuid, mut details: Details) -> Result<Product> {
    let before = load(tx, id).await?;
    if before.details.custom_attributes != details.custom_attributes {
        let values = std::mem::take(&mut details.custom_attributes);
        details.custom_attributes =
            custom_attribute::check(tx, Module::Products, None, values, false).await?;
    }
    let after = product::amend(&before, details, tx.at()?).map_err(refused)?;
    if before.details.parent_link_id != after.details.parent_link_id {
        check_parent(tx, &after).await?;
    }
    if before.details.default_pricing_id != after.details.default_pricing_id {
        check_default_pricing(tx, &after).await?;
    }
    store::product::update(tx, &before, &after)
        .await
        .map_err(taken)?;
    Ok(after)
}

/// Deletes a product with its prices: lists and reads pass it over, what was sold of it keeps it.
///
/// # Errors
/// [`Error::NotFound`], or [`Error::Refused`] while others depend on it.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Product> {
    let product = load(tx, id).await?;
    if store::product::has_parts(tx, id).await? {
        return Err(Error::refused(
            "PRODUCT_HAS_SUB_PRODUCTS",
            "this product has sub-products: delete or move them first",
        ));
    }
    if store::product_pricing::is_bundled(tx, id).await? {
        return Err(Error::refused(
            "PRODUCT_IN_BUNDLE",
            "this product is a member of a bundle: change the bundle's price first",
        ));
    }
    if store::contract::has_product(tx, id).await? {
        return Err(Error::refused(
            "PRODUCT_HAS_CONTRACTS",
            "contracts sell this product: make it inactive, so that no new one does",
        ));
    }
    for pricing in store::product_pricing::of_products(tx, &[id]).await? {
        store::product_pricing::delete(tx, &pricing).await?;
    }
    store::product::delete(tx, &product).await?;
    Ok(product)
}

/// The product.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Product> {
    store::product::find(tx, id).await?.ok_or(Error::NotFound {
        resource: "product",
    })
}

/// One page of products.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, spec: &Spec, query: &list::Query) -> Result<list::Page<Product>> {
    Ok(store::product::page(tx, spec, query).await?)
}

/// One page of products, each with its prices.
///
/// # Errors
/// [`Error::Store`].
pub async fn page_with_pricings(
    tx: &mut Tx,
    spec: &Spec,
    query: &list::Query,
) -> Result<list::Page<(Product, Vec<ProductPricing>)>> {
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = store::product::page(tx, spec, query).await?;
    let ids: Vec<Uuid> = results.iter().map(|product| product.id).collect();
    let mut pricings: HashMap<Uuid, Vec<ProductPricing>> = HashMap::new();
    for pricing in store::product_pricing::of_products(tx, &ids).await? {
        pricings
            .entry(pricing.product_id)
            .or_default()
            .push(pricing);
    }
    let with_pricings = |product: Product| {
        let pricings = pricings.remove(&product.id).unwrap_or_default();
        (product, pricings)
    };
    Ok(list::Page {
        results: results.into_iter().map(with_pricings).collect(),
        next,
        previous,
        total_count,
    })
}

async fn check_parent(tx: &mut Tx, product: &Product) -> Result<()> {
    let Some(parent) = product.details.parent_link_id else {
        return Ok(());
    };
    let mut ancestors = Vec::new();
    let mut next = Some(parent);
    while let Some(id) = next.filter(|_| ancestors.len() <= product::ANCESTORS_MAX) {
        let Some(above) = store::product::find(tx, id).await? else {
            let message = "there is no product with this id";
            return Err(Error::field(
                "parent_link_id",
                "value_error.unknown_id",
                message,
            ));
        };
        ancestors.push(id);
        next = above.details.parent_link_id.filter(|_| id != product.id);
    }
    let prices = store::product_pricing::of_products(tx, &[parent]).await?;
    let has_pricing = prices
        .iter()
        .any(|pricing| pricing.content.price().is_charge());
    product::check_parent(product.id, &ancestors, has_pricing).map_err(refused)
}

async fn check_default_pricing(tx: &mut Tx, product: &Product) -> Result<()> {
    let Some(pricing) = product.details.default_pricing_id else {
        return Ok(());
    };
    if store::product_pricing::find(tx, product.id, pricing)
        .await?
        .is_some()
    {
        return Ok(());
    }
    let message = "the product has no pricing with this id";
    Err(Error::field(
        "default_pricing_id",
        "value_error.unknown_id",
        message,
    ))
}

fn taken(error: store::Error) -> Error {
    Error::from_constraint(error, RULES)
}

fn refused(refusal: Refusal) -> Error {
    let code = match refusal {
        Refusal::NameBlank => return Error::field("name", "value_error.blank", refusal),
        Refusal::ParentTooDeep => {
            return Error::field("parent_link_id", "value_error.ancestor", refusal);
        }
        Refusal::CreatedAsArchived => "PRODUCT_CREATED_AS_ARCHIVED",
        Refusal::KindFixed => "PRODUCT_TYPE_FIXED",
        Refusal::TypeSubtypeIncompatible => "PRODUCT_TYPE_SUBTYPE_INCOMPATIBLE",
        Refusal::ParentHasPricing => "PRODUCT_HAS_PRICING",
    };
    Error::refused(code, refusal)
}
