//! The hosted page of a checkout: HTML for a person, without a key. Whoever has the token may buy.
//!
//! Owns what a request from a browser is and what it is answered. Invariants:
//! - a form is only taken from the page itself: browsers say where a form comes from, and other places are refused;
//! - what was typed stays on the page when something is wrong with it;
//! - a page loads nothing but its own style, and is shown in no frame.

mod form;
mod html;
mod view;

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use florin_app::{self as app, charge::Caller, checkout::Offer};
use florin_core::checkout::Status;
use florin_core::id::OrganisationId;
use florin_store::Actor;
use uuid::Uuid;

use crate::{
    checkout::CheckoutCustomerBody,
    context::Server,
    error::{BadField, Error, Result},
    observe::RequestId,
    path::PathText,
    schema,
};
use form::Form;
use view::Problems;

/// Routes without a document: what they answer is not JSON.
pub(crate) fn open_routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/checkout_pages/style.css", get(style))
        .route("/checkout_pages/{token}", get(show))
        .route("/checkout_pages/{token}/confirm", post(confirm))
        .route("/checkout_pages/{token}/cancel", post(cancel))
}

/// A browser at a page.
struct Visit {
    server: Arc<Server>,
    token: String,
    caller: Caller,
    id: Uuid,
}

async fn style() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, include_str!("checkout_page/style.css"))
}

async fn show(
    State(server): State<Arc<Server>>,
    Extension(request_id): Extension<RequestId>,
    PathText(token): PathText,
) -> Response {
    let visit = match visited(server, token, &request_id).await {
        Ok(visit) => visit,
        Err(error) => return refused(error),
    };
    match visit.offer().await {
        Ok(offer) => visit.page(&offer, &visit.typed_before(&offer), &Problems::default()),
        Err(error) => refused(error),
    }
}

async fn confirm(
    State(server): State<Arc<Server>>,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    PathText(token): PathText,
    body: Bytes,
) -> Response {
    let visit = match came_from_page(&server, &headers) {
        Ok(()) => visited(server, token, &request_id).await,
        Err(error) => Err(error),
    };
    match visit {
        Ok(visit) => confirmed(&visit, &Form::read(&body)).await,
        Err(error) => refused(error),
    }
}

async fn confirmed(visit: &Visit, form: &Form) -> Response {
    let offer = match visit.offer().await {
        Ok(offer) => offer,
        Err(error) => return refused(error),
    };
    let is_of_guest = offer.status == Status::Pending && offer.checkout.request.is_of_guest();
    let confirmation = form.confirmation(is_of_guest);
    let said = confirmation.customer_data.as_ref();
    let outcome = match said.map(wrong_with).filter(|wrong| !wrong.is_empty()) {
        Some(wrong) => Err(Error::Unreadable(wrong)),
        None => {
            let app = &visit.server.app;
            let confirmed = app::checkout::confirm(app, &visit.caller, visit.id, confirmation);
            confirmed.await.map_err(Error::App)
        }
    };
    match outcome {
        Ok(checkout) => {
            let is_done = checkout.status == Status::ContractCreated;
            let away = checkout.request.success_url.filter(|_| is_done);
            visit.leave(away.as_deref())
        }
        Err(error) => visit.again(form, error).await,
    }
}

async fn cancel(
    State(server): State<Arc<Server>>,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    PathText(token): PathText,
) -> Response {
    let visit = match came_from_page(&server, &headers) {
        Ok(()) => visited(server, token, &request_id).await,
        Err(error) => Err(error),
    };
    let visit = match visit {
        Ok(visit) => visit,
        Err(error) => return refused(error),
    };
    match visit.cancel().await {
        Ok(away) => visit.leave(away.as_deref()),
        Err(error) => visit.again(&Form::default(), error).await,
    }
}

async fn visited(server: Arc<Server>, token: String, request_id: &RequestId) -> Result<Visit> {
    let opened = app::checkout::opened(&server.app, &token).await?;
    let (organisation, id): (OrganisationId, Uuid) = opened.ok_or_else(not_found)?;
    let caller = Caller {
        organisation,
        actor: Actor::System,
        request_id: request_id.0.clone(),
    };
    Ok(Visit {
        server,
        token,
        caller,
        id,
    })
}

fn not_found() -> Error {
    let resource = "checkout";
    Error::App(app::Error::NotFound { resource })
}

impl Visit {
    async fn offer(&self) -> Result<Offer> {
        let offer = app::checkout::offer(&self.server.app, self.caller.organisation, self.id);
        Ok(offer.await?)
    }

    async fn cancel(&self) -> Result<Option<String>> {
        let app = &self.server.app;
        let Caller {
            organisation,
            actor,
            request_id,
        } = self.caller.clone();
        let mut tx = app.begin(organisation, actor, &request_id).await?;
        let cancelled = app::checkout::cancel(app, &mut tx, self.id).await?;
        tx.commit().await?;
        Ok(cancelled.request.cancel_url)
    }

    /// What is known of a guest before he types.
    fn typed_before(&self, offer: &Offer) -> Form {
        Form::of_guest(&offer.checkout.request.customer_data)
    }

    fn page(&self, offer: &Offer, form: &Form, problems: &Problems) -> Response {
        let html = view::page(&self.token, offer, form, problems);
        let request = &offer.checkout.request;
        let leads_to = [&request.success_url, &request.cancel_url];
        let leads_to = leads_to.into_iter().filter_map(|url| url.as_deref());
        with_headers(html.into_response(), leads_to)
    }

    /// The page once more, with what was typed and what is wrong with it, under the error's status.
    async fn again(&self, form: &Form, error: Error) -> Response {
        let problems = problems(&error);
        match self.offer().await {
            Ok(offer) => {
                let page = self.page(&offer, form, &problems);
                under_status_of(error, page)
            }
            Err(other) => refused(other),
        }
    }

    /// Leads the browser away, or to the page as it is now.
    fn leave(&self, away: Option<&str>) -> Response {
        let here = format!("/checkout_pages/{}", self.token);
        Redirect::to(away.unwrap_or(&here)).into_response()
    }
}

/// A page that says why there is none, under the error's status.
fn refused(error: Error) -> Response {
    let (title, text) = match &error {
        Error::App(app::Error::NotFound { .. }) => (
            "There is no such checkout",
            "The link is not complete, or the checkout is gone. Ask the seller for a new one."
                .to_owned(),
        ),
        other => ("This does not work now", in_words(other).join(" ")),
    };
    let html = view::message(title, &text);
    let page = with_headers(html.into_response(), std::iter::empty());
    under_status_of(error, page)
}

/// The page, under the status that the error has.
fn under_status_of(error: Error, page: Response) -> Response {
    let (mut parts, _) = error.into_response().into_parts();
    let (shown, body): (_, Body) = page.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(shown.headers);
    Response::from_parts(parts, body)
}

/// What is wrong, by field where a field of the page is meant.
fn problems(error: &Error) -> Problems {
    let fields: Vec<(Vec<String>, String)> = match error {
        Error::App(app::Error::Invalid(fields)) => {
            let fields = fields.iter();
            fields
                .map(|field| (field.path.clone(), field.message.clone()))
                .collect()
        }
        Error::Unreadable(fields) => {
            let fields = fields.iter();
            fields
                .map(|field| (field.path.clone(), field.message.clone()))
                .collect()
        }
        Error::App(app::Error::Refused {
            code: "CUSTOMER_EMAIL_TAKEN",
            ..
        }) => {
            let message = "Somebody has bought here with this address: send another one, or sign in at the seller's";
            vec![(vec!["email".to_owned()], message.to_owned())]
        }
        _ => Vec::new(),
    };
    let mut found = Problems::default();
    for (path, message) in fields {
        match path.last().map(String::as_str) {
            Some("payment_method_id") => found.fields.push(("method".to_owned(), message)),
            Some("zipCode") => found.fields.push(("zip_code".to_owned(), message)),
            Some(name) if FIELDS.contains(&name) => found.fields.push((name.to_owned(), message)),
            _ => found.whole.push(message),
        }
    }
    if found.fields.is_empty() && found.whole.is_empty() {
        found.whole = in_words(error);
    }
    found
}

/// Fields beside which a problem can stand.
const FIELDS: &[&str] = &[
    "customer_name",
    "email",
    "phone_number",
    "line1",
    "city",
    "zip_code",
    "state",
    "country_code",
];

/// An error as a customer reads it. What is ours to mend is not told in detail.
fn in_words(error: &Error) -> Vec<String> {
    let text = match error {
        Error::App(app::Error::Gateway(app::gateway::GatewayError::Declined { .. })) => {
            "Your payment method was declined. Nothing was charged: try another one.".to_owned()
        }
        Error::App(app::Error::Refused {
            code: "NO_PAYMENT_METHOD",
            ..
        }) => "Choose a payment method.".to_owned(),
        Error::App(app::Error::Refused { message, .. }) => message.clone(),
        Error::App(app::Error::Invalid(fields)) => {
            let messages = fields.iter().map(|field| field.message.clone());
            return messages.collect();
        }
        _ => "Please try again in a minute.".to_owned(),
    };
    vec![text]
}

/// What is wrong with what a guest says of himself, as the API's own schema has it.
fn wrong_with(said: &serde_json::Value) -> Vec<BadField> {
    let mut wrong = schema::violations::<CheckoutCustomerBody>(said);
    let is_missing = |field: &str| said[field].is_null();
    let named = [
        ("customer_name", "Tell us your name"),
        ("email", "Tell us where the invoice goes"),
    ];
    for (field, message) in named.into_iter().filter(|(field, _)| is_missing(field)) {
        wrong.push(BadField {
            part: "body",
            path: vec![field.to_owned()],
            message: message.to_owned(),
            kind: "value_error.missing".to_owned(),
        });
    }
    wrong
}

/// That a form was sent from a page of this server. Browsers say so; who is no browser carries nobody's rights.
fn came_from_page(server: &Server, headers: &HeaderMap) -> Result<()> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text("sec-fetch-site");
    let is_site_ours = site.is_none_or(|site| ["same-origin", "none"].contains(&site));
    let origin = text("origin");
    let is_origin_ours = origin.is_none_or(|origin| {
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_some_and(|host| text("host") == Some(host))
            || origin_of(&server.settings.public_url) == Some(origin)
    });
    match is_site_ours && is_origin_ours {
        true => Ok(()),
        false => Err(Error::App(app::Error::refused(
            "FORM_FROM_ELSEWHERE",
            "The form was not sent from its own page.",
        ))),
    }
}

/// Scheme, host and port of an address, where they are written plainly.
fn origin_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let is_good = ["http", "https"].contains(&scheme) && !host.is_empty();
    let length = scheme.len().checked_add(3)?.checked_add(host.len())?;
    (is_good && host.bytes().all(is_plain)).then(|| &url[..length])
}

/// The headers of a page: it shows itself, sends its forms here, and is led from there to the shop.
fn with_headers<'u>(mut page: Response, leads_to: impl Iterator<Item = &'u str>) -> Response {
    let mut policy =
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
        form-action 'self'"
            .to_owned();
    for origin in leads_to.filter_map(origin_of) {
        policy.push(' ');
        policy.push_str(origin);
    }
    let fixed = HeaderValue::from_static;
    let policy = HeaderValue::from_str(&policy);
    let headers = page.headers_mut();
    headers.insert(header::CONTENT_TYPE, fixed("text/html; charset=utf-8"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        policy.unwrap_or_else(|_| fixed("default-src 'none'")),
    );
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // The token stands in the address: nobody else is told of it. Forms of the page still say where they are from.
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        headers.insert(HeaderName::from_static(name), fixed(value));
    }
    page
}
