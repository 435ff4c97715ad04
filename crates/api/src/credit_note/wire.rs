//! Credit notes as JSON. Amounts are whole minor units, but for those against an invoice, which are asked for in major
//! units (§1.10 of the reference).

use florin_app::credit_note::{Amount as Asked, Change, Expected, NewCreditNote, Share, Shown, To};
use florin_core::{
    credit_note::{CreditedLine, PaymentShare, RefundDestination, RepaymentMethod, Status},
    invoice::shown_money,
    money::Money,
};
use florin_store::credit_note::Kept;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::Result,
    payment::{self, word},
    value::{Amount, Instant},
};

/// Where a credit note stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum CreditNoteStatus {
    InProgress,
    Issued,
    Void,
    Paid,
}

/// The statuses that a new credit note may be given; which one it has follows from its refunds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum NewCreditNoteStatus {
    InProgress,
    Issued,
    Paid,
}

/// How a credit note was settled.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum CreditNoteRepaymentMethod {
    Credits,
    InvoiceAdjusted,
    ExternalPayment,
    CreditsAgainstPayment,
    OriginalPaymentMethod,
}

/// What a payment gives back, in major units.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct InvoiceCreditNoteShareInput {
    /// Id of a payment of the invoice.
    payment_id: Uuid,
    /// In major units of the invoice's currency, above zero: 25 is $25.
    amount: Amount,
    /// Not needed: a refund gets an id of its own.
    #[schema(max_length = 255, example = "re_1")]
    refund_id: Option<String>,
}

/// A credit note against an invoice.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct InvoiceCreditNoteInput {
    /// In major units of the invoice's currency, above zero: 25 is $25.
    credit_note_amount: Amount,
    /// Why.
    #[schema(min_length = 1, max_length = 2000, example = "Billing error")]
    reason: String,
    /// Where paid money goes; needed when more is credited than is due.
    #[schema(value_type = Option<payment::RefundDestination>)]
    refund_destination: Option<String>,
    /// Which payments give how much back; oldest first unless told.
    #[schema(max_items = 200)]
    refund_amount_split: Option<Vec<InvoiceCreditNoteShareInput>>,
}

/// What a payment gives back, in the smallest unit of the currency.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct CreditNoteShareInput {
    /// Id of a payment of the invoice.
    payment_id: Uuid,
    /// In the smallest unit of the currency, above zero.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 2_500)]
    amount: i64,
    /// Not needed: the payment knows its id at the gateway.
    #[schema(max_length = 255, example = "pi_1")]
    external_payment_id: Option<String>,
    /// Not needed: the payment knows its gateway.
    #[schema(max_length = 255, example = "stripe")]
    connector_id: Option<String>,
}

/// A credit note for a customer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct CreditNoteInput {
    /// In the smallest unit of the currency, above zero.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 2_500)]
    amount: i64,
    /// Code of ISO 4217.
    #[schema(min_length = 2, max_length = 14, example = "USD")]
    currency: String,
    /// Id of the customer; of an invoice, of who pays it.
    customer_id: Uuid,
    /// `issued`; the answer says `in_progress` while a gateway pays back.
    #[schema(value_type = NewCreditNoteStatus)]
    status: String,
    /// Where the amount goes. Without an invoice: `credits` or `external_payment`.
    #[schema(value_type = CreditNoteRepaymentMethod)]
    repayment_method: String,
    /// What you say of its lines; kept as it is.
    #[schema(example = json!({ "lines": [{ "name": "Goodwill" }] }))]
    line_items: Map<String, Value>,
    /// What goes into the wallet, in the smallest unit. Of a note without an invoice that is an
    /// `external_payment`, the rest of it is given back outside; any other must say what follows by itself.
    #[schema(minimum = 0, maximum = 999_999_999_999_i64, example = 2_500)]
    credits_returned: Option<i64>,
    /// What is given back, in the smallest unit; it must be what follows by itself.
    #[schema(minimum = 0, maximum = 999_999_999_999_i64, example = 0)]
    refund_amount: Option<i64>,
    /// Id of the invoice that is credited.
    invoice_id: Option<Uuid>,
    /// Its number; the next one of the business entity unless told.
    #[schema(min_length = 1, max_length = 255, example = "CN-0001")]
    credit_note_number: Option<String>,
    /// Why.
    #[schema(min_length = 1, max_length = 2000, example = "Billing error")]
    reason: Option<String>,
    /// Free data.
    #[schema(example = json!({ "ticket": "T-1" }))]
    custom_data: Option<Map<String, Value>>,
    /// Where paid money goes; as `repayment_method` says unless told.
    #[schema(value_type = Option<payment::RefundDestination>)]
    refund_destination: Option<String>,
    /// Which payments give how much back; oldest first unless told.
    #[schema(max_items = 200)]
    refund_amount_split: Option<Vec<CreditNoteShareInput>>,
}

/// A change of a credit note: what is not named stays.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct CreditNoteChangeInput {
    /// In the smallest unit of the currency; final.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 2_500)]
    amount: Option<i64>,
    /// Code of ISO 4217; final.
    #[schema(min_length = 2, max_length = 14, example = "USD")]
    currency: Option<String>,
    /// Where it stands; final.
    #[schema(value_type = Option<CreditNoteStatus>)]
    status: Option<String>,
    /// How it was settled; final.
    #[schema(value_type = Option<CreditNoteRepaymentMethod>)]
    repayment_method: Option<String>,
    /// What you say of its lines.
    #[schema(example = json!({ "lines": [{ "name": "Goodwill" }] }))]
    line_items: Option<Map<String, Value>>,
    /// Free data.
    #[schema(example = json!({ "ticket": "T-1" }))]
    custom_data: Option<Map<String, Value>>,
}

/// A customer or invoice that a credit note is for.
#[derive(Debug, Serialize, ToSchema)]
struct CreditNoteParty {
    /// Its id.
    id: Uuid,
    /// The customer's name or the invoice's number.
    #[schema(example = "Northwind Labs")]
    name: Option<String>,
    /// The customer's e-mail address.
    #[schema(example = "ap@northwind.example")]
    email: Option<String>,
    /// Its id in your own system.
    #[schema(example = "CRM-771")]
    external_id: Option<String>,
}

/// What a payment gives back for a credit note.
#[derive(Debug, Serialize, ToSchema)]
struct CreditNoteShareResponse {
    /// Id of the payment.
    payment_id: Uuid,
    /// In the smallest unit of the currency.
    #[schema(example = 2_500)]
    amount: i64,
}

/// A credit note.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreditNoteResponse {
    /// Id of the credit note.
    id: Uuid,
    /// In the smallest unit of the currency.
    #[schema(example = 2_500)]
    amount: i64,
    /// Code of the currency.
    #[schema(example = "USD")]
    currency: String,
    /// Id of the customer.
    customer_id: Uuid,
    /// Where it stands.
    #[schema(value_type = CreditNoteStatus)]
    status: &'static str,
    /// How it was settled.
    #[schema(value_type = CreditNoteRepaymentMethod)]
    repayment_method: &'static str,
    /// Where its lines are.
    #[schema(example = "/credit_notes/0197d4a2-6f1e-7c3a-9d58-2b6f4e8a1c07/line_items")]
    line_items_url: String,
    /// What of it was taken off what was due, in the smallest unit.
    #[schema(example = 2_500)]
    invoice_adjusted: i64,
    /// What of it went into the wallet, in the smallest unit.
    #[schema(example = 0)]
    credits_returned: i64,
    /// What of it was given back outside of Florin, in the smallest unit.
    #[schema(example = 0)]
    external_amount: i64,
    /// What of it is given back through payments.
    refund_amount_split: Vec<CreditNoteShareResponse>,
    /// Who is credited.
    customer: CreditNoteParty,
    /// The invoice.
    invoice: Option<CreditNoteParty>,
    /// Id of the invoice.
    invoice_id: Option<Uuid>,
    /// Why.
    #[schema(example = "Billing error")]
    reason: String,
    /// Free data.
    #[schema(value_type = Object, example = json!({ "ticket": "T-1" }))]
    custom_data: Value,
    /// Its number.
    #[schema(example = "CN-0001")]
    credit_note_number: String,
    /// When it was issued.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// An amount as documents show it.
#[derive(Debug, Serialize, ToSchema)]
struct CreditedAmount {
    /// In major units.
    value: Amount,
    /// Code of the currency.
    #[schema(example = "USD")]
    unit: String,
    /// As people read it.
    #[schema(example = "$25.00")]
    display: String,
}

/// What is credited of a line.
#[derive(Debug, Serialize, ToSchema)]
struct CreditNoteLine {
    /// Name of the line on the invoice.
    #[schema(example = "API calls")]
    name: String,
    /// A sentence about it.
    #[schema(example = "Calls of January")]
    description: Option<String>,
    /// Before tax.
    subtotal: CreditedAmount,
    /// The tax.
    tax: CreditedAmount,
}

/// The lines of a credit note.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreditNoteLinesResponse {
    /// What is credited of each line of the invoice.
    lines: Vec<CreditNoteLine>,
    /// What the author says of the lines.
    #[schema(value_type = Object, example = json!({}))]
    line_items: Value,
    /// All of it, in major units.
    total: Amount,
}

/// What `POST /credit_notes` asks for.
pub(super) struct Wanted {
    /// The invoice, where one is credited.
    pub(super) invoice_id: Option<Uuid>,
    /// The customer.
    pub(super) to: To,
    /// The note.
    pub(super) note: NewCreditNote,
}

fn destination(text: Option<String>) -> Result<Option<RefundDestination>> {
    let read = text.map(|text| word(RefundDestination::parse, &text));
    read.transpose()
}

impl InvoiceCreditNoteInput {
    pub(super) fn read(self) -> Result<NewCreditNote> {
        let Self {
            credit_note_amount,
            reason,
            refund_destination,
            refund_amount_split,
        } = self;
        let split = refund_amount_split.unwrap_or_default().into_iter();
        let share = |share: InvoiceCreditNoteShareInput| Share {
            payment_id: share.payment_id,
            amount: Asked::Major(share.amount.0),
        };
        Ok(NewCreditNote {
            amount: Asked::Major(credit_note_amount.0),
            reason,
            destination: destination(refund_destination)?,
            split: split.map(share).collect(),
            number: None,
            line_items: Value::Object(Map::new()),
            custom_data: Value::Object(Map::new()),
            expected: Expected::default(),
        })
    }
}

impl CreditNoteInput {
    pub(super) fn read(self) -> Result<Wanted> {
        let Self {
            amount,
            currency,
            customer_id,
            status: _,
            repayment_method,
            line_items,
            credits_returned,
            refund_amount,
            invoice_id,
            credit_note_number,
            reason,
            custom_data,
            refund_destination,
            refund_amount_split,
        } = self;
        let split = refund_amount_split.unwrap_or_default().into_iter();
        let share = |share: CreditNoteShareInput| Share {
            payment_id: share.payment_id,
            amount: Asked::Minor(share.amount),
        };
        let note = NewCreditNote {
            amount: Asked::Minor(amount),
            reason: reason.unwrap_or_else(|| "Credit note".to_owned()),
            destination: destination(refund_destination)?,
            split: split.map(share).collect(),
            number: credit_note_number,
            line_items: Value::Object(line_items),
            custom_data: Value::Object(custom_data.unwrap_or_default()),
            expected: Expected {
                credits_returned,
                refund_amount,
            },
        };
        let to = To {
            customer_id,
            currency,
            repayment_method: word(RepaymentMethod::parse, &repayment_method)?,
        };
        Ok(Wanted {
            invoice_id,
            to,
            note,
        })
    }
}

impl CreditNoteChangeInput {
    pub(super) fn read(self) -> Result<Change> {
        let Self {
            amount,
            currency,
            status,
            repayment_method,
            line_items,
            custom_data,
        } = self;
        let status = status.map(|text| word(Status::parse, &text));
        let method = repayment_method.map(|text| word(RepaymentMethod::parse, &text));
        Ok(Change {
            amount,
            currency,
            status: status.transpose()?,
            repayment_method: method.transpose()?,
            line_items: line_items.map(Value::Object),
            custom_data: custom_data.map(Value::Object),
        })
    }
}

impl From<Shown> for CreditNoteResponse {
    fn from(shown: Shown) -> Self {
        let Shown {
            kept,
            customer,
            invoice,
        } = shown;
        let Kept {
            note,
            about,
            created_at,
            updated_at,
        } = kept;
        let details = customer.map(|customer| customer.details);
        let customer = CreditNoteParty {
            id: note.customer_id,
            name: details
                .as_ref()
                .map(|details| details.customer_name.clone()),
            email: details.as_ref().and_then(|details| details.email.clone()),
            external_id: details.and_then(|details| details.external_id),
        };
        let invoice = invoice.map(|head| CreditNoteParty {
            id: head.id,
            name: head.number,
            email: None,
            external_id: head.header.external_id,
        });
        let shares = note.settlement.refunds.iter().map(|share| {
            let PaymentShare { payment_id, amount } = *share;
            CreditNoteShareResponse {
                payment_id,
                amount: amount.minor(),
            }
        });
        Self {
            id: note.id,
            amount: note.amount.minor(),
            currency: note.amount.currency().code().to_owned(),
            customer_id: note.customer_id,
            status: note.status.as_str(),
            repayment_method: about.repayment_method.as_str(),
            line_items_url: format!("/credit_notes/{}/line_items", note.id),
            invoice_adjusted: note.settlement.against_due.minor(),
            credits_returned: note.settlement.to_wallet.minor(),
            external_amount: note.settlement.external.minor(),
            refund_amount_split: shares.collect(),
            customer,
            invoice,
            invoice_id: note.invoice_id,
            reason: note.reason,
            custom_data: about.custom_data,
            credit_note_number: note.number,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl From<Money> for CreditedAmount {
    fn from(money: Money) -> Self {
        let shown = shown_money(money);
        Self {
            value: Amount(shown.value),
            unit: shown.unit,
            display: shown.display,
        }
    }
}

impl CreditNoteLinesResponse {
    pub(super) fn new(kept: Kept, lines: Vec<CreditedLine>) -> Self {
        let lines = lines.into_iter().map(|line| {
            let CreditedLine {
                name,
                description,
                net,
                tax,
            } = line;
            CreditNoteLine {
                name,
                description,
                subtotal: net.into(),
                tax: tax.into(),
            }
        });
        Self {
            lines: lines.collect(),
            line_items: kept.about.line_items,
            total: Amount(kept.note.amount.to_major()),
        }
    }
}
