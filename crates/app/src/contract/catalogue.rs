//! Products and prices of what is written: ids in place of inline products, copies of prices.
//!
//! Owns what may be sold and which text of a price counts. What is sold keeps its own copy of the price, so
//! a change of the catalogue never reaches it, also where the contract is sent again. Invariant: reads are
//! one for each kind of thing, whatever the number of lines.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use florin_core::contract::{Contract, LineHead};
use florin_core::id::LineId;
use florin_core::plan::Plan;
use florin_core::product::{Kind, Product};
use florin_core::product_pricing::{Content, ProductPricing};
use florin_store::{self as store, Tx};
use serde_json::Value as Json;
use uuid::Uuid;

use super::written::{Place, WrittenLine, bad, below};
use crate::{
    App, Error, FieldError, Result, product,
    product_pricing::{self, WhenEqual},
};

/// What a line sells, at which price.
#[derive(Clone, Debug)]
pub(crate) struct Sold {
    pub(crate) product_id: Uuid,
    pub(crate) pricing_id: Option<Uuid>,
    pub(crate) pricing: Arc<Content>,
}

/// What the lines of a body sell, and what is wrong with it.
pub(crate) struct Catalogue {
    sold: HashMap<Place, Sold>,
    features: Vec<Arc<Content>>,
    found: Vec<FieldError>,
}

/// Records that the lines name.
struct Records {
    products: HashMap<Uuid, Product>,
    on_sale: HashSet<Uuid>,
    with_parts: HashSet<Uuid>,
    pricings: HashMap<Uuid, ProductPricing>,
    metrics: HashSet<Uuid>,
    members: HashSet<Uuid>,
}

/// A line whose own price is read.
struct Draft<'w> {
    place: Place,
    line: &'w WrittenLine,
    product_id: Option<Uuid>,
    inline: Option<Arc<Content>>,
}

impl Catalogue {
    /// Reads what lines sell; inline products are made. `known` is what is changed: a contract or a plan.
    ///
    /// # Errors
    /// [`Error::Refused`] where an inline product breaks a rule; what is wrong with fields is kept.
    pub(crate) async fn read(
        app: &App,
        tx: &mut Tx,
        lines: Vec<(Place, &WrittenLine)>,
        known: Known<'_>,
    ) -> Result<Self> {
        let mut found = Vec::new();
        let mut drafts = Vec::with_capacity(lines.len());
        for (place, line) in lines {
            let inline = read_inline(&place, line, &mut found);
            let product_id = match (line.product_id, &line.product) {
                (None, Some(details)) => {
                    let made = product::create(app, tx, details.clone()).await;
                    made_product(&place, made, &mut found)?
                }
                (named, _) => named,
            };
            drafts.push(Draft {
                place,
                line,
                product_id,
                inline,
            });
        }
        let records = Records::load(tx, &drafts).await?;
        let mut sold = HashMap::with_capacity(drafts.len());
        for draft in drafts {
            if let Some(one) = records.sold(&draft, &known, &mut found) {
                let one = in_catalogue(app, tx, &draft, one).await?;
                sold.insert(draft.place, one);
            }
        }
        let features = known.features;
        Ok(Self {
            sold,
            features,
            found,
        })
    }

    /// What the line at a place sells, unless something is wrong with it.
    pub(crate) fn take(&mut self, place: &[String]) -> Option<Sold> {
        self.sold.remove(place)
    }

    pub(crate) fn take_found(&mut self) -> Vec<FieldError> {
        std::mem::take(&mut self.found)
    }

    /// Modifiers of a phase: those that it has, where the same is said.
    pub(crate) fn features(&self, document: Json) -> Result<Arc<Content>, Vec<FieldError>> {
        let content = Content::read(document).map_err(product_pricing::flaws)?;
        let mut known = self.features.iter();
        let same = known.find(|known| known.says_the_same(&content));
        Ok(same.cloned().unwrap_or_else(|| Arc::new(content)))
    }
}

fn read_inline(
    place: &[String],
    line: &WrittenLine,
    found: &mut Vec<FieldError>,
) -> Option<Arc<Content>> {
    let Some(document) = line.pricing.clone() else {
        let is_told = line.pricing_id.is_some();
        if !is_told {
            let place = below(place, &["pricing_id"]);
            let message = "name a price of the catalogue by pricing_id, or write one as pricing";
            found.push(bad(place, "value_error.missing", message));
        }
        return None;
    };
    match Content::read(document) {
        Ok(content) => Some(Arc::new(content)),
        Err(flaws) => {
            let place = below(place, &["pricing"]);
            found.extend(within(&place, product_pricing::flaws(flaws)));
            None
        }
    }
}

/// The product that was made; what is wrong with its fields is kept.
fn made_product(
    place: &[String],
    made: Result<Product>,
    found: &mut Vec<FieldError>,
) -> Result<Option<Uuid>> {
    match made {
        Ok(product) => Ok(Some(product.id)),
        Err(Error::Invalid(errors)) => {
            found.extend(within(&below(place, &["product"]), errors));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn within(place: &[String], errors: Vec<FieldError>) -> impl Iterator<Item = FieldError> {
    errors.into_iter().map(|error| FieldError {
        path: place.iter().cloned().chain(error.path).collect(),
        ..error
    })
}

/// A price that is to be kept in the catalogue too. One that it has already is that one.
async fn in_catalogue(app: &App, tx: &mut Tx, draft: &Draft<'_>, sold: Sold) -> Result<Sold> {
    let is_new = draft.line.pricing_id.is_none() && sold.pricing_id.is_none();
    let document = sold.pricing.document();
    if !is_new || document["add_to_catalog"] != true {
        return Ok(sold);
    }
    let (document, equal) = (document.clone(), WhenEqual::ReturnExisting);
    let made = product_pricing::create(app, tx, sold.product_id, document, equal).await?;
    Ok(Sold {
        pricing_id: Some(made.id),
        ..sold
    })
}

/// What the contract or plan has that is changed.
#[derive(Default)]
pub(crate) struct Known<'c> {
    lines: Vec<(LineId, &'c LineHead)>,
    features: Vec<Arc<Content>>,
}

impl<'c> Known<'c> {
    /// What a contract has; nothing where it is new.
    pub(crate) fn of_contract(before: Option<&'c Contract>) -> Self {
        let phases = before.map(Contract::phases).unwrap_or_default();
        let features = phases
            .iter()
            .filter_map(|phase| phase.head.features.clone());
        let lines = phases.iter().flat_map(|phase| &phase.lines);
        Self {
            lines: lines.map(|line| (line.id, &line.head)).collect(),
            features: features.collect(),
        }
    }

    /// What a plan has; nothing where it is new.
    pub(crate) fn of_plan(before: Option<&'c Plan>) -> Self {
        let phases = before.map(|plan| plan.details.phases.as_slice());
        let phases = phases.unwrap_or_default();
        let features = phases
            .iter()
            .filter_map(|phase| phase.head.features.clone());
        let lines = phases.iter().flat_map(|phase| &phase.lines);
        Self {
            lines: lines.map(|line| (line.id, &line.head)).collect(),
            features: features.collect(),
        }
    }

    /// The line that says the same about a product: the one with the id, else any.
    fn same(&self, id: Option<Uuid>, product_id: Uuid, content: &Content) -> Option<&'c LineHead> {
        self.first(id, |head| {
            head.product_id == product_id && head.pricing.says_the_same(content)
        })
    }

    /// The line that was sold at a price of the catalogue: the one with the id, else any.
    fn at_price(&self, id: Option<Uuid>, pricing_id: Uuid) -> Option<&'c LineHead> {
        self.first(id, |head| head.pricing_id == Some(pricing_id))
    }

    fn first(
        &self,
        id: Option<Uuid>,
        is_meant: impl Fn(&LineHead) -> bool,
    ) -> Option<&'c LineHead> {
        let lines = || self.lines.iter().filter(|(_, head)| is_meant(head));
        let own = id.and_then(|id| lines().find(|(line, _)| *line == LineId(id)));
        own.or_else(|| lines().next()).map(|(_, head)| *head)
    }

    fn sells(&self, product_id: Uuid) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|(_, head)| head.product_id == product_id)
    }
}

impl Records {
    async fn load(tx: &mut Tx, drafts: &[Draft<'_>]) -> Result<Self> {
        let ids = |of: &dyn Fn(&Draft<'_>) -> Vec<Uuid>| -> Vec<Uuid> {
            let ids: BTreeSet<Uuid> = drafts.iter().flat_map(of).collect();
            ids.into_iter().collect()
        };
        let pricings = ids(&|draft| draft.line.pricing_id.into_iter().collect());
        let pricings = store::product_pricing::of_ids(tx, &pricings).await?;
        let mut products = ids(&|draft| draft.product_id.into_iter().collect());
        products.extend(pricings.iter().map(|pricing| pricing.product_id));
        let inline = |draft: &Draft<'_>| draft.inline.clone();
        let metrics = ids(&|draft| {
            let content = inline(draft).into_iter();
            content
                .flat_map(|content| content.price().aggregates())
                .collect()
        });
        let members = ids(&|draft| {
            let content = inline(draft).into_iter();
            content
                .flat_map(|content| content.price().bundled_products())
                .collect()
        });
        let found = store::product::of_ids(tx, &products).await?.into_iter();
        Ok(Self {
            products: found.map(|product| (product.id, product)).collect(),
            on_sale: set(store::product::on_sale(tx, &products).await?),
            with_parts: set(store::product::with_parts(tx, &products).await?),
            pricings: pricings
                .into_iter()
                .map(|pricing| (pricing.id, pricing))
                .collect(),
            metrics: set(store::aggregate::known(tx, &metrics).await?),
            members: set(store::product::single(tx, &members).await?),
        })
    }

    /// What a line sells; what is wrong with it is kept.
    fn sold(
        &self,
        draft: &Draft<'_>,
        known: &Known<'_>,
        found: &mut Vec<FieldError>,
    ) -> Option<Sold> {
        let count = found.len();
        let product = self.product(draft, known, found)?;
        let sold = match &draft.inline {
            Some(inline) => Some(self.inline(draft, known, product, inline)),
            None => self.at_price(draft, known, product, found),
        };
        let sold = sold?;
        if known.same(None, product.id, &sold.pricing).is_none() {
            self.check_price(draft, product, &sold.pricing, found);
        }
        (found.len() == count).then_some(sold)
    }

    /// The product of a line: the one named, else that of the price.
    fn product(
        &self,
        draft: &Draft<'_>,
        known: &Known<'_>,
        found: &mut Vec<FieldError>,
    ) -> Option<&Product> {
        let place = || below(&draft.place, &["product_id"]);
        let pricing_id = draft.line.pricing_id;
        let of_price = pricing_id.and_then(|id| {
            let kept = known.at_price(draft.line.id, id);
            let kept = kept.map(|line| line.product_id);
            kept.or_else(|| Some(self.pricings.get(&id)?.product_id))
        });
        let Some(id) = draft.product_id.or(of_price) else {
            // What is wrong with an inline product is named already.
            if draft.line.product.is_none() {
                found.push(match pricing_id {
                    Some(_) => unknown_price(&draft.place),
                    None => no_product(place()),
                });
            }
            return None;
        };
        let Some(product) = self.products.get(&id) else {
            let message = "there is no product with this id";
            found.push(bad(place(), "value_error.unknown_id", message));
            return None;
        };
        if !self.on_sale.contains(&id) && !known.sells(id) {
            let message = "the product is not sold any more: only contracts that have it keep it";
            found.push(bad(place(), "value_error.product", message));
        }
        Some(product)
    }

    /// A price that is written out: the kept copy or the catalogue's where they say the same.
    fn inline(
        &self,
        draft: &Draft<'_>,
        known: &Known<'_>,
        product: &Product,
        inline: &Arc<Content>,
    ) -> Sold {
        let product_id = product.id;
        if let Some(line) = known.same(draft.line.id, product_id, inline) {
            return Sold {
                product_id,
                pricing_id: line.pricing_id,
                pricing: line.pricing.clone(),
            };
        }
        let named = draft.line.pricing_id.and_then(|id| self.pricings.get(&id));
        let named = named.filter(|pricing| pricing.content.says_the_same(inline));
        Sold {
            product_id,
            pricing_id: named.map(|pricing| pricing.id),
            pricing: inline.clone(),
        }
    }

    /// A price that is named: the kept copy, else the catalogue's.
    fn at_price(
        &self,
        draft: &Draft<'_>,
        known: &Known<'_>,
        product: &Product,
        found: &mut Vec<FieldError>,
    ) -> Option<Sold> {
        let id = draft.line.pricing_id?;
        let (product_id, pricing_id) = (product.id, Some(id));
        let kept = known.at_price(draft.line.id, id);
        if let Some(line) = kept.filter(|line| line.product_id == product_id) {
            return Some(Sold {
                product_id,
                pricing_id,
                pricing: line.pricing.clone(),
            });
        }
        let Some(pricing) = self.pricings.get(&id) else {
            found.push(unknown_price(&draft.place));
            return None;
        };
        if pricing.product_id != product_id {
            let place = below(&draft.place, &["pricing_id"]);
            let message = "the price is another product's";
            found.push(bad(place, "value_error.pricing", message));
            return None;
        }
        Some(Sold {
            product_id,
            pricing_id,
            pricing: Arc::new(pricing.content.clone()),
        })
    }

    /// What a price needs of other records; a price of the catalogue was checked when it was made.
    fn check_price(
        &self,
        draft: &Draft<'_>,
        product: &Product,
        content: &Content,
        found: &mut Vec<FieldError>,
    ) {
        if draft.inline.is_none() {
            return;
        }
        let at = |keys: &[&str]| below(&below(&draft.place, &["pricing"]), keys);
        let price = content.price();
        for path in product_pricing::unknown_metrics(price, &self.metrics) {
            let message = "there is no billable metric with this id";
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            found.push(bad(at(&path), "value_error.unknown_id", message));
        }
        let members = price.bundled_products();
        if !members.is_empty() && product.details.kind != Kind::Group {
            let message = "a bundle is the price of a group";
            found.push(bad(
                at(&["pricing_data", "pricing_type"]),
                "value_error.const",
                message,
            ));
        }
        for (index, member) in members.iter().enumerate() {
            if !self.members.contains(member) {
                let index = index.to_string();
                let path = at(&["pricing_data", "members", &index, "product_id"]);
                let message = "there is no product of type product with this id";
                found.push(bad(path, "value_error.unknown_id", message));
            }
        }
        if members.is_empty() && price.is_charge() && self.with_parts.contains(&product.id) {
            let path = below(&draft.place, &["product_id"]);
            let message = "a product with sub-products has no price of its own: sell its parts";
            found.push(bad(path, "value_error.product", message));
        }
    }
}

fn no_product(place: Place) -> FieldError {
    let message = "name a product by product_id, or write one as product";
    bad(place, "value_error.missing", message)
}

fn unknown_price(place: &[String]) -> FieldError {
    let message = "there is no price with this id";
    bad(
        below(place, &["pricing_id"]),
        "value_error.unknown_id",
        message,
    )
}

fn set(ids: Vec<Uuid>) -> HashSet<Uuid> {
    ids.into_iter().collect()
}
