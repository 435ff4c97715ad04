//! The hosted page of a checkout: the token that opens it, and what it shows.
//!
//! A token is signed with the organisation's own key and names the checkout, so that nobody finds a page by guessing and
//! nothing has to be kept. Does not own HTML.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use florin_core::checkout::{Checkout, Status};
use florin_core::connector::TEST;
use florin_core::id::OrganisationId;
use florin_core::payment_method::PaymentMethod;
use florin_core::plan::{Plan, Provisioning};
use florin_store::{self as store, Tx};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value as Json;
use sha2::Sha256;
use uuid::Uuid;

use super::confirm::{customer_of, is_valid};
use super::{Estimated, find, now_of, preview};
use crate::{App, Error, Result};

/// Bytes of a token before its signature: organisation, checkout.
const FIELDS_BYTES: usize = 16 + 16;

/// Makes tokens of one organisation's checkouts.
#[derive(Clone, Debug)]
pub struct Tokens {
    organisation: OrganisationId,
    key: Option<Vec<u8>>,
}

impl Tokens {
    /// Those of the transaction's organisation; without a key, which its first checkout or connector makes, there are none.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn of(tx: &mut Tx) -> Result<Self> {
        Ok(Self {
            organisation: tx.organisation(),
            key: store::payment_link::known_key(tx).await?,
        })
    }

    /// The token of a checkout.
    pub fn token(&self, id: Uuid) -> Option<String> {
        let fields = [self.organisation.0.as_bytes().as_slice(), id.as_bytes()].concat();
        let mac = mac(self.key.as_deref()?, &fields)?;
        let bytes = mac.finalize().into_bytes().to_vec();
        Some(URL_SAFE_NO_PAD.encode([fields, bytes].concat()))
    }
}

fn mac(key: &[u8], fields: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"florin checkout page 1");
    mac.update(fields);
    Some(mac)
}

/// The checkout that a token opens; `None` where it was not made here, or was changed.
///
/// # Errors
/// [`Error::Store`].
pub async fn opened(app: &App, token: &str) -> Result<Option<(OrganisationId, Uuid)>> {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    let Some((fields, signature)) = bytes.split_at_checked(FIELDS_BYTES) else {
        return Ok(None);
    };
    let (organisation, id) = fields.split_at(16);
    let ids = (Uuid::from_slice(organisation), Uuid::from_slice(id));
    let (Ok(organisation), Ok(id)) = ids else {
        return Ok(None);
    };
    let organisation = OrganisationId(organisation);
    let mut tx = app.db.read(organisation).await?;
    let key = store::payment_link::known_key(&mut tx).await?;
    let mac = key.and_then(|key| mac(&key, fields));
    let is_ours = mac.is_some_and(|mac| mac.verify_slice(signature).is_ok());
    Ok(is_ours.then_some((organisation, id)))
}

/// What a page shows of a checkout.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The checkout.
    pub checkout: Checkout,
    /// Where it stands by now.
    pub status: Status,
    /// What is billed at the confirmation: as of now as long as that is to come, else as it was agreed to.
    pub current: Estimated,
    /// What is billed next.
    pub next: Option<Estimated>,
    /// Who sells.
    pub seller: String,
    /// What is sold, as pages of plans show it.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// What it has, each in some words.
    pub features: Vec<String>,
    /// How it is paid.
    pub provisioning: Provisioning,
    /// Payment methods of the customer that can be charged; a guest has none.
    pub methods: Vec<PaymentMethod>,
    /// Whether a method can be named that only the gateway knows: so it is at the test gateway.
    pub takes_test_cards: bool,
    /// Why it cannot be had any more, for people.
    pub problem: Option<String>,
}

/// What the page of a checkout shows now. Nothing is written.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Store`].
pub async fn offer(app: &App, organisation: OrganisationId, id: Uuid) -> Result<Offer> {
    let mut tx = app.db.read(organisation).await?;
    let checkout = find(&mut tx, id).await?;
    let plan = plan(&mut tx, &checkout).await?;
    let (name, description, features) = said(plan.as_ref());
    let seller = seller(&mut tx, &checkout).await?;
    let connectors = store::connector::all(&mut tx).await?;
    let mut methods = match checkout.request.is_of_guest() {
        true => Vec::new(),
        false => {
            let customer_id = customer_of(&mut tx, &checkout.request).await?;
            store::payment_method::of_customer(&mut tx, customer_id).await?
        }
    };
    drop(tx);
    let now = now_of(app, organisation, &checkout.request).await?;
    methods.retain(|method| is_valid(method, now));
    methods.sort_by_key(|method| !method.is_default);
    let status = checkout.status_at(now);
    let current = match status {
        Status::Pending => preview(app, organisation, &checkout.request).await,
        _ => Ok(checkout.estimates.clone()),
    };
    let (estimates, problem) = match current {
        Ok(estimates) => (estimates, None),
        Err(error @ Error::Store(_)) => return Err(error),
        Err(error) => (checkout.estimates.clone(), Some(in_words(&error))),
    };
    let offer = plan.as_ref().and_then(|plan| plan.details.offer.as_ref());
    let provisioning = offer.map_or(Provisioning::Immediate, |offer| offer.provisioning);
    Ok(Offer {
        status,
        current: Estimated::read(&estimates["current_invoice"]).unwrap_or_default(),
        next: Estimated::read(&estimates["next_invoice"]),
        seller,
        name,
        description,
        features,
        provisioning,
        methods,
        takes_test_cards: connectors.iter().any(|connector| connector.name == TEST),
        problem,
        checkout,
    })
}

async fn plan(tx: &mut Tx, checkout: &Checkout) -> Result<Option<Plan>> {
    let Some(id) = checkout.request.plan_id else {
        return Ok(None);
    };
    Ok(store::plan::find(tx, id).await?.map(|listed| listed.plan))
}

fn said(plan: Option<&Plan>) -> (String, Option<String>, Vec<String>) {
    let Some(plan) = plan else {
        return ("Change of your subscription".to_owned(), None, Vec::new());
    };
    let display = plan
        .details
        .offer
        .as_ref()
        .map(|offer| &offer.display_config);
    let text = |key: &str| display?[key].as_str().map(str::to_owned);
    let features = display.and_then(|display| display["features"].as_array());
    let features = features.into_iter().flatten().filter_map(Json::as_str);
    (
        text("name").unwrap_or_else(|| plan.details.name.clone()),
        text("description").or_else(|| plan.details.description.clone()),
        features.map(str::to_owned).collect(),
    )
}

/// The entity that sells, by its name on documents.
async fn seller(tx: &mut Tx, checkout: &Checkout) -> Result<String> {
    let request = &checkout.request;
    let of_customer = match request.customer_id {
        Some(id) => store::customer::find(tx, id)
            .await?
            .and_then(|customer| customer.details.business_entity_id),
        None => None,
    };
    let entity = match request.business_entity_id.or(of_customer) {
        Some(id) => store::business_entity::find(tx, id).await?,
        None => store::business_entity::default(tx).await?,
    };
    if let Some(entity) = entity {
        return Ok(entity.details.name);
    }
    let organisation = store::organisation::find(tx).await?;
    Ok(organisation.map_or_else(String::new, |organisation| organisation.name))
}

/// An error as a customer reads it.
fn in_words(error: &Error) -> String {
    match error {
        Error::Invalid(fields) => {
            let messages: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
            messages.join("; ")
        }
        other => other.to_string(),
    }
}
