//! Issuing credit notes and what becomes of them.

use florin_core::{
    credit_note::{
        self, Credited, PaymentShare, RefundDestination, RepaymentMethod, Request, Status,
    },
    currency::Currency,
    invoice::Issued,
    ledger::Event,
    money::Money,
    payment::{self, Kind, RefundRequest, Refunded},
};
use florin_store::{
    self as store, Tx,
    credit_note::{About, Kept},
    invoice::Invoice,
    payment::{About as AboutPayment, Kept as Paid},
};
use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

use super::remainder::numbered;
use crate::{
    App, Error, Result, currency, customer, journal,
    payment::{Effects, about_refund, asks_gateway, insert_refund, keep},
    wallet,
};

/// An amount as the endpoint takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// In major units, exact: 25 is $25.
    Major(Decimal),
    /// In minor units: 2500 is $25.
    Minor(i64),
}

/// What of a credit note goes back to which payment, in the units of its amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The payment.
    pub payment_id: Uuid,
    /// How much.
    pub amount: Amount,
}

/// A credit note that is asked for.
#[derive(Clone, Debug)]
pub struct NewCreditNote {
    /// What is credited.
    pub amount: Amount,
    /// Why.
    pub reason: String,
    /// Where paid money goes.
    pub destination: Option<RefundDestination>,
    /// Which payments give how much back; oldest first unless told.
    pub split: Vec<Share>,
    /// The next number unless told.
    pub number: Option<String>,
    /// What its author says of its lines.
    pub line_items: Json,
    /// Free data.
    pub custom_data: Json,
    /// What its author expects of it.
    pub expected: Expected,
}

/// What an author expects of a credit note, in minor units; where it is otherwise, none is issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// What goes into the wallet.
    pub credits_returned: Option<i64>,
    /// What is given back through payments or outside.
    pub refund_amount: Option<i64>,
}

/// Whom a credit note is for, and how it is settled.
#[derive(Clone, Debug)]
pub struct To {
    /// The customer.
    pub customer_id: Uuid,
    /// The code of the currency.
    pub currency: String,
    /// How it is settled.
    pub repayment_method: RepaymentMethod,
}

/// A change of a credit note: what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What is credited, in minor units.
    pub amount: Option<i64>,
    /// The code of its currency.
    pub currency: Option<String>,
    /// Where it stands.
    pub status: Option<Status>,
    /// How it was settled.
    pub repayment_method: Option<RepaymentMethod>,
    /// What its author says of its lines.
    pub line_items: Option<Json>,
    /// Free data.
    pub custom_data: Option<Json>,
}

impl Amount {
    /// The amount in a currency.
    fn of(self, currency: Currency) -> Result<Money> {
        match self {
            Self::Minor(minor) => Ok(Money::from_minor(minor, currency)),
            Self::Major(major) => {
                let rounded = Money::round(major, currency);
                let exact = rounded.ok().filter(|money| money.to_major() == major);
                exact.ok_or_else(|| {
                    let digits = currency.minor_digits();
                    let message = format!("at most {digits} digits after the point");
                    Error::field(self.field(), "value_error.number.digits", message)
                })
            }
        }
    }

    /// The field of the body that has it.
    const fn field(self) -> &'static str {
        match self {
            Self::Minor(_) => "amount",
            Self::Major(_) => "credit_note_amount",
        }
    }
}

/// Credits an invoice: what is still due first, then what was paid. `to`, where it is given, must be who pays
/// the invoice.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`], `INVOICE_NOT_APPROVED`, `CREDIT_NOTE_INVOICE_VOID`,
/// `CREDIT_NOTE_ABOVE_INVOICE`, `CREDIT_NOTE_PAYMENT_TOO_SMALL`, `CREDIT_NOTE_NUMBER_TAKEN`.
pub async fn against_invoice(
    app: &App,
    tx: &mut Tx,
    (invoice_id, to): (Uuid, Option<To>),
    mut new: NewCreditNote,
) -> Result<Kept> {
    let before = issued(tx, invoice_id).await?;
    if let Some(to) = to {
        new.destination = new.destination.or(destination_of(to.repayment_method));
        expect_payer(&before, &to)?;
    }
    let earlier = store::credit_note::of_invoice(tx, invoice_id).await?;
    let earlier: Vec<_> = earlier.into_iter().map(|kept| kept.note).collect();
    let payments = store::payment::of_invoice(tx, invoice_id).await?;
    let field = new.amount.field();
    crate::test_clock::follow(tx, before.header().customer_id).await?;
    let request = request(app, tx, &new, before.header().currency)?;
    let refundable = refundable(&payments, invoice_id)?;
    let credited = credit_note::against_invoice(before.clone(), request, &earlier, &refundable);
    let Credited {
        note,
        invoice,
        wallet,
    } = credited.map_err(|refusal| refused(refusal, field))?;
    let entity = invoice.header().business_entity_id;
    let customer_id = note.customer_id;
    let mut kept = issue(tx, (note, entity), new).await?;
    let after = [invoice];
    let effects = Effects {
        before: &[before],
        after: &after,
        customer_id,
        wallet: &wallet,
        events: &[Event::CreditNoteIssued { note: &kept.note }],
    };
    keep(app, tx, effects).await?;
    if !kept.note.settlement.refunds.is_empty() {
        kept = refund_payments(app, tx, kept, &payments).await?;
    }
    Ok(kept)
}

/// Where paid money goes by the word for the settlement.
const fn destination_of(method: RepaymentMethod) -> Option<RefundDestination> {
    match method {
        RepaymentMethod::Credits | RepaymentMethod::CreditsAgainstPayment => {
            Some(RefundDestination::Credits)
        }
        RepaymentMethod::ExternalPayment => Some(RefundDestination::External),
        RepaymentMethod::OriginalPaymentMethod => Some(RefundDestination::OriginalPaymentMethod),
        RepaymentMethod::InvoiceAdjusted => None,
    }
}

fn expect_payer(invoice: &Issued, to: &To) -> Result<()> {
    let header = invoice.header();
    let customer = match to.customer_id == header.customer_id {
        true => Ok(()),
        false => Err(Error::field(
            "customer_id",
            "value_error.unknown",
            "the invoice is another customer's",
        )),
    };
    let currency = match to.currency.eq_ignore_ascii_case(header.currency.code()) {
        true => Ok(()),
        false => Err(Error::field(
            "currency",
            "value_error.currency",
            format!("the invoice is in {}", header.currency),
        )),
    };
    Error::both(customer, currency).map(drop)
}

async fn issued(tx: &mut Tx, id: Uuid) -> Result<Issued> {
    match store::invoice::find(tx, id).await? {
        Some(Invoice::Issued(invoice)) => Ok(invoice),
        Some(Invoice::Draft(_)) => Err(Error::refused(
            "INVOICE_NOT_APPROVED",
            "a draft is edited or deleted, not credited",
        )),
        None => Err(Error::NotFound {
            resource: "invoice",
        }),
    }
}

fn request(app: &App, tx: &Tx, new: &NewCreditNote, currency: Currency) -> Result<Request> {
    let split = new.split.iter().map(|share| {
        Ok(PaymentShare {
            payment_id: share.payment_id,
            amount: share.amount.of(currency)?,
        })
    });
    Ok(Request {
        id: app.ids.next(),
        number: String::new(),
        amount: new.amount.of(currency)?,
        reason: new.reason.clone(),
        destination: new.destination,
        split: split.collect::<Result<_>>()?,
        at: tx.at()?,
    })
}

/// What each payment of the invoice can give back of it, oldest first.
fn refundable(payments: &[Paid], invoice_id: Uuid) -> Result<Vec<PaymentShare>> {
    let mut shares = Vec::new();
    for Paid { payment, .. } in payments {
        if payment.kind != Kind::Payment || !payment.status.is_realised() {
            continue;
        }
        let parts = payment.parts.iter();
        for part in parts.filter(|part| part.invoice_id == invoice_id) {
            let amount = part
                .left()
                .map_err(|error| refused(error.into(), "amount"))?;
            let payment_id = payment.id;
            shares.push(PaymentShare { payment_id, amount });
        }
    }
    Ok(shares)
}

/// Numbers a note and writes it.
async fn issue(
    tx: &mut Tx,
    (note, entity): (credit_note::CreditNote, Option<Uuid>),
    new: NewCreditNote,
) -> Result<Kept> {
    expect_settlement(&note, new.expected)?;
    let at = tx.at()?;
    let mut kept = match new.number {
        None => {
            let numbered = numbered(tx, vec![(note, entity)]).await?.pop();
            numbered.ok_or(Error::NotFound {
                resource: "credit note",
            })?
        }
        Some(number) => Kept {
            about: About::of(&note, entity),
            note: credit_note::CreditNote { number, ..note },
            created_at: at,
            updated_at: at,
        },
    };
    kept.about.line_items = new.line_items;
    kept.about.custom_data = new.custom_data;
    store::credit_note::insert(tx, std::slice::from_ref(&kept))
        .await
        .map_err(taken)?;
    Ok(kept)
}

fn expect_settlement(note: &credit_note::CreditNote, expected: Expected) -> Result<()> {
    let settlement = &note.settlement;
    let given_back = note
        .given_back()
        .map_err(|error| refused(error.into(), "amount"))?;
    let wrong = |field: &str, expected: Option<i64>, is: Money| match expected {
        Some(minor) if minor != is.minor() => {
            let message = format!("it is {} by what is due and paid", is.minor());
            Err(Error::field(field, "value_error.const", message))
        }
        _ => Ok(()),
    };
    let credits = wrong(
        "credits_returned",
        expected.credits_returned,
        settlement.to_wallet,
    );
    let refunds = wrong("refund_amount", expected.refund_amount, given_back);
    Error::both(credits, refunds).map(drop)
}

/// Gives back through each payment what the note says; those that a gateway has to pay are in progress then.
async fn refund_payments(app: &App, tx: &mut Tx, kept: Kept, payments: &[Paid]) -> Result<Kept> {
    let Some(invoice_id) = kept.note.invoice_id else {
        return Ok(kept);
    };
    let destination = RefundDestination::OriginalPaymentMethod;
    let mut waits = false;
    for share in &kept.note.settlement.refunds {
        let mut known = payments.iter();
        let paid = known.find(|paid| paid.payment.id == share.payment_id);
        let paid = paid.ok_or(Error::NotFound {
            resource: "payment",
        })?;
        let request = RefundRequest {
            id: app.ids.next(),
            destination,
            amount: None,
            parts: Vec::new(),
            writes_off: false,
            is_pending: asks_gateway(&paid.payment, destination),
            at: kept.note.issued_at,
        };
        waits |= request.is_pending;
        let refunded = payment::refund_for_credit_note(
            paid.payment.clone(),
            &request,
            invoice_id,
            share.amount,
        );
        let (after, refund) = refunded.map_err(crate::payment::refused)?;
        let about = AboutPayment {
            description: Some(format!("Credit note {}", kept.note.number)),
            refund_destination: Some(destination),
            credit_note_id: Some(kept.note.id),
            ..about_refund(paid, &refund)
        };
        insert_refund(tx, &refund, about).await?;
        let after = Paid {
            payment: after,
            ..paid.clone()
        };
        store::payment::save(tx, paid, &after).await?;
        journal::post(app, tx, &[Event::CreditNoteRefunded { refund: &refund }]).await?;
    }
    if waits {
        return Ok(kept);
    }
    let paid = Kept {
        note: kept.note.clone().refunded(),
        ..kept.clone()
    };
    store::credit_note::save(tx, &kept, &paid).await?;
    Ok(paid)
}

/// Keeps what a gateway answered to a refund of a credit note: where it did not pay, the money is in the wallet.
pub(crate) async fn settle_refund(
    tx: &mut Tx,
    note_id: Uuid,
    (paid, refund, has_succeeded): (&Paid, &Paid, bool),
) -> Result<Refunded> {
    let kept = load_note(tx, note_id).await?;
    let others = store::payment::of_credit_note(tx, note_id).await?;
    let waits =
        |other: &Paid| other.payment.id != refund.payment.id && other.payment.status.is_open();
    let share = PaymentShare {
        payment_id: paid.payment.id,
        amount: refund.payment.amount,
    };
    let is_last = !others.iter().any(waits);
    let settled = kept.note.clone().settled(share, has_succeeded, is_last);
    let note = settled.map_err(|error| refused(error.into(), "amount"))?;
    let mut after = Kept {
        note,
        ..kept.clone()
    };
    if !has_succeeded {
        after.about.repayment_method = after.note.repayment_method();
    }
    store::credit_note::save(tx, &kept, &after).await?;
    let (paid, refund) = (paid.payment.clone(), refund.payment.clone());
    payment::settle_refund_for_credit_note(paid, refund, note_id, has_succeeded)
        .map_err(crate::payment::refused)
}

async fn load_note(tx: &mut Tx, id: Uuid) -> Result<Kept> {
    let found = store::credit_note::find(tx, id).await?;
    found.ok_or(Error::NotFound {
        resource: "credit note",
    })
}

/// Credits a customer without an invoice: into the wallet, or outside of the platform.
///
/// # Errors
/// [`Error::Invalid`]; `CREDIT_NOTE_NUMBER_TAKEN`.
pub async fn stand_alone(app: &App, tx: &mut Tx, to: To, new: NewCreditNote) -> Result<Kept> {
    let To {
        customer_id,
        currency,
        repayment_method,
    } = to;
    let customer = customer::expect_known(tx, customer_id).await;
    let (customer, currency) = Error::both(customer, currency::of_code("currency", &currency))?;
    crate::test_clock::follow(tx, customer_id).await?;
    let request = request(app, tx, &new, currency)?;
    let external = outside(request.amount, repayment_method, new.expected)?;
    let issued = credit_note::stand_alone(customer_id, request, external);
    let (note, entry) = issued.map_err(|refusal| refused(refusal, "amount"))?;
    let entity = customer.details.business_entity_id;
    let kept = issue(tx, (note, entity), new).await?;
    let entries: Vec<_> = entry
        .into_iter()
        .map(|entry| (customer_id, entry))
        .collect();
    wallet::post(app, tx, &entries).await?;
    let issued = Event::CreditNoteIssued { note: &kept.note };
    journal::post(app, tx, &[issued]).await?;
    Ok(kept)
}

/// What of a credit note without an invoice is given back outside the platform.
fn outside(amount: Money, method: RepaymentMethod, expected: Expected) -> Result<Money> {
    let zero = Money::zero(amount.currency());
    match method {
        RepaymentMethod::Credits => Ok(zero),
        RepaymentMethod::ExternalPayment => {
            let minor = expected.credits_returned.unwrap_or_default();
            let into_wallet = Money::from_minor(minor, amount.currency());
            let outside = amount.checked_sub(into_wallet);
            let outside = outside.map_err(|error| refused(error.into(), "amount"))?;
            if outside.is_negative() {
                let message = "no more than the amount goes into the wallet";
                return Err(Error::field(
                    "credits_returned",
                    "value_error.number.not_le",
                    message,
                ));
            }
            Ok(outside)
        }
        _ => Err(Error::field(
            "repayment_method",
            "value_error.invoice_needed",
            "without invoice_id: credits or external_payment",
        )),
    }
}

/// Changes what is said about a credit note. Its amounts, currency and settlement are final: naming others is
/// refused.
///
/// # Errors
/// [`Error::NotFound`], `CREDIT_NOTE_FIXED`.
pub async fn update(tx: &mut Tx, id: Uuid, change: Change) -> Result<Kept> {
    let before = load_note(tx, id).await?;
    let Change {
        amount,
        currency,
        status,
        repayment_method,
        line_items,
        custom_data,
    } = change;
    let (note, about) = (&before.note, &before.about);
    let code = note.amount.currency();
    let keeps = amount.is_none_or(|minor| minor == note.amount.minor())
        && currency.is_none_or(|named| named.eq_ignore_ascii_case(code.code()))
        && status.is_none_or(|status| status == note.status)
        && repayment_method.is_none_or(|method| method == about.repayment_method);
    if !keeps {
        return Err(Error::refused(
            "CREDIT_NOTE_FIXED",
            "amount, currency, status and settlement of an issued credit note are final: issue another one",
        ));
    }
    let mut after = before.clone();
    after.about.line_items = line_items.unwrap_or(after.about.line_items);
    after.about.custom_data = custom_data.unwrap_or(after.about.custom_data);
    after.updated_at = tx.at()?;
    store::credit_note::save(tx, &before, &after).await?;
    Ok(after)
}

fn refused(refusal: credit_note::Refusal, field: &'static str) -> Error {
    use credit_note::Refusal;
    let code = match refusal {
        Refusal::ReasonBlank => return Error::field("reason", "value_error.blank", refusal),
        Refusal::NotPositive => {
            return Error::field(field, "value_error.number.not_gt", refusal);
        }
        Refusal::Money(_) => return Error::field(field, "value_error.number", refusal),
        Refusal::DestinationMissing { .. } => {
            return Error::field("refund_destination", "value_error.missing", refusal);
        }
        Refusal::SplitSum { .. } => {
            return Error::field("refund_amount_split", "value_error.parts_sum", refusal);
        }
        Refusal::AboveInvoice { .. } => "CREDIT_NOTE_ABOVE_INVOICE",
        Refusal::InvoiceVoid => "CREDIT_NOTE_INVOICE_VOID",
        Refusal::PaymentTooSmall { .. } => "CREDIT_NOTE_PAYMENT_TOO_SMALL",
    };
    Error::refused(code, refusal)
}

const RULES: &[(&str, &str, &str)] = &[(
    "credit_note_number_series_credit_note_number_key",
    "CREDIT_NOTE_NUMBER_TAKEN",
    "another credit note has this number: send another one, or none",
)];

fn taken(error: store::Error) -> Error {
    Error::from_constraint(error, RULES)
}
