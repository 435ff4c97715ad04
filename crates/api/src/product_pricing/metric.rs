//! The billable metric by which a price counts, shown inside the price.

use std::collections::HashMap;

use florin_app as app;
use florin_core::{aggregate::Aggregate, product_pricing::ProductPricing};
use florin_store::Tx;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::wire::{PricingResponse, QuantityBody};
use crate::{
    aggregate::AggregateResponse,
    error::{Error, Result},
};

/// Billable metrics by id, as the API shows them.
#[derive(Debug, Default)]
pub(crate) struct Metrics(HashMap<String, Value>);

/// Where the quantity comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QuantityShown {
    #[serde(flatten)]
    quantity: QuantityBody,
    /// The billable metric that counts.
    aggregate: Option<AggregateResponse>,
}

impl Metrics {
    /// The metrics of these prices.
    pub(crate) async fn of<'p>(
        tx: &mut Tx,
        prices: impl IntoIterator<Item = &'p ProductPricing>,
    ) -> Result<Self> {
        Self::shown(app::product_pricing::metrics(tx, prices).await?)
    }

    /// These metrics.
    pub(crate) fn shown(aggregates: impl IntoIterator<Item = Aggregate>) -> Result<Self> {
        let shown = aggregates.into_iter().map(|aggregate| {
            let id: Uuid = aggregate.id;
            let shown = serde_json::to_value(AggregateResponse::from(aggregate));
            shown.map(|shown| (id.to_string(), shown))
        });
        let shown = shown.collect::<Result<_, serde_json::Error>>();
        let shown = shown.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Self(shown))
    }

    /// The price with its metric.
    pub(crate) fn shown_in(&self, pricing: ProductPricing) -> PricingResponse {
        let mut shown = PricingResponse::from(pricing);
        let id = shown.quantity["aggregate_id"].as_str();
        if let Some(metric) = id.and_then(|id| self.0.get(id)) {
            shown.quantity["aggregate"] = metric.clone();
        }
        shown
    }
}

/// One price with its metric.
pub(super) async fn shown(tx: &mut Tx, pricing: ProductPricing) -> Result<PricingResponse> {
    Ok(Metrics::of(tx, [&pricing]).await?.shown_in(pricing))
}
