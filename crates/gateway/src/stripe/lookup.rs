//! Finding an attempt again, by Stripe's id or by our key in its metadata.
//!
//! Stripe's search would find the key itself, but only a minute later; a customer's list is current.

use florin_app::gateway::{Credentials, GatewayResult, Order};
use florin_core::charge::State;
use jiff::SignedDuration;
use serde_json::Value as Json;

use super::{CHARGE, Stripe, answer, pair, request, request::Call};

/// Rows of a page of a list, the most that Stripe gives.
const ROWS: &str = "100";
/// Pages of a list that are read at most: a customer has fewer attempts since one was begun.
const PAGES_MAX: usize = 50;
/// How far Stripe's clock may be behind ours.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_hours(1);

impl Stripe {
    /// Where an attempt stands; `None` where Stripe never heard of it.
    pub(super) async fn found(
        &self,
        with: &Credentials,
        order: &Order,
    ) -> GatewayResult<Option<State>> {
        let (path, read): (_, fn(&Json) -> GatewayResult<State>) = match order.method {
            Some(_) => ("/v1/payment_intents", answer::intent),
            None => ("/v1/checkout/sessions", answer::page),
        };
        if let Some(reference) = &order.reference {
            let path = format!("{path}/{}", request::id(reference)?);
            return read(&self.send(with, Call::get(&path)).await?).map(Some);
        }
        let since = (order.at - CLOCKS_DIFFER).as_second();
        let query = vec![
            pair("customer", &order.customer),
            pair("created[gte]", since.to_string()),
        ];
        let rows = self.all(with, path, query).await?;
        let mut rows = rows.iter();
        let own = rows.find(|row| row["metadata"][CHARGE] == order.key.as_str());
        own.map(read).transpose()
    }

    /// All rows of a list.
    pub(super) async fn all(
        &self,
        with: &Credentials,
        path: &str,
        mut query: Vec<(String, String)>,
    ) -> GatewayResult<Vec<Json>> {
        query.push(pair("limit", ROWS));
        let mut rows: Vec<Json> = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut asked = query.clone();
            if let Some(last) = rows.last() {
                asked.push(pair("starting_after", answer::text(last, "/id")?));
            }
            let mut page = self.send(with, Call::list(path, asked)).await?;
            let has_more = page["has_more"] == true;
            if let Some(found) = page["data"].as_array_mut() {
                rows.append(found);
            }
            if !has_more {
                break;
            }
        }
        Ok(rows)
    }
}
