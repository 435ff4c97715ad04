//! An invoice as JSON writes it. Amounts are numbers in major units of its currency, exact.

use florin_app::invoice::Shown;
use florin_core::{calendar::Period, money::Money};
use florin_store::{contract::ContractName, customer::CustomerName, invoice::Head};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::line_items::LineItemsResponse;
use crate::{
    link::Links,
    value::{DayStart, Instant, Number},
};

/// Days served.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServicePeriodBody {
    /// First day.
    begin_date: DayStart,
    /// First day after.
    end_date_exclusive: DayStart,
}

/// Who pays.
#[derive(Debug, Serialize, ToSchema)]
struct PayerBody {
    /// Id of the customer.
    id: Uuid,
    /// Name on documents.
    #[schema(example = "Northwind Labs")]
    customer_name: String,
    /// The same, under the name that some clients read.
    #[schema(example = "Northwind Labs")]
    name: String,
    /// Your own id for the customer.
    #[schema(example = "CRM-771")]
    external_id: Option<String>,
    /// Where documents go.
    #[schema(example = "ap@northwind.example")]
    email: Option<String>,
}

/// The contract that an invoice is from.
#[derive(Debug, Serialize, ToSchema)]
struct ContractBody {
    /// Id of the contract.
    id: Uuid,
    /// Its name.
    #[schema(example = "Northwind 2026")]
    name: String,
}

/// An invoice.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvoiceResponse {
    /// Id of the invoice.
    id: Uuid,
    /// The same.
    invoice_id: Uuid,
    /// Who pays.
    customer_id: Uuid,
    /// Name and e-mail address of who pays; null if the customer was deleted.
    customer: Option<PayerBody>,
    /// The contract; null on one-off and consolidated invoices.
    contract_id: Option<Uuid>,
    /// That contract by name.
    contract: Option<ContractBody>,
    /// The entity that bills.
    business_entity_id: Option<Uuid>,
    /// Its number, without a gap within the entity; null before the approval.
    #[schema(example = "INV-0007")]
    invoice_number: Option<String>,
    /// Your own id for the invoice.
    #[schema(example = "ERP-4711")]
    external_id: Option<String>,
    /// `draft`, `edited`, `discarded`, `approved`, `partially_paid`, `paid` or `void`.
    #[schema(example = "approved")]
    status: &'static str,
    /// Currency of all amounts, ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// The same.
    #[schema(example = "USD")]
    currency_code: String,
    /// Days served: from the first to the last of its lines.
    invoice_period: Option<ServicePeriodBody>,
    /// The day that it is for.
    bill_for_date: DayStart,
    /// The date on the document.
    invoice_date: DayStart,
    /// When it is due; null before the approval.
    due_date: Option<DayStart>,
    /// Always null: nobody can promise to pay yet.
    #[schema(value_type = Option<String>, example = json!(null))]
    promise_due_date: Option<String>,
    /// Net and tax, not below zero.
    invoice_total: Number,
    /// Total less what the wallet paid.
    net_invoice_total: Number,
    /// What the wallet paid.
    applied_balance: Number,
    /// What payments paid.
    paid_amount: Number,
    /// What is still to be paid; of a draft, what will be.
    amount_due: Number,
    /// A text on the document.
    #[schema(example = "Thank you")]
    notes: Option<String>,
    /// Free data.
    #[schema(value_type = Object, example = json!({}))]
    custom_data: Value,
    /// Words that it is marked with.
    #[schema(value_type = Vec<String>, example = json!(["q1"]))]
    tags: Value,
    /// Where its document is, as a page. It wants an API key, as every route does.
    #[schema(
        example = "https://billing.example/invoices/0198c0de-0000-7000-8000-000000000001/html"
    )]
    invoice_url: Option<String>,
    /// The same, as PDF.
    #[schema(
        example = "https://billing.example/invoices/0198c0de-0000-7000-8000-000000000001/pdf"
    )]
    invoice_pdf: Option<String>,
    /// Where its payer pays what is due, without a key; null unless something is due and the organisation has an
    /// account at a gateway.
    #[schema(example = json!(null))]
    payment_url: Option<String>,
    /// Its lines, where they were asked for.
    line_items: Option<LineItemsResponse>,
    /// Who made it: `system`, `command_line` or a key.
    #[schema(example = "system")]
    created_by: String,
    /// When it was made.
    created_at: Instant,
    /// When it last changed.
    last_updated_at: Instant,
    /// The same.
    updated_at: Instant,
    /// When it was approved.
    approved_at: Option<Instant>,
    /// Since when nothing is to be paid.
    paid_at: Option<Instant>,
    /// Since when all of it is credited.
    voided_at: Option<Instant>,
    /// Always null: no e-mails are sent yet.
    #[schema(value_type = Option<String>, example = json!(null))]
    sent_at: Option<String>,
    /// Always null: charges are shown by their payments.
    #[schema(value_type = Option<String>, example = json!(null))]
    charged_at: Option<String>,
}

impl InvoiceResponse {
    pub(super) fn with_line_items(mut self, line_items: LineItemsResponse) -> Self {
        self.line_items = Some(line_items);
        self
    }
}

pub(super) fn amount(money: Money) -> Number {
    Number(money.to_major())
}

pub(super) fn period(period: Period) -> ServicePeriodBody {
    ServicePeriodBody {
        begin_date: DayStart(period.start()),
        end_date_exclusive: DayStart(period.end()),
    }
}

/// Nothing as an empty document of its form.
fn or(value: Value, empty: Value) -> Value {
    if value.is_null() { empty } else { value }
}

impl InvoiceResponse {
    /// An invoice, with where its document is and where it is paid.
    pub(super) fn new(shown: Shown, links: &Links) -> Self {
        let Shown {
            head,
            customer,
            contract,
            payment_payload,
        } = shown;
        let currency = head.header.currency.code().to_owned();
        Self {
            id: head.id,
            invoice_id: head.id,
            customer_id: head.header.customer_id,
            customer: customer.map(payer),
            contract_id: head.header.contract_id,
            contract: contract.map(|ContractName { id, name, .. }| ContractBody { id, name }),
            business_entity_id: head.header.business_entity_id,
            invoice_number: head.number,
            external_id: head.header.external_id,
            status: head.status.as_str(),
            currency_code: currency.clone(),
            currency,
            invoice_period: head.header.period.map(period),
            bill_for_date: DayStart(head.header.bill_for_date),
            invoice_date: DayStart(head.header.invoice_date),
            due_date: head.due_date.map(DayStart),
            promise_due_date: None,
            invoice_total: amount(head.totals.total),
            net_invoice_total: amount(head.net_invoice_total),
            applied_balance: amount(head.amounts.applied),
            paid_amount: amount(head.amounts.paid),
            amount_due: amount(head.amount_due),
            notes: head.header.notes,
            custom_data: or(head.header.custom_data, json!({})),
            tags: or(head.header.tags, json!([])),
            invoice_url: Some(links.invoice_html(head.id)),
            invoice_pdf: Some(links.invoice_pdf(head.id)),
            payment_url: payment_payload.map(|payload| links.payment(&payload)),
            line_items: None,
            created_by: head.created_by,
            created_at: Instant(head.created_at),
            last_updated_at: Instant(head.updated_at),
            updated_at: Instant(head.updated_at),
            approved_at: head.approved_at.map(Instant),
            paid_at: head.paid_at.map(Instant),
            voided_at: head.voided_at.map(Instant),
            sent_at: None,
            charged_at: None,
        }
    }
}

fn payer(name: CustomerName) -> PayerBody {
    let CustomerName {
        id,
        external_id,
        customer_name,
        email,
    } = name;
    PayerBody {
        id,
        name: customer_name.clone(),
        customer_name,
        external_id,
        email,
    }
}

/// The amounts of an invoice.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SummaryResponse {
    /// Id of the invoice.
    invoice_id: Uuid,
    /// Its number; null before the approval.
    #[schema(example = "INV-0007")]
    invoice_number: Option<String>,
    /// Where it stands.
    #[schema(example = "approved")]
    status: &'static str,
    /// Currency of all amounts.
    #[schema(example = "USD")]
    currency: String,
    /// Sum of all lines and adjustments before tax; may be below zero.
    net_total: Number,
    /// Sum of their taxes; may be below zero.
    tax_total: Number,
    /// Net and tax, not below zero.
    invoice_total: Number,
    /// What the customer gets back, as far as net and tax are below zero.
    credit_total: Number,
    /// What the wallet paid.
    applied_balance: Number,
    /// Total less what the wallet paid.
    net_invoice_total: Number,
    /// What payments paid.
    paid_amount: Number,
    /// What credit notes credited.
    credited_amount: Number,
    /// What was given up.
    written_off_amount: Number,
    /// What is still to be paid; of a draft, what will be.
    amount_due: Number,
}

impl From<&Head> for SummaryResponse {
    fn from(head: &Head) -> Self {
        Self {
            invoice_id: head.id,
            invoice_number: head.number.clone(),
            status: head.status.as_str(),
            currency: head.header.currency.code().to_owned(),
            net_total: amount(head.totals.net),
            tax_total: amount(head.totals.tax),
            invoice_total: amount(head.totals.total),
            credit_total: amount(head.totals.credit),
            applied_balance: amount(head.amounts.applied),
            net_invoice_total: amount(head.net_invoice_total),
            paid_amount: amount(head.amounts.paid),
            credited_amount: amount(head.amounts.credited),
            written_off_amount: amount(head.amounts.written_off),
            amount_due: amount(head.amount_due),
        }
    }
}
