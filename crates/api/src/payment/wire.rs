//! Payments as JSON. Amounts are whole minor units: integers that are sent, texts that are answered (§1.10 of
//! the reference).

use florin_app::payment::{Edit, NewPayment, NewRefund, NewReversal, Shown};
use florin_core::{
    credit_note::RefundDestination,
    money::Money,
    payment::{Kind, Method, PaymentPart, Status},
};
use florin_store::{invoice::Head, payment::Kept};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;
use crate::{
    error::{Error, Result},
    value::{AnyInstant, Instant},
};

/// What of a payment is for an invoice.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PaymentPartInput {
    /// Id of an approved invoice of this customer, in the payment's currency.
    invoice_id: Uuid,
    /// In the smallest unit of the currency, above zero. What is more than is due goes into the wallet.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 171_030)]
    amount: i64,
}

/// A payment or withheld tax that came outside of Florin.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PaymentInput {
    /// All of it, in the smallest unit of the currency, above zero.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 171_030)]
    amount: i64,
    /// Code of ISO 4217.
    #[schema(min_length = 2, max_length = 14, example = "USD")]
    currency_code: String,
    /// Id of the customer whose money it is; who pays the invoices unless told.
    customer_id: Option<Uuid>,
    /// What of it is for which invoice; what is for none goes into the customer's wallet.
    #[schema(max_items = 200)]
    payment_parts: Option<Vec<PaymentPartInput>>,
    /// How it came; `other` unless told. Withheld tax has none.
    #[schema(value_type = Option<words::PaymentMethod>)]
    payment_method: Option<String>,
    /// `payment` unless told, or `tax_withheld`; the others have endpoints of their own.
    #[serde(rename = "type")]
    #[schema(value_type = Option<words::PaymentType>)]
    payment_type: Option<String>,
    /// `success` unless told: the money is here and pays the invoices. `created`: it is told, but changes nothing
    /// yet.
    #[schema(value_type = Option<words::PaymentStatus>)]
    status: Option<String>,
    /// Its id at the bank; unique.
    #[schema(min_length = 1, max_length = 255, example = "wire-20260210-7")]
    external_id: Option<String>,
    /// When the money moved: a date-time, or seconds since 1970; now unless told.
    timestamp: Option<AnyInstant>,
    /// Free data about the method.
    #[schema(example = json!({ "check_number": "1042" }))]
    payment_method_details: Option<serde_json::Map<String, Value>>,
    /// The number of a receipt.
    #[schema(max_length = 255, example = "RCT-0007")]
    receipt_number: Option<String>,
    /// A sentence.
    #[schema(max_length = 2000, example = "Paid at the fair")]
    description: Option<String>,
}

/// Which invoices a payment is for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct PaymentPartsInput {
    /// What of it is for which invoice, in place of all that was said before.
    #[schema(min_items = 1, max_items = 200)]
    payment_parts: Vec<PaymentPartInput>,
}

/// A change of a manual payment: what is not named stays.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct ManualPaymentInput {
    /// All of it, in the smallest unit of the currency, above zero.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 171_030)]
    amount: Option<i64>,
    /// Free data about the method.
    #[schema(example = json!({ "check_number": "1042" }))]
    payment_method_details: Option<serde_json::Map<String, Value>>,
    /// What of it is for which invoice, in place of all that was said before.
    #[schema(max_items = 200)]
    payment_parts: Option<Vec<PaymentPartInput>>,
    /// Its id at the bank; unique.
    #[schema(min_length = 1, max_length = 255, example = "wire-20260210-7")]
    external_id: Option<String>,
    /// When the money moved: a date-time, or seconds since 1970.
    timestamp: Option<AnyInstant>,
    /// `success` when a payment that was `created` has come, `failed` or `canceled` when it never will.
    #[schema(value_type = Option<words::PaymentStatus>)]
    status: Option<String>,
}

/// What of an invoice goes back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct RefundPartInput {
    /// Id of an invoice that the payment is for.
    invoice_id: Uuid,
    /// In the smallest unit of the currency, above zero.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 5_000)]
    amount: i64,
}

/// A gateway's connection.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct RefundConnectorInput {
    /// Name of the gateway.
    #[schema(max_length = 255, example = "stripe")]
    name: Option<String>,
    /// Its id there.
    #[schema(max_length = 255, example = "acct_1")]
    reference_id: Option<String>,
}

/// A refund of a payment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct RefundInput {
    /// Where the money goes.
    #[schema(value_type = words::RefundDestination)]
    refund_destination: String,
    /// Whether what goes back of invoices is given up; otherwise it is owed again.
    #[schema(example = false)]
    writeoff_invoices: bool,
    /// In the smallest unit of the currency; all that is left when it is 0 or absent.
    #[schema(minimum = 0, maximum = 999_999_999_999_i64, example = 5_000)]
    refund_amount: Option<i64>,
    /// Of which invoices how much. Without it the over-payment goes back first, then of each invoice its share.
    #[schema(max_items = 200)]
    refund_payment_part_amounts: Option<Vec<RefundPartInput>>,
    /// Not needed: a refund takes the way on which the payment came.
    connector: Option<RefundConnectorInput>,
    /// A sentence.
    #[schema(max_length = 2000, example = "Goodwill")]
    description: Option<String>,
    /// When: a date-time, or seconds since 1970; now unless told.
    timestamp: Option<AnyInstant>,
}

/// A payment whose money never came, or that the bank took back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct ReversalInput {
    /// A sentence.
    #[schema(max_length = 2000, example = "The check bounced")]
    description: Option<String>,
    /// When: a date-time, or seconds since 1970; now unless told.
    timestamp: Option<AnyInstant>,
}

/// What of a payment is for an invoice.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaymentInvoiceResponse {
    /// Id of the invoice.
    invoice_id: Uuid,
    /// Id of the payment.
    payment_id: Uuid,
    /// What it takes of the payment, in the smallest unit of the currency.
    #[schema(example = "171030")]
    amount: String,
    /// What of that went back.
    #[schema(example = "0")]
    amount_refunded: String,
    /// Code of the currency.
    #[schema(example = "USD")]
    currency_code: String,
    /// Number of the invoice.
    #[schema(example = "INV-0007")]
    invoice_number: Option<String>,
    /// Where the invoice stands.
    #[schema(example = "paid")]
    status: &'static str,
    /// Total of the invoice, in the smallest unit of the currency.
    #[schema(example = "171030")]
    invoice_total: String,
    /// When the payment was recorded.
    created_at: Instant,
}

/// What a gateway did: a charge or a refund.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaymentTransactionResponse {
    /// Id of the payment or refund.
    id: Uuid,
    /// In the smallest unit of the currency.
    #[schema(example = "171030")]
    amount: String,
    /// Code of the currency.
    #[schema(example = "USD")]
    currency_code: String,
    /// Id of the payment.
    payment: Uuid,
    /// What moved.
    #[serde(rename = "type")]
    #[schema(value_type = words::PaymentType)]
    transaction_type: &'static str,
    /// Where it stands.
    #[schema(value_type = words::PaymentStatus)]
    status: &'static str,
    /// Id of the customer.
    customer_id: Uuid,
    /// Id of the connection to the gateway.
    connector_id: Option<Uuid>,
    /// Id of the organisation.
    organisation_id: Uuid,
    /// Its id at the gateway.
    #[schema(example = "pi_1")]
    external_id: Option<String>,
    /// How it moved.
    #[schema(value_type = Option<words::PaymentMethod>)]
    payment_method: Option<&'static str>,
    /// Free data about the method.
    #[schema(value_type = Object, example = json!({ "brand": "visa", "last4": "4242" }))]
    payment_method_details: Value,
    /// Number of the receipt.
    #[schema(example = "RCT-0007")]
    reference_number: Option<String>,
    /// Why the gateway refused.
    #[schema(example = "Your card has insufficient funds.")]
    failure: Option<String>,
}

/// A payment, refund, reversal or withheld tax.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentResponse {
    /// Id of the payment.
    id: Uuid,
    /// All of it, in the smallest unit of the currency; above zero also for refunds.
    #[schema(example = "171030")]
    amount: String,
    /// What of it went back, or is on its way back.
    #[schema(example = "0")]
    amount_refunded: String,
    /// What of it is for no invoice: it went into the wallet.
    #[schema(example = "0")]
    wallet_amount: String,
    /// Code of the currency.
    #[schema(example = "USD")]
    currency_code: String,
    /// Where it stands.
    #[schema(value_type = words::PaymentStatus)]
    status: &'static str,
    /// Id of the customer.
    customer_id: Uuid,
    /// Name of the customer.
    #[schema(example = "Northwind Labs")]
    customer_name: Option<String>,
    /// The customer's e-mail address.
    #[schema(example = "ap@northwind.example")]
    customer_email: Option<String>,
    /// The customer's id in your own system.
    #[schema(example = "CRM-771")]
    customer_external_id: Option<String>,
    /// Id of the connection to the gateway.
    connector_id: Option<Uuid>,
    /// Name of the gateway.
    #[schema(example = "stripe")]
    connector_name: Option<String>,
    /// Id of the organisation.
    organisation_id: Uuid,
    /// Its id at the gateway or bank.
    #[schema(example = "wire-20260210-7")]
    external_id: Option<String>,
    /// How it moved; null for withheld tax.
    #[schema(value_type = Option<words::PaymentMethod>)]
    payment_method: Option<&'static str>,
    /// Free data about the method.
    #[schema(value_type = Object, example = json!({ "check_number": "1042" }))]
    payment_method_details: Value,
    /// What moved.
    #[serde(rename = "type")]
    #[schema(value_type = words::PaymentType)]
    payment_type: &'static str,
    /// Id of the payment that a refund or reversal is of.
    parent_id: Option<Uuid>,
    /// Where a refund goes.
    #[schema(value_type = Option<words::RefundDestination>)]
    refund_destination: Option<&'static str>,
    /// Id of the credit note that a refund is made for.
    credit_note_id: Option<Uuid>,
    /// Number of the receipt.
    #[schema(example = "RCT-0007")]
    receipt_number: Option<String>,
    /// Whether Florin charged it by itself.
    #[schema(example = false)]
    autocharge: bool,
    /// A sentence.
    #[schema(example = "Goodwill")]
    description: Option<String>,
    /// What of it is for which invoice.
    invoices: Vec<PaymentInvoiceResponse>,
    /// When the money moved.
    timestamp: Instant,
    /// When it was recorded.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
    /// What a gateway did: the charge and its refunds. Empty for payments that people record.
    transactions: Vec<PaymentTransactionResponse>,
}

/// The value of a word that the schema has checked.
pub(crate) fn word<T>(parse: fn(&str) -> Option<T>, word: &str) -> Result<T> {
    parse(word).ok_or_else(|| Error::Internal(format!("the schema let {word} pass")))
}

fn parts(parts: Vec<PaymentPartInput>) -> Vec<(Uuid, i64)> {
    let parts = parts.into_iter().map(|part| (part.invoice_id, part.amount));
    parts.collect()
}

fn object(details: Option<serde_json::Map<String, Value>>) -> Option<Value> {
    details.map(Value::Object)
}

impl PaymentInput {
    pub(super) fn read(self) -> Result<NewPayment> {
        let Self {
            amount,
            currency_code,
            customer_id,
            payment_parts,
            payment_method,
            payment_type,
            status,
            external_id,
            timestamp,
            payment_method_details,
            receipt_number,
            description,
        } = self;
        let method = payment_method.map(|text| word(Method::parse, &text));
        let kind = payment_type.map(|text| word(Kind::parse, &text));
        let status = status.map(|text| word(Status::parse, &text));
        Ok(NewPayment {
            customer_id,
            kind: kind.transpose()?.unwrap_or(Kind::Payment),
            method: method.transpose()?,
            amount,
            currency_code,
            parts: parts(payment_parts.unwrap_or_default()),
            status: status.transpose()?.unwrap_or(Status::Success),
            external_id,
            at: timestamp.map(|at| at.0),
            payment_method_details: object(Some(payment_method_details.unwrap_or_default()))
                .unwrap_or_default(),
            receipt_number,
            description,
        })
    }
}

impl PaymentPartsInput {
    pub(super) fn read(self) -> Vec<(Uuid, i64)> {
        parts(self.payment_parts)
    }
}

impl ManualPaymentInput {
    pub(super) fn read(self) -> Result<Edit> {
        let Self {
            amount,
            payment_method_details,
            payment_parts,
            external_id,
            timestamp,
            status,
        } = self;
        let status = status.map(|text| word(Status::parse, &text));
        Ok(Edit {
            amount,
            parts: payment_parts.map(parts),
            status: status.transpose()?,
            external_id,
            at: timestamp.map(|at| at.0),
            payment_method_details: object(payment_method_details),
        })
    }
}

impl RefundInput {
    pub(super) fn read(self) -> Result<NewRefund> {
        let Self {
            refund_destination,
            writeoff_invoices,
            refund_amount,
            refund_payment_part_amounts,
            connector: _,
            description,
            timestamp,
        } = self;
        let named = refund_payment_part_amounts.unwrap_or_default().into_iter();
        Ok(NewRefund {
            destination: word(RefundDestination::parse, &refund_destination)?,
            amount: refund_amount,
            parts: named.map(|part| (part.invoice_id, part.amount)).collect(),
            writes_off: writeoff_invoices,
            description,
            at: timestamp.map(|at| at.0),
        })
    }
}

impl From<ReversalInput> for NewReversal {
    fn from(input: ReversalInput) -> Self {
        let ReversalInput {
            description,
            timestamp,
        } = input;
        Self {
            description,
            at: timestamp.map(|at| at.0),
        }
    }
}

/// An amount as payments answer it.
fn text(money: Money) -> String {
    money.minor().to_string()
}

impl PaymentResponse {
    /// The payment as an organisation sees it.
    pub(crate) fn new(organisation_id: Uuid, shown: Shown) -> Self {
        let Shown {
            kept,
            customer,
            amount_refunded,
            invoices,
            transactions,
        } = shown;
        let payment_id = kept.payment.id;
        let part = |part: &PaymentPart| of_invoice(&kept, part, &invoices);
        let invoices = kept.payment.parts.iter().map(part).collect();
        let transactions = transactions.into_iter().map(|own| {
            let parent = own.payment.parent_id.unwrap_or(payment_id);
            transaction(organisation_id, parent, own)
        });
        let details = customer.map(|customer| customer.details);
        let (name, email, external) = match details {
            Some(details) => (
                Some(details.customer_name),
                details.email,
                details.external_id,
            ),
            None => (None, None, None),
        };
        let Kept {
            payment,
            about,
            created_at,
            updated_at,
        } = kept;
        Self {
            id: payment.id,
            amount: text(payment.amount),
            amount_refunded: text(amount_refunded),
            wallet_amount: text(payment.wallet.amount),
            currency_code: payment.amount.currency().code().to_owned(),
            status: payment.status.as_str(),
            customer_id: payment.customer_id,
            customer_name: name,
            customer_email: email,
            customer_external_id: external,
            connector_id: about.connector_id,
            connector_name: about.connector_name,
            organisation_id,
            external_id: payment.external_id,
            payment_method: payment.method.map(Method::as_str),
            payment_method_details: about.payment_method_details,
            payment_type: payment.kind.as_str(),
            parent_id: payment.parent_id,
            refund_destination: about.refund_destination.map(RefundDestination::as_str),
            credit_note_id: about.credit_note_id,
            receipt_number: about.receipt_number,
            autocharge: about.autocharge,
            description: about.description,
            invoices,
            timestamp: Instant(payment.at),
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
            transactions: transactions.collect(),
        }
    }
}

fn of_invoice(kept: &Kept, part: &PaymentPart, heads: &[Head]) -> PaymentInvoiceResponse {
    let PaymentPart {
        invoice_id,
        amount,
        refunded,
    } = *part;
    let head = heads.iter().find(|head| head.id == invoice_id);
    PaymentInvoiceResponse {
        invoice_id,
        payment_id: kept.payment.id,
        amount: text(amount),
        amount_refunded: text(refunded),
        currency_code: amount.currency().code().to_owned(),
        invoice_number: head.and_then(|head| head.number.clone()),
        status: head.map_or("", |head| head.status.as_str()),
        invoice_total: head.map_or_else(String::new, |head| text(head.totals.total)),
        created_at: Instant(kept.created_at),
    }
}

fn transaction(organisation_id: Uuid, payment: Uuid, own: Kept) -> PaymentTransactionResponse {
    let Kept {
        payment: moved,
        about,
        ..
    } = own;
    PaymentTransactionResponse {
        id: moved.id,
        amount: text(moved.amount),
        currency_code: moved.amount.currency().code().to_owned(),
        payment,
        transaction_type: moved.kind.as_str(),
        status: moved.status.as_str(),
        customer_id: moved.customer_id,
        connector_id: about.connector_id,
        organisation_id,
        external_id: moved.external_id,
        payment_method: moved.method.map(Method::as_str),
        payment_method_details: about.payment_method_details,
        reference_number: about.receipt_number,
        failure: about.failure,
    }
}
