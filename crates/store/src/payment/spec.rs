//! The list of payments: what it may be filtered and sorted by. Owns nothing else.

use crate::list::{Column, Kind, Operator, Source, Spec};

const METHODS: Kind = Kind::Choice(&[
    "card",
    "cash",
    "check",
    "charge_back",
    "bank_transfer",
    "direct_debit",
    "amazon_payments",
    "paypal_express_checkout",
    "upi",
    "netbanking_emandates",
    "other",
    "credits",
    "ach_credit_transfer",
]);

const TYPES: Kind = Kind::Choice(&[
    "payment",
    "refund",
    "payment_reversal",
    "authorization",
    "tax_withheld",
]);

const STATUSES: Kind = Kind::Choice(&[
    "in_progress",
    "requires_action",
    "pending_charge",
    "authorized",
    "created",
    "success",
    "voided",
    "failed",
    "canceled",
    "refunded",
    "partially_refunded",
    "other",
]);

/// A column of the invoices that a payment is for.
const fn of_invoice(column: &'static str) -> Source {
    Source::Through {
        link: "payment_part",
        foreign: "payment_id",
        local: "invoice_id",
        table: "invoice",
        column,
    }
}

/// The list of payments, refunds, reversals and withheld taxes.
pub static LIST: Spec = Spec {
    table: "payment",
    columns: &[
        Column::id(),
        Column::new("customer_id", Kind::Uuid, "customer"),
        Column::new("connector_id", Kind::Uuid, "connection to a gateway").nullable(),
        Column::new("external_id", Kind::Text, "id at the gateway or bank")
            .nullable()
            .sortable(),
        Column::new("payment_method", METHODS, "method").nullable(),
        Column::new("type", TYPES, "type"),
        Column::new("amount", Kind::Integer, "amount in minor units").sortable(),
        Column::new(
            "amount_refunded",
            Kind::Integer,
            "refunded amount in minor units",
        )
        .sortable(),
        Column::new("currency_code", Kind::Text, "currency"),
        Column::new("receipt_number", Kind::Text, "number of the receipt").nullable(),
        Column::new("status", STATUSES, "status"),
        Column::new(
            "autocharge",
            Kind::Boolean,
            "whether it was charged by itself",
        ),
        Column::new(
            "parent_id",
            Kind::Uuid,
            "payment that was refunded or reversed",
        )
        .nullable(),
        Column::new(
            "timestamp",
            Kind::Timestamp,
            "instant at which the money moved",
        )
        .from(Source::Own("moved_at"))
        .sortable(),
        Column::created_at(),
        Column::updated_at(),
        Column::new("invoice__id", Kind::Uuid, "invoice")
            .operators(&[Operator::Equal, Operator::In])
            .from(Source::Related {
                table: "payment_part",
                foreign: "payment_id",
                column: "invoice_id",
            }),
        Column::new(
            "invoice__bill_for_date",
            Kind::Date,
            "invoice's billing day",
        )
        .operators(&[Operator::GreaterOrEqual, Operator::LessOrEqual])
        .from(of_invoice("bill_for_date")),
        Column::new(
            "invoice__approved_at",
            Kind::Timestamp,
            "invoice's instant of approval",
        )
        .operators(&[Operator::GreaterOrEqual, Operator::LessOrEqual])
        .from(of_invoice("approved_at")),
        Column::new(
            "customer__business_entity_id",
            Kind::Uuid,
            "customer's business entity",
        )
        .operators(&[Operator::Equal, Operator::In])
        .from(Source::Parent {
            table: "customer",
            local: "customer_id",
            column: "business_entity_id",
        }),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};
