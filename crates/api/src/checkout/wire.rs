//! A checkout as JSON writes it.

use florin_app::checkout::{Confirmation, NewMethod, Tokens};
use florin_core::checkout::{Checkout, ProductOverride, Request, Status};
use florin_store::Tx;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    address::AddressBody,
    connector::ConnectorChoice,
    context::Context,
    error::Result,
    link::Links,
    value::{Amount, Day, Instant, Units},
};

/// Where a checkout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckoutStatus {
    /// To be confirmed.
    Pending,
    /// Confirmed: its payment is on its way.
    Processing,
    /// Confirmed, but the payment did not come: confirm it with another payment method.
    PaymentFailed,
    /// Done: the contract is in force, or changed.
    ContractCreated,
    /// It was not confirmed, or not paid, in time.
    Expired,
    /// It was given up.
    Cancelled,
}

impl From<Status> for CheckoutStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Processing => Self::Processing,
            Status::PaymentFailed => Self::PaymentFailed,
            Status::ContractCreated => Self::ContractCreated,
            Status::Expired => Self::Expired,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

/// What differs from a plan or contract.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
struct ProductOverrideBody {
    /// The product.
    product_id: Uuid,
    /// Units of it, where its price has a typed quantity.
    quantity: Option<Units>,
    /// Whether it is sold at all.
    #[schema(example = true)]
    is_enabled: Option<bool>,
}

/// What a guest says of himself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct CheckoutCustomerBody {
    /// Name on documents; needed when the checkout is confirmed.
    #[schema(max_length = 255, example = "Northwind Labs")]
    customer_name: Option<String>,
    /// Where documents go.
    #[schema(format = Email, max_length = 320, example = "ap@northwind.example")]
    email: Option<String>,
    /// With country code.
    #[schema(max_length = 64, example = "+1-555-0142")]
    phone_number: Option<String>,
    /// Your own id for the customer.
    #[schema(max_length = 255, example = "CRM-771")]
    external_id: Option<String>,
    /// Billing address; without it taxes by place are not known.
    address: Option<AddressBody>,
}

/// What a checkout asks for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct CheckoutInput {
    /// The published plan that is bought, or that the contract changes to.
    plan_id: Option<Uuid>,
    /// The contract that is changed.
    contract_id: Option<Uuid>,
    /// First day of the contract, or of the change; today unless told.
    start_date: Option<Day>,
    /// Last day of a new contract; that of the plan unless told.
    end_date: Option<Day>,
    /// Who buys; needed for a new contract unless a guest buys.
    customer_id: Option<Uuid>,
    /// The entity that sells to a guest.
    business_entity_id: Option<Uuid>,
    /// What a guest says of himself.
    customer_data: Option<CheckoutCustomerBody>,
    /// When the checkout ends without a confirmation, within a year; after 24 hours unless told.
    expires_at: Option<Instant>,
    /// Where the customer goes once it is confirmed.
    #[schema(
        pattern = "^https?://[!-~]+$",
        min_length = 1,
        max_length = 2083,
        example = "https://shop.example/thanks"
    )]
    success_url: Option<String>,
    /// Where the customer goes instead.
    #[schema(
        pattern = "^https?://[!-~]+$",
        min_length = 1,
        max_length = 2083,
        example = "https://shop.example/cart"
    )]
    cancel_url: Option<String>,
    /// What differs from the plan or contract, from `start_date` on; needed where only `contract_id` is named.
    #[schema(max_items = 1000)]
    product_overrides: Option<Vec<ProductOverrideBody>>,
}

/// A payment method that only the gateway knows.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct CheckoutMethodBody {
    /// The gateway's id of the method.
    #[schema(min_length = 1, max_length = 255, example = "pm_card_visa")]
    payment_method_id: String,
    /// The gateway; may be left out where the customer is linked to one, or the organisation has one only.
    connector: Option<ConnectorChoice>,
}

/// How a checkout is confirmed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct CheckoutConfirmInput {
    /// A payment method of the customer; where the plan charges on acceptance, its default and then others unless
    /// told.
    payment_method_id: Option<Uuid>,
    /// In its place a payment method that only the gateway knows, which becomes the buyer's. So a guest pays.
    payment_method: Option<CheckoutMethodBody>,
    /// What a guest says of himself, in place of what the checkout has.
    customer_data: Option<CheckoutCustomerBody>,
}

/// What invoices would come to, those of one day together.
#[derive(Debug, Serialize, ToSchema)]
struct InvoiceEstimateBody {
    /// What is to be paid, in major units.
    total: Amount,
    /// Currency of all amounts: ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// Before tax.
    subtotal: Amount,
    /// Taxes.
    tax: Amount,
    /// What is given back instead, where the invoice is below zero.
    credit: Amount,
    /// The day that it is for.
    bill_for_date: Day,
    /// Its lines before tax, then what differs from earlier invoices.
    line_items: Vec<EstimatedLineBody>,
}

/// A line of an estimate.
#[derive(Debug, Serialize, ToSchema)]
struct EstimatedLineBody {
    /// The product's name, or the modifier's.
    #[schema(example = "Seats")]
    name: String,
    /// A sentence about it.
    #[schema(example = json!(null))]
    description: Option<String>,
    /// Units; null for a fixed fee.
    quantity: Option<Amount>,
    /// What one is called.
    #[schema(example = "seat")]
    unit: Option<String>,
    /// Price of one, where all have the same, in major units.
    unit_price: Option<Amount>,
    /// Amount after the line's own discounts, before tax, in major units.
    amount: Amount,
    /// First day served.
    start_date: Day,
    /// Last day served.
    end_date: Day,
    /// The units as people read them.
    #[schema(example = "5 seats")]
    quantity_display: Option<String>,
    /// The price as people read it.
    #[schema(example = "$10.00 per seat")]
    unit_price_display: Option<String>,
    /// The amount as people read it.
    #[schema(example = "$50.00")]
    amount_display: String,
}

/// What a checkout comes to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckoutEstimatesBody {
    /// All that is billed at the confirmation; zero where nothing is.
    current_invoice: InvoiceEstimateBody,
    /// What is billed on the next day on which anything is; null where nothing is to come.
    next_invoice: Option<InvoiceEstimateBody>,
}

/// What a checkout would come to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckoutPreviewResponse {
    /// What it would come to.
    #[schema(value_type = CheckoutEstimatesBody)]
    pub(crate) estimates: Value,
}

/// A checkout.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckoutResponse {
    /// Id of the checkout.
    id: Uuid,
    /// The organisation.
    organisation_id: Uuid,
    /// Its page, on which a person completes it. Whoever has the address may buy.
    #[schema(example = "https://florin.example/checkout_pages/AAAAAAAAcACAAAAAAAAAAQ")]
    url: Option<String>,
    /// Where it stands.
    checkout_status: CheckoutStatus,
    /// The plan that is bought, or that the contract changes to.
    plan_id: Option<Uuid>,
    /// The contract that is changed, or that was made.
    contract_id: Option<Uuid>,
    /// First day of the contract, or of the change; null: that of the confirmation.
    start_date: Option<Day>,
    /// Last day of a new contract; null: that of the plan.
    end_date: Option<Day>,
    /// Who buys; null until a guest's checkout is confirmed.
    customer_id: Option<Uuid>,
    /// The entity that sells to a guest.
    business_entity_id: Option<Uuid>,
    /// What the confirmation has billed and charges; null where it does not charge, or has not billed yet.
    invoice_ids: Option<Vec<Uuid>>,
    /// Why the last charge failed, for people.
    #[schema(example = "the card was declined")]
    payment_failure: Option<String>,
    /// Whether somebody buys who is no customer yet.
    #[schema(example = false)]
    guest_checkout: bool,
    /// What a guest says of himself.
    #[schema(value_type = Option<CheckoutCustomerBody>)]
    customer_data: Value,
    /// What it came to when it was last written.
    #[schema(value_type = CheckoutEstimatesBody)]
    estimates: Value,
    /// When it ends without a confirmation.
    expires_at: Instant,
    /// Where the customer goes once it is confirmed.
    #[schema(example = "https://shop.example/thanks")]
    success_url: Option<String>,
    /// Where the customer goes instead.
    #[schema(example = "https://shop.example/cart")]
    cancel_url: Option<String>,
    /// What differs from the plan or contract.
    product_overrides: Vec<ProductOverrideBody>,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// A checkout that is confirmed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckoutConfirmResponse {
    /// Id of the checkout.
    id: Uuid,
    /// Where it stands.
    checkout_status: CheckoutStatus,
    /// The contract that was made or changed; a draft as long as its payment is on its way.
    contract_id: Option<Uuid>,
    /// What was done, in words.
    #[schema(example = "Checkout confirmed successfully")]
    message: &'static str,
    /// When the checkout was created.
    created_at: Instant,
    /// When it was confirmed.
    updated_at: Instant,
}

impl CheckoutInput {
    /// What is asked for, and until when.
    pub(super) fn request(self) -> (Request, Option<Timestamp>) {
        let Self {
            plan_id,
            contract_id,
            start_date,
            end_date,
            customer_id,
            business_entity_id,
            customer_data,
            expires_at,
            success_url,
            cancel_url,
            product_overrides,
        } = self;
        let overrides = product_overrides.unwrap_or_default().into_iter();
        let request = Request {
            plan_id,
            contract_id,
            start_date: start_date.map(|Day(day)| day),
            end_date: end_date.map(|Day(day)| day),
            customer_id,
            business_entity_id,
            customer_data: customer_data.map_or(Value::Null, CheckoutCustomerBody::document),
            guest_customer_id: None,
            success_url,
            cancel_url,
            overrides: overrides.map(ProductOverrideBody::read).collect(),
        };
        (request, expires_at.map(|Instant(at)| at))
    }
}

impl From<Checkout> for CheckoutInput {
    fn from(checkout: Checkout) -> Self {
        let Request {
            plan_id,
            contract_id,
            start_date,
            end_date,
            customer_id,
            business_entity_id,
            customer_data,
            guest_customer_id: _,
            success_url,
            cancel_url,
            overrides,
        } = checkout.request;
        Self {
            plan_id,
            contract_id,
            start_date: start_date.map(Day),
            end_date: end_date.map(Day),
            customer_id,
            business_entity_id,
            customer_data: serde_json::from_value(customer_data).ok(),
            expires_at: Some(Instant(checkout.expires_at)),
            success_url,
            cancel_url,
            product_overrides: Some(overrides.into_iter().map(Into::into).collect()),
        }
    }
}

impl CheckoutConfirmInput {
    pub(super) fn confirmation(self) -> Confirmation {
        let Self {
            payment_method_id,
            payment_method,
            customer_data,
        } = self;
        Confirmation {
            payment_method_id,
            new_method: payment_method.map(CheckoutMethodBody::read),
            customer_data: customer_data.map(CheckoutCustomerBody::document),
            provisioning: None,
        }
    }
}

impl CheckoutMethodBody {
    fn read(self) -> NewMethod {
        NewMethod {
            reference: self.payment_method_id,
            connector: self.connector.map(Into::into),
        }
    }
}

impl CheckoutCustomerBody {
    fn document(self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl ProductOverrideBody {
    fn read(self) -> ProductOverride {
        let Self {
            product_id,
            quantity,
            is_enabled,
        } = self;
        ProductOverride {
            product_id,
            quantity: quantity.map(|Units(quantity)| quantity),
            is_enabled,
        }
    }
}

impl From<ProductOverride> for ProductOverrideBody {
    fn from(one: ProductOverride) -> Self {
        let ProductOverride {
            product_id,
            quantity,
            is_enabled,
        } = one;
        Self {
            product_id,
            quantity: quantity.map(Units),
            is_enabled,
        }
    }
}

/// Where the pages of an organisation's checkouts are.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    organisation: Uuid,
    links: Links,
    tokens: Tokens,
}

impl Pages {
    pub(super) async fn of(context: &Context, tx: &mut Tx) -> Result<Self> {
        Ok(Self {
            organisation: context.organisation().0,
            links: context.links().clone(),
            tokens: Tokens::of(tx).await?,
        })
    }

    fn url(&self, id: Uuid) -> Option<String> {
        let token = self.tokens.token(id)?;
        Some(self.links.checkout(&token))
    }
}

impl CheckoutResponse {
    /// The checkout with the status that it has by now.
    pub(super) fn new(pages: &Pages, checkout: Checkout, status: Status) -> Self {
        let url = pages.url(checkout.id);
        let Checkout {
            id,
            status: _,
            request,
            contract_id,
            estimates,
            payment,
            expires_at,
            created_at,
            updated_at,
        } = checkout;
        let payment = payment.unwrap_or_default();
        let guest_checkout = request.is_of_guest() || !request.customer_data.is_null();
        let Request {
            plan_id,
            contract_id: _,
            start_date,
            end_date,
            customer_id,
            business_entity_id,
            customer_data,
            guest_customer_id: _,
            success_url,
            cancel_url,
            overrides,
        } = request;
        Self {
            id,
            organisation_id: pages.organisation,
            url,
            checkout_status: status.into(),
            plan_id,
            contract_id,
            start_date: start_date.map(Day),
            end_date: end_date.map(Day),
            customer_id,
            business_entity_id,
            invoice_ids: payment.invoices,
            payment_failure: payment.failure,
            guest_checkout,
            customer_data,
            estimates,
            expires_at: Instant(expires_at),
            success_url,
            cancel_url,
            product_overrides: overrides.into_iter().map(Into::into).collect(),
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl From<Checkout> for CheckoutConfirmResponse {
    fn from(checkout: Checkout) -> Self {
        Self {
            id: checkout.id,
            checkout_status: checkout.status.into(),
            contract_id: checkout.contract_id,
            message: match checkout.status {
                Status::Processing => "Checkout confirmed, its payment is on its way",
                _ => "Checkout confirmed successfully",
            },
            created_at: Instant(checkout.created_at),
            updated_at: Instant(checkout.updated_at),
        }
    }
}
