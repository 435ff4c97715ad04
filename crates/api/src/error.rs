//! Error codes: every one that an answer can carry, with its status.
//!
//! Every code is a row of [`CODES`]; the reference page of errors is made from that table, and a test
//! provokes each row.

mod bad_field;
mod of_usage;
mod response;
#[cfg(test)]
mod tests;

pub(crate) use bad_field::BadField;
pub(crate) use response::{Error, Result, code_of, panicked, unknown_method, unknown_route};

use response::{invalid, refusal, retry_after};

/// A row of the table of error codes.
#[derive(Debug)]
pub struct Code {
    /// The `code` of the answer.
    pub code: &'static str,
    /// The answer's status.
    pub status: u16,
    /// When it is answered.
    pub meaning: &'static str,
}

const fn code(code: &'static str, status: u16, meaning: &'static str) -> Code {
    Code {
        code,
        status,
        meaning,
    }
}

/// Every code that an answer can carry. A 422 carries the list of bad fields instead of a code.
pub const CODES: &[Code] = &[
    code(
        "UNAUTHORISED",
        401,
        "no key, an unknown or revoked key, or another organisation's",
    ),
    code(
        "NOT_FOUND",
        404,
        "the organisation has no such resource, or there is no such route",
    ),
    code(
        "METHOD_NOT_ALLOWED",
        405,
        "the route exists, but not with this method",
    ),
    code(
        "BODY_TOO_LARGE",
        413,
        "the body has more bytes than the limit",
    ),
    code(
        "CONTENT_ENCODING_UNKNOWN",
        415,
        "the Content-Encoding is neither gzip nor zstd",
    ),
    code(
        "RATE_LIMITED",
        429,
        "the key sent more requests than it may; see `Retry-After`",
    ),
    code(
        "INTERNAL",
        500,
        "a fault of the server; the request id finds it in the log",
    ),
    code(
        "DATABASE_BUSY",
        503,
        "the database did not answer in time; see `Retry-After`",
    ),
    code(
        "IDEMPOTENCY_KEY_REUSED",
        409,
        "the same Idempotency-Key came with another request",
    ),
    code(
        "CUSTOMER_EMAIL_TAKEN",
        400,
        "another customer has this e-mail address",
    ),
    code(
        "CUSTOMER_EXTERNAL_ID_TAKEN",
        400,
        "another customer has this external_id",
    ),
    code(
        "BUSINESS_ENTITY_FIXED",
        400,
        "a customer's business entity is set once",
    ),
    code(
        "CUSTOMER_HAS_UNPAID_INVOICES",
        400,
        "a customer with drafts or unpaid invoices cannot be deleted",
    ),
    code(
        "INVOICE_NOT_A_DRAFT",
        400,
        "only drafts are changed, deleted or approved",
    ),
    code(
        "INVOICE_EXTERNAL_ID_TAKEN",
        400,
        "another invoice has this external_id",
    ),
    code(
        "INVOICE_STALE",
        409,
        "the contract changed after the draft was made",
    ),
    code(
        "INVOICE_CANNOT_BE_VOIDED",
        400,
        "an invoice is void only when credit notes have taken all of it, or its total is zero",
    ),
    code(
        "INVOICE_NOT_COMPUTABLE",
        400,
        "an amount or a date of the invoice is beyond what can be kept",
    ),
    code("PRODUCT_SKU_TAKEN", 400, "another product has this sku"),
    code("PRODUCT_SLUG_TAKEN", 400, "another product has this slug"),
    code(
        "PRODUCT_TYPE_FIXED",
        400,
        "a product does not become a group, nor a group a product",
    ),
    code(
        "PRODUCT_CREATED_AS_ARCHIVED",
        400,
        "a product is not created as archived",
    ),
    code(
        "PRODUCT_TYPE_SUBTYPE_INCOMPATIBLE",
        400,
        "the subtype is not one of the product's type",
    ),
    code(
        "PRODUCT_HAS_SUB_PRODUCTS",
        400,
        "a product with sub-products is not deleted and has no price of its own",
    ),
    code(
        "PRODUCT_HAS_PRICING",
        400,
        "a product with prices of its own has no sub-products",
    ),
    code(
        "PRODUCT_IN_BUNDLE",
        400,
        "a product that is a member of a bundle is not deleted",
    ),
    code(
        "PRODUCT_HAS_CONTRACTS",
        400,
        "a product that a contract sells is not deleted",
    ),
    code(
        "PRODUCT_NOT_A_GROUP",
        400,
        "a bundle's price is given to a group only",
    ),
    code(
        "CUSTOMER_HAS_CHILDREN",
        400,
        "a customer that is a parent cannot be deleted",
    ),
    code(
        "CUSTOMER_HAS_CONTRACTS",
        400,
        "a customer that has contracts, or pays for some, cannot be deleted",
    ),
    code(
        "CUSTOMER_PARENT_PAYS",
        400,
        "a customer keeps its parent while that pays for contracts of the customer",
    ),
    code(
        "CUSTOMER_HAS_PARENT",
        400,
        "the child of a new relationship has a parent",
    ),
    code(
        "CUSTOMER_RELATIONSHIP_CYCLE",
        400,
        "a customer would be its own parent, directly or through others",
    ),
    code(
        "CUSTOMER_RELATIONSHIP_TOO_DEEP",
        400,
        "a customer would have more than ten customers above it",
    ),
    code(
        "CONNECTOR_NOT_LINKED",
        400,
        "the customer is not linked to the connector",
    ),
    code(
        "CONNECTOR_AMBIGUOUS",
        400,
        "the customer is linked to several connectors and none was named",
    ),
    code(
        "CONNECTOR_EXISTS",
        400,
        "the organisation has an account at this gateway",
    ),
    code(
        "CONNECTOR_IN_USE",
        400,
        "payment methods or charges are at the account",
    ),
    code(
        "CONNECTOR_NOT_CONFIGURED",
        400,
        "the organisation has no account at the gateway, or the server does not speak to it",
    ),
    code(
        "TEST_GATEWAY_NOT_ALLOWED",
        400,
        "only sandbox organisations have the test gateway",
    ),
    code(
        "SECRET_NOT_AVAILABLE",
        400,
        "the server has no master key for secrets, or not the one that they were kept under",
    ),
    code(
        "PAYMENT_METHOD_TAKEN",
        400,
        "the payment method is another customer's",
    ),
    code(
        "PAYMENT_DECLINED",
        402,
        "the bank or the gateway does not take the payment method",
    ),
    code(
        "GATEWAY_REFUSED",
        400,
        "the gateway cannot do what it was asked; it says why",
    ),
    code(
        "GATEWAY_KEY_REFUSED",
        400,
        "the gateway does not accept the connector's API key",
    ),
    code(
        "WEBHOOK_NOT_VERIFIED",
        400,
        "what claims to come from a gateway is not signed with the connector's webhook secret",
    ),
    code(
        "GATEWAY_UNAVAILABLE",
        503,
        "the gateway did not answer; see `Retry-After`",
    ),
    code(
        "INVOICE_NOT_CHARGEABLE",
        400,
        "nothing is to be paid of the invoice",
    ),
    code(
        "INVOICE_NOT_DUE",
        400,
        "an invoice is charged before its due day only where the caller says so",
    ),
    code(
        "NO_PAYMENT_METHOD",
        400,
        "the customer has no payment method of the kind that is asked for",
    ),
    code(
        "DUPLICATE_ADDRESS",
        400,
        "an edited address would equal another one of the customer",
    ),
    code(
        "BUSINESS_ENTITY_DEFAULT_NEEDED",
        400,
        "the default business entity stays it until another one becomes it",
    ),
    code(
        "CUSTOM_ATTRIBUTE_EXISTS",
        400,
        "the module has a custom attribute with this key, for the same owner",
    ),
    code(
        "CUSTOM_ATTRIBUTE_FIXED",
        400,
        "module, key, data type and entity of a custom attribute never change",
    ),
    code(
        "TEST_CLOCK_NEEDS_SANDBOX",
        400,
        "test clocks exist only in sandbox organisations",
    ),
    code(
        "TEST_CLOCK_FULL",
        400,
        "a test clock has at most 100 customers",
    ),
    code(
        "TEST_CLOCK_CUSTOMER_IN_USE",
        400,
        "a customer that has contracts, invoices, payments or another clock is attached to a test clock",
    ),
    code(
        "TEST_CLOCK_ADVANCING",
        400,
        "a test clock that is on its way is changed",
    ),
    code(
        "TAX_RATE_NOT_FOUND",
        404,
        "no active jurisdiction rate matches the destination level by level on that day",
    ),
    code(
        "RAW_METRIC_SLUG_TAKEN",
        400,
        "another raw metric has this api_slug, ignoring case",
    ),
    code(
        "RAW_METRIC_SLUG_FIXED",
        400,
        "the api_slug of a raw metric never changes",
    ),
    code(
        "RAW_METRIC_FIELD_REMOVED",
        400,
        "a new dataschema lacks a field of the old one",
    ),
    code(
        "RAW_METRIC_FIELD_RETYPED",
        400,
        "a new dataschema gives a field another type",
    ),
    code(
        "RAW_METRIC_NOT_FOUND",
        404,
        "events were sent to a slug that no raw metric has",
    ),
    code(
        "USAGE_TOO_MANY_EVENTS",
        413,
        "a request has more than 10,000 events",
    ),
    code(
        "USAGE_BEHIND",
        429,
        "too many accepted events wait to be written to tables; see `Retry-After`",
    ),
    code(
        "USAGE_UNAVAILABLE",
        503,
        "usage events cannot be kept or read at the moment; see `Retry-After`",
    ),
    code(
        "DOCUMENT_TEMPLATE_INVALID",
        400,
        "the organisation's template cannot show this document; the text says where and why",
    ),
    code(
        "DOCUMENT_LIMIT_EXCEEDED",
        400,
        "the organisation's template, or a picture, needs more time or memory than a page may",
    ),
    code(
        "DOCUMENTS_UNAVAILABLE",
        503,
        "documents cannot be rendered at the moment; see `Retry-After`",
    ),
    code(
        "USAGE_CORRECTION_EMPTY",
        400,
        "no event is like those that a correction is about",
    ),
    code(
        "USAGE_CORRECTION_TOO_LARGE",
        400,
        "a correction is about more than 100,000 events",
    ),
    code(
        "USAGE_CONTENDED",
        409,
        "events that came meanwhile got in the way of a correction: send it again",
    ),
    code(
        "USAGE_BACKFILL_OVERLAPS",
        409,
        "an open backfill of the raw metric has a part of the window",
    ),
    code(
        "USAGE_BACKFILL_CLOSED",
        409,
        "the backfill is committed or reverted, or takes no more events",
    ),
    code(
        "USAGE_UPLOAD_DISABLED",
        400,
        "files are not uploaded for a raw metric without usage_upload_enabled",
    ),
    code(
        "USAGE_UPLOAD_STATE",
        409,
        "the upload is not where it would have to be; the message says where it is",
    ),
    code(
        "AGGREGATE_IN_USE",
        400,
        "a billable metric by which a price or a contract counts is not deleted",
    ),
    code(
        "CONTRACT_ID_TAKEN",
        400,
        "the id of a new contract is that of another one, which may be deleted",
    ),
    code(
        "CONTRACT_NOT_A_DRAFT",
        400,
        "only drafts of contracts are deleted",
    ),
    code(
        "CONTRACT_NOT_IN_FORCE",
        400,
        "a draft or a disputed contract is neither paused, resumed nor expired",
    ),
    code(
        "CONTRACT_EXPIRED",
        400,
        "an expired contract is neither paused, extended nor expired again",
    ),
    code(
        "PAUSE_PHASE_NOT_FOUND",
        400,
        "there is no pause to change, or none that has begun and lasts",
    ),
    code(
        "PAUSE_PHASE_AMBIGUOUS",
        400,
        "several pauses could be meant: name one by pause_phase_id",
    ),
    code("PLAN_ID_TAKEN", 400, "another plan has or had this id"),
    code("PLAN_PUBLISHED", 400, "the terms of the plan are fixed"),
    code("PLAN_STATUS_NOT_ALLOWED", 400, "no status that can follow"),
    code("PLAN_NOT_A_DRAFT", 400, "only drafts of plans are deleted"),
    code("PLAN_VERSION_OPEN", 400, "a version of it is a draft"),
    code("CHECKOUT_CONFIRMED", 400, "the checkout is confirmed"),
    code("CHECKOUT_EXPIRED", 400, "not confirmed in time"),
    code("QUOTE_ACCEPTED", 400, "the quote became a contract"),
    code("QUOTE_REJECTED", 400, "the quote is rejected"),
    code("QUOTE_NOT_SENT", 400, "only what was sent is rejected"),
    code("QUOTE_NOT_A_DRAFT", 400, "the quote was sent"),
    code("QUOTE_EXPIRED", 400, "the quote's validity is over"),
    code("QUOTE_NOT_YET_VALID", 400, "valid from a later day on"),
    code("FORM_FROM_ELSEWHERE", 403, "not sent from its own page"),
    code("CHECKOUT_PROCESSING", 400, "its payment has no answer yet"),
    code("CHECKOUT_UNPAID", 400, "confirmed, and waits to be paid"),
    code("CHECKOUT_CANCELLED", 400, "the checkout was given up"),
    code(
        "METRIC_QUERY_REFUSED",
        400,
        "the query of a billable metric cannot be run; the engine says why and where",
    ),
    code(
        "METRIC_LIMIT_EXCEEDED",
        400,
        "the query of a billable metric needs more time or memory than it may",
    ),
    code(
        "METRIC_OVERFLOW",
        400,
        "a quantity has more digits than an amount can be computed from",
    ),
    code(
        "WALLET_BALANCE_TOO_LOW",
        400,
        "more would be taken from a wallet than there is",
    ),
    code(
        "PAYMENT_NOT_MANUAL",
        400,
        "only payments that people recorded are changed or deleted",
    ),
    code(
        "PAYMENT_TYPE_NOT_ALLOWED",
        400,
        "this cannot be done with a payment of this type",
    ),
    code(
        "PAYMENT_STATUS_NOT_ALLOWED",
        400,
        "this cannot be done with a payment of this status",
    ),
    code(
        "PAYMENT_ALREADY_REFUNDED",
        400,
        "some of the payment went back, or nothing of it is left",
    ),
    code(
        "PAYMENT_REFUND_IN_PROGRESS",
        400,
        "a gateway has not answered to a refund of the payment",
    ),
    code(
        "PAYMENT_EXTERNAL_ID_TAKEN",
        400,
        "another payment has this external_id",
    ),
    code(
        "REFUND_ABOVE_PAYMENT",
        400,
        "more is refunded than is left of the payment or of its part for an invoice",
    ),
    code(
        "CHARGE_IN_PROGRESS",
        400,
        "another charge of the invoice has no answer yet",
    ),
    code(
        "CHARGE_ABOVE_DUE",
        400,
        "more would be charged than is to be paid of the invoice",
    ),
    code("INVOICE_NOT_APPROVED", 400, "the invoice is a draft"),
    code(
        "CREDIT_NOTE_INVOICE_VOID",
        400,
        "all of the invoice is credited",
    ),
    code(
        "CREDIT_NOTE_ABOVE_INVOICE",
        400,
        "more would be credited than is left of the invoice",
    ),
    code(
        "CREDIT_NOTE_PAYMENT_TOO_SMALL",
        400,
        "a payment would give back more than it has left for the invoice",
    ),
    code(
        "CREDIT_NOTE_NUMBER_TAKEN",
        400,
        "another credit note of the business entity has this number",
    ),
    code(
        "CREDIT_NOTE_FIXED",
        400,
        "amount, currency, status and settlement of a credit note are final",
    ),
    code(
        "CUSTOMER_HAS_PAYMENTS",
        400,
        "a customer with payments, credit notes or entries in a wallet is not deleted",
    ),
    code(
        "CONTRACT_NOT_BILLABLE",
        400,
        "a contract cannot be billed as it is; the message says why",
    ),
    code("ENTITLEMENT_TYPE_FIXED", 400, "the type never changes"),
    code("ENTITLEMENT_GRANTED", 400, "customers have grants of it"),
    code("ENTITLEMENT_NOT_ACTIVE", 400, "it is granted no more"),
    code("ENTITLEMENT_GRANT_ID_TAKEN", 400, "the grant's id is taken"),
    code("ENTITLEMENT_GRANT_HELD", 400, "a draft invoice draws on it"),
    code("ENTITLEMENT_EXHAUSTED", 400, "fewer units are left"),
    code("ENTITLEMENT_RESERVATION_CLOSED", 400, "it is not open"),
    code("ENTITLEMENT_ALERTS_FULL", 400, "it has 100 alerts"),
    code(
        "InvoiceAlreadyGeneratedForThisBillingPeriod",
        400,
        "the days that are to be billed are on an approved invoice already",
    ),
];
