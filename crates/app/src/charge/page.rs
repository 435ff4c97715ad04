//! Payment links: a page of the gateway on which the payer chooses how to pay.
//!
//! A link is signed with the organisation's own key and names the invoice and the amount. It opens a page; money
//! moves only when a person pays there, so that whoever looks at links in mails cannot pay by looking.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use florin_core::{
    charge::{Charge, State},
    id::OrganisationId,
    invoice::{Issued, Status},
    money::Money,
};
use florin_store::{self as store, Tx, invoice::Head};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::{Caller, Source, Wanted, account, begin_in, chargeable, clear, keep, order};
use crate::{App, Error, Result, connector, gateway, payment_method};

/// Bytes of a link before its signature: organisation, invoice, amount.
const FIELDS_BYTES: usize = 16 + 16 + 8;

/// What a link stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whose invoice.
    pub organisation: OrganisationId,
    /// The invoice.
    pub invoice_id: Uuid,
    /// What of it, in minor units; all that is still to be paid without it.
    pub amount: Option<i64>,
}

/// A page that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The payment, which waits for the payer.
    pub payment_id: Uuid,
    /// The invoice.
    pub invoice_id: Uuid,
    /// What is to be paid on it.
    pub amount: Money,
    /// Where it is.
    pub url: String,
}

/// Makes the payload of a link. Answers it with what the payer would pay.
///
/// # Errors
/// [`Error::NotFound`], `INVOICE_NOT_CHARGEABLE`; [`Error::Invalid`] for an amount that is not to be paid.
pub async fn link(
    app: &App,
    tx: &mut Tx,
    invoice_id: Uuid,
    amount: Option<i64>,
) -> Result<(String, Money)> {
    let (_, due) = payable(app, tx, invoice_id).await?;
    let pays = part(due, amount)?;
    let link = Link {
        organisation: tx.organisation(),
        invoice_id,
        amount,
    };
    let fresh = app.ids.secret();
    let key = store::payment_link::key(tx, &fresh).await?;
    Ok((signed(&link, &key), pays))
}

/// The payloads of links to those of these invoices of which something is to be paid, where the organisation has an
/// account at a gateway.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn payloads(tx: &mut Tx, heads: &[Head]) -> Result<HashMap<Uuid, String>> {
    let is_payable = |head: &&Head| {
        let is_open = matches!(head.status, Status::Approved | Status::PartiallyPaid);
        is_open && head.amount_due.minor() > 0
    };
    let payable: Vec<Uuid> = heads
        .iter()
        .filter(is_payable)
        .map(|head| head.id)
        .collect();
    if payable.is_empty() || store::connector::all(tx).await?.is_empty() {
        return Ok(HashMap::new());
    }
    let key = store::payment_link::known_key(tx).await?;
    let links = key.iter().flat_map(|key| {
        payable.iter().map(|id| {
            let link = Link {
                organisation: tx.organisation(),
                invoice_id: *id,
                amount: None,
            };
            (*id, signed(&link, key))
        })
    });
    Ok(links.collect())
}

/// Opens the page of a link. As long as the payer has not paid there, the same page is answered again.
///
/// # Errors
/// `INVOICE_NOT_CHARGEABLE`, `CHARGE_ABOVE_DUE`, `CONNECTOR_NOT_CONFIGURED`, `CHARGE_IN_PROGRESS`;
/// [`Error::Gateway`].
pub async fn pay(app: &App, link: Link, request_id: &str, return_url: &str) -> Result<Opened> {
    let caller = Caller {
        request_id: request_id.to_owned(),
        ..Caller::system(link.organisation)
    };
    let mut tx = app.db.read(link.organisation).await?;
    let (invoice, due) = payable(app, &mut tx, link.invoice_id).await?;
    let pays = part(due, link.amount)?;
    let open = store::charge::open_of_invoice(&mut tx, link.invoice_id).await?;
    if let Some(opened) = open.and_then(|charge| opened(&charge).filter(|page| page.amount == pays))
    {
        return Ok(opened);
    }
    let customer = invoice.header().customer_id;
    let payer = connector::payer_to_be(app, &mut tx, customer, None).await?;
    drop(tx);
    clear(app, &caller, link.invoice_id).await?;
    let reference = payment_method::ask_for_customer(&payer).await?;
    let mut tx = caller.begin(app).await?;
    payment_method::link(app, &mut tx, &payer, &reference).await?;
    let (invoice, due) = payable(app, &mut tx, link.invoice_id).await?;
    let source = Source {
        connector_id: payer.account.connector.id,
        connector_name: payer.account.connector.name.clone(),
        customer_reference: reference,
        method: None,
    };
    let pays = part(due, link.amount)?;
    let charge = begin_in(app, &mut tx, (&invoice, pays), &source, false).await?;
    tx.commit().await?;
    open_page(app, &caller, charge, (invoice.number(), return_url)).await
}

/// Asks the gateway for the page of an attempt. Without a page the invoice is free again.
async fn open_page(
    app: &App,
    caller: &Caller,
    charge: Charge,
    (title, return_url): (&str, &str),
) -> Result<Opened> {
    let account = account(app, caller, charge.connector_id).await?;
    let page = gateway::Page { title, return_url };
    let asked = order(&charge);
    let state = account
        .gateway
        .open_page(&account.credentials, &asked, &page)
        .await;
    let state = match state {
        Ok(state) => state,
        Err(error) => {
            keep(
                app,
                caller,
                charge,
                State::Canceled { reference: None },
                false,
            )
            .await?;
            return Err(error.into());
        }
    };
    let charge = keep(app, caller, charge, state, false).await?;
    opened(&charge).ok_or_else(|| not_opened(&charge))
}

fn not_opened(charge: &Charge) -> Error {
    let message = format!("the payment is {} already", charge.state.as_str());
    Error::refused("INVOICE_NOT_CHARGEABLE", message)
}

/// The page that an attempt waits on.
fn opened(charge: &Charge) -> Option<Opened> {
    let State::RequiresAction { url: Some(url), .. } = &charge.state else {
        return None;
    };
    Some(Opened {
        payment_id: charge.id,
        invoice_id: charge.invoice_id,
        amount: charge.amount,
        url: url.clone(),
    })
}

async fn payable(app: &App, tx: &mut Tx, invoice_id: Uuid) -> Result<(Issued, Money)> {
    let wanted = Wanted {
        skips_due_date: true,
        ..Wanted::default()
    };
    chargeable(tx, invoice_id, &wanted, app.clock.now()).await
}

/// What a link pays of what is due.
fn part(due: Money, amount: Option<i64>) -> Result<Money> {
    let Some(minor) = amount else {
        return Ok(due);
    };
    let pays = Money::from_minor(minor, due.currency());
    if minor <= 0 || pays > due {
        let message = format!("more than 0 and at most what is to be paid, {due}");
        return Err(Error::refused("CHARGE_ABOVE_DUE", message));
    }
    Ok(pays)
}

fn mac(key: &[u8], fields: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"florin payment link 1");
    mac.update(fields);
    Some(mac)
}

fn signed(link: &Link, key: &[u8]) -> String {
    let fields = [
        link.organisation.0.as_bytes().as_slice(),
        link.invoice_id.as_bytes(),
        &link.amount.unwrap_or(0).to_be_bytes(),
    ]
    .concat();
    let bytes = mac(key, &fields).map(|mac| mac.finalize().into_bytes().to_vec());
    URL_SAFE_NO_PAD.encode([fields, bytes.unwrap_or_default()].concat())
}

/// What a payload stands for; `None` where it was not made here, or was changed.
///
/// # Errors
/// [`Error::Store`].
pub async fn verified(app: &App, payload: &str) -> Result<Option<Link>> {
    let bytes = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let Some((fields, signature)) = bytes.split_at_checked(FIELDS_BYTES) else {
        return Ok(None);
    };
    let Some(link) = read(fields) else {
        return Ok(None);
    };
    let mut tx = app.db.read(link.organisation).await?;
    let key = store::payment_link::known_key(&mut tx).await?;
    let mac = key.and_then(|key| mac(&key, fields));
    Ok(mac
        .filter(|mac| mac.clone().verify_slice(signature).is_ok())
        .map(|_| link))
}

fn read(fields: &[u8]) -> Option<Link> {
    let (organisation, rest) = fields.split_at_checked(16)?;
    let (invoice, amount) = rest.split_at_checked(16)?;
    let amount = i64::from_be_bytes(amount.try_into().ok()?);
    Some(Link {
        organisation: OrganisationId(Uuid::from_slice(organisation).ok()?),
        invoice_id: Uuid::from_slice(invoice).ok()?,
        amount: (amount != 0).then_some(amount),
    })
}
