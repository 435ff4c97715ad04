//! What a person typed into the page of a checkout. Owns the fields' names and how they become a confirmation; what is
//! wrong with them is the operation's to say.

use std::collections::BTreeMap;

use florin_app::checkout::{Confirmation, NewMethod};
use florin_app::connector::Choice;
use florin_core::connector::TEST;
use serde_json::{Value, json};
use uuid::Uuid;

/// Bytes of one field that are read: longer text is cut, and then refused for its length.
const FIELD_BYTES_MAX: usize = 1024;
/// What a payment method of the customer begins with.
pub(super) const SAVED: &str = "saved:";
/// What a card of the test gateway begins with.
pub(super) const CARD: &str = "test:";

/// The fields of a guest's address, by their names in the form and in the checkout.
const ADDRESS: &[&str] = &["line1", "city", "zip_code", "state", "country_code"];

/// The fields as they were typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads the body of a form.
    pub(super) fn read(body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(body);
        let pairs = pairs.map(|(name, value)| {
            let mut value = value.replace('\0', "");
            let mut end = value.len().min(FIELD_BYTES_MAX);
            while !value.is_char_boundary(end) {
                end = end.saturating_sub(1);
            }
            value.truncate(end);
            (name.into_owned(), value.trim().to_owned())
        });
        Self(pairs.collect())
    }

    /// The fields that a checkout knows of its guest.
    pub(super) fn of_guest(said: &Value) -> Self {
        let address = &said["address"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let own = ["customer_name", "email", "phone_number"].map(|name| (name, &said[name]));
        let zip_code = [("zip_code", &address["zipCode"])];
        let placed = ADDRESS.iter().map(|name| (*name, &address[*name]));
        let known = own.into_iter().chain(placed).chain(zip_code);
        let known = known.filter_map(|(name, value)| Some((name.to_owned(), text(value)?)));
        Self(known.collect())
    }

    /// What was typed into a field; empty where nothing was.
    pub(super) fn value(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The confirmation that it asks for.
    pub(super) fn confirmation(&self, is_of_guest: bool) -> Confirmation {
        let method = self.value("method");
        let saved = method.strip_prefix(SAVED).map(|id| id.parse());
        let card = method.strip_prefix(CARD);
        Confirmation {
            // What is no id is nobody's method.
            payment_method_id: saved.map(|id| id.unwrap_or(Uuid::nil())),
            new_method: card.map(|card| NewMethod {
                reference: card.to_owned(),
                connector: Some(Choice {
                    name: TEST.to_owned(),
                    reference_id: None,
                }),
            }),
            customer_data: is_of_guest.then(|| self.guest()),
            provisioning: None,
        }
    }

    fn guest(&self) -> Value {
        let text = |name: &str| match self.value(name) {
            "" => Value::Null,
            typed => Value::from(typed),
        };
        let placed = ADDRESS.iter().map(|name| ((*name).to_owned(), text(name)));
        json!({
            "customer_name": text("customer_name"),
            "email": text("email"),
            "phone_number": text("phone_number"),
            "address": Value::Object(placed.collect()),
        })
    }
}
