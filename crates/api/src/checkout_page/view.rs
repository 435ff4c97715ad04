//! The page of a checkout as HTML: what is bought on the left, what is to be done on the right. Owns words and order; every
//! amount is [`florin_app`]'s.

use florin_app::checkout::{Estimated, EstimatedLine, Offer};
use florin_core::checkout::Status;
use florin_core::payment_method::PaymentMethod;
use florin_core::plan::Provisioning;

use super::form::{CARD, Form, SAVED};
use super::html::{Field, document, escaped, field};

/// Cards of the test gateway that a page offers: name, what it is called, what it does.
const CARDS: &[(&str, &str, &str)] = &[
    ("pm_card_visa", "Visa •••• 4242", "pays"),
    ("pm_card_mastercard", "Mastercard •••• 4444", "pays"),
    ("pm_card_declined", "Visa •••• 0002", "is declined"),
    (
        "pm_card_insufficient_funds",
        "Visa •••• 9995",
        "has too little money",
    ),
    ("pm_card_processing", "Visa •••• 0077", "pays after a while"),
    (
        "pm_card_authentication_required",
        "Visa •••• 3184",
        "wants to be confirmed at the bank",
    ),
];

/// Seconds after which a page that waits looks again.
const LOOKS_AGAIN_S: u32 = 5;

/// What went wrong with what was typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Problems {
    /// What is wrong as a whole.
    pub(super) whole: Vec<String>,
    /// What is wrong with a field, by its name.
    pub(super) fields: Vec<(String, String)>,
}

impl Problems {
    fn of(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(field, _)| field == name);
        found.map(|(_, problem)| problem.as_str())
    }

    fn is_none(&self) -> bool {
        self.whole.is_empty() && self.fields.is_empty()
    }
}

/// The whole page.
pub(super) fn page(token: &str, offer: &Offer, form: &Form, problems: &Problems) -> String {
    let title = format!("{} – {}", offer.name, offer.seller);
    let (head, right) = match offer.status {
        Status::Pending | Status::PaymentFailed => {
            (String::new(), to_confirm(token, offer, form, problems))
        }
        Status::Processing => (
            format!("<meta http-equiv=\"refresh\" content=\"{LOOKS_AGAIN_S}\">\n"),
            waits(token, offer, form, problems),
        ),
        Status::ContractCreated => (String::new(), done(offer)),
        Status::Expired => (String::new(), over("This checkout has expired", offer)),
        Status::Cancelled => (String::new(), over("This checkout is cancelled", offer)),
    };
    let body = format!("<main>\n{}\n{right}\n</main>\n", summary(offer));
    document(&title, &head, &body)
}

/// A page that says one thing: there is no checkout to show.
pub(super) fn message(title: &str, text: &str) -> String {
    let (shown, text) = (escaped(title), escaped(text));
    let body = format!(
        "<main><section class=\"alone\"><h1>{shown}</h1><p class=\"soft\">{text}</p></section></main>\n"
    );
    document(title, "", &body)
}

fn summary(offer: &Offer) -> String {
    let (seller, name) = (escaped(&offer.seller), escaped(&offer.name));
    let mut html = format!(
        "<section aria-labelledby=\"what\">\n<p class=\"seller\">{seller}</p>\n<h1 id=\"what\">{name}</h1>\n"
    );
    if let Some(description) = &offer.description {
        html.push_str(&format!("<p class=\"soft\">{}</p>\n", escaped(description)));
    }
    if !offer.features.is_empty() {
        let features = offer.features.iter();
        let features: String = features
            .map(|feature| format!("<li>{}</li>", escaped(feature)))
            .collect();
        html.push_str(&format!("<ul class=\"features\">{features}</ul>\n"));
    }
    html.push_str(&estimated(
        "Due today",
        "Total due today",
        &offer.current,
        true,
    ));
    if let Some(next) = &offer.next {
        let caption = format!("Next, on {}", next.bill_for_date);
        html.push_str(&estimated(&caption, "Total then", next, false));
    }
    html.push_str("</section>");
    html
}

/// The lines of what is billed together and what they come to.
fn estimated(caption: &str, total: &str, bills: &Estimated, shows_nothing: bool) -> String {
    let lines: String = bills.lines.iter().map(line).collect();
    let (caption, total) = (escaped(caption), escaped(total));
    let mut rows = lines;
    if bills.lines.is_empty() && shows_nothing {
        rows.push_str("<tr><th scope=\"row\">Nothing</th><td></td></tr>");
    }
    if let Some(tax) = &bills.tax {
        let tax = escaped(tax);
        rows.push_str(&format!(
            "<tr><th scope=\"row\">Tax</th><td>{tax}</td></tr>"
        ));
    }
    if let Some(credit) = &bills.credit {
        let credit = escaped(credit);
        rows.push_str(&format!(
            "<tr><th scope=\"row\">Credited to your account</th><td>{credit}</td></tr>"
        ));
    }
    let sum = escaped(&bills.total);
    format!(
        "<table><caption>{caption}</caption><tbody>{rows}<tr class=\"sum\"><th scope=\"row\">{total}</th>\
         <td>{sum}</td></tr></tbody></table>\n"
    )
}

fn line(line: &EstimatedLine) -> String {
    let name = escaped(&line.name);
    let quantity = [&line.quantity, &line.price];
    let quantity: Vec<String> = quantity
        .into_iter()
        .flatten()
        .map(|text| escaped(text))
        .collect();
    let (period, amount) = (escaped(&line.period), escaped(&line.amount));
    let detail = match quantity.is_empty() {
        true => period,
        false => format!("{}<br>{period}", quantity.join(" × ")),
    };
    format!("<tr><th scope=\"row\">{name}<small>{detail}</small></th><td>{amount}</td></tr>")
}

fn to_confirm(token: &str, offer: &Offer, form: &Form, problems: &Problems) -> String {
    let mut html = String::from("<section aria-label=\"Your details\">\n");
    html.push_str(&banner(offer, problems));
    if offer.status == Status::Pending && offer.problem.is_some() {
        html.push_str("<p>Ask the seller for a new checkout.</p></section>");
        return html;
    }
    html.push_str(&format!(
        "<form method=\"post\" action=\"/checkout_pages/{token}/confirm\" novalidate>\n"
    ));
    let is_of_guest = offer.status == Status::Pending && offer.checkout.request.is_of_guest();
    if is_of_guest {
        html.push_str(&guest(form, problems));
    }
    html.push_str(&payment(offer, form, problems));
    let (label, fine) = confirms(offer);
    html.push_str(&format!(
        "<button type=\"submit\">{}</button>\n</form>\n",
        escaped(&label)
    ));
    html.push_str(&format!("<p class=\"fine\">{fine}</p>\n"));
    if !(offer.status == Status::PaymentFailed && offer.checkout.is_change()) {
        html.push_str(&format!(
            "<form method=\"post\" action=\"/checkout_pages/{token}/cancel\">\
             <button class=\"quiet\" type=\"submit\">Cancel</button></form>\n"
        ));
    }
    html.push_str("</section>");
    html
}

/// What the button says, and what it does in small print.
fn confirms(offer: &Offer) -> (String, &'static str) {
    let (total, is_due) = (&offer.current.total, offer.current.is_due);
    match offer.provisioning {
        _ if offer.status == Status::PaymentFailed => (
            format!("Pay {total}"),
            "Your order is kept. It begins when it is paid.",
        ),
        Provisioning::ChargeOnAcceptance if is_due => (
            format!("Confirm and pay {total}"),
            "Your payment method is charged now, and again when later invoices are due.",
        ),
        Provisioning::Immediate => ("Confirm".to_owned(), "You get an invoice for what is due."),
        _ => (
            "Confirm".to_owned(),
            "Your payment method is charged when invoices are due.",
        ),
    }
}

fn banner(offer: &Offer, problems: &Problems) -> String {
    let mut texts: Vec<String> = problems.whole.clone();
    let failure = offer.checkout.payment.as_ref();
    let failure = failure.and_then(|payment| payment.failure.clone());
    if problems.is_none() && offer.status == Status::PaymentFailed {
        let why = failure.unwrap_or_else(|| "the payment did not come".to_owned());
        texts.push(format!("Not paid: {why}. Try another payment method."));
    }
    if let Some(problem) = offer
        .problem
        .as_ref()
        .filter(|_| offer.status == Status::Pending)
    {
        texts.push(format!("This cannot be bought any more: {problem}."));
    }
    if !problems.fields.is_empty() && texts.is_empty() {
        texts.push("Please correct what is marked below.".to_owned());
    }
    if texts.is_empty() {
        return String::new();
    }
    let texts: String = texts
        .iter()
        .map(|text| format!("<p>{}</p>", escaped(text)))
        .collect();
    format!("<div class=\"banner bad\" role=\"alert\">{texts}</div>\n")
}

/// The fields of a guest: name, label, type, what a browser may fill in, whether it is needed, how long it may be.
type Asked = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    bool,
    usize,
);

const PERSON: &[Asked] = &[
    (
        "customer_name",
        "Name or company",
        "text",
        "name",
        true,
        255,
    ),
    ("email", "Email", "email", "email", true, 320),
    (
        "phone_number",
        "Phone, with country code",
        "tel",
        "tel",
        false,
        64,
    ),
];
const STREET: Asked = (
    "line1",
    "Street and number",
    "text",
    "address-line1",
    false,
    255,
);
const PLACE: &[Asked] = &[
    ("zip_code", "Postal code", "text", "postal-code", false, 32),
    ("city", "Town", "text", "address-level2", false, 255),
    (
        "state",
        "State or region",
        "text",
        "address-level1",
        false,
        255,
    ),
    (
        "country_code",
        "Country code, as US",
        "text",
        "country",
        false,
        3,
    ),
];

fn guest(form: &Form, problems: &Problems) -> String {
    let one = |asked: &Asked| {
        let (name, label, kind, autocomplete, is_required, length_max) = *asked;
        field(Field {
            name,
            label,
            kind,
            autocomplete,
            is_required,
            length_max,
            value: form.value(name),
            problem: problems.of(name),
        })
    };
    let person: String = PERSON.iter().map(one).collect();
    let place: String = PLACE.iter().map(one).collect();
    format!(
        "<fieldset><legend>About you</legend>{person}</fieldset>\n\
         <fieldset><legend>Billing address</legend>{}<div class=\"row\">{place}</div></fieldset>\n",
        one(&STREET)
    )
}

fn payment(offer: &Offer, form: &Form, problems: &Problems) -> String {
    if offer.provisioning == Provisioning::Immediate && offer.status == Status::Pending {
        return String::new();
    }
    let chosen = form.value("method");
    let mut options: Vec<(String, String, &str)> = Vec::new();
    for method in &offer.methods {
        let kept = if method.is_default {
            "your default"
        } else {
            "kept for you"
        };
        options.push((format!("{SAVED}{}", method.id), called(method), kept));
    }
    if offer.takes_test_cards {
        let cards = CARDS.iter();
        options.extend(cards.map(|(card, name, does)| {
            (format!("{CARD}{card}"), format!("Test card {name}"), *does)
        }));
    }
    if options.is_empty() {
        return "<p class=\"banner bad\">A payment method is needed, and none is known. Ask the seller to add \
                yours.</p>\n"
            .to_owned();
    }
    let is_known = options.iter().any(|(value, ..)| value == chosen);
    let rows = options.iter().enumerate().map(|(at, (value, name, note))| {
        let is_chosen = value == chosen || !is_known && at == 0;
        let checked = if is_chosen { " checked" } else { "" };
        let (value, name, note) = (escaped(value), escaped(name), escaped(note));
        format!(
            "<label class=\"choice\"><input type=\"radio\" name=\"method\" value=\"{value}\"{checked}>\
             <span>{name}<small>{note}</small></span></label>"
        )
    });
    let rows: String = rows.collect();
    let problem = problems.of("method").map(|problem| {
        let problem = escaped(problem);
        format!("<p class=\"problem\">{problem}</p>")
    });
    format!(
        "<fieldset><legend>Payment method</legend>{rows}{}</fieldset>\n",
        problem.unwrap_or_default()
    )
}

/// A payment method as its owner knows it.
fn called(method: &PaymentMethod) -> String {
    let details = &method.facts.details;
    let text = |key: &str| details[key].as_str().unwrap_or_default();
    match (text("brand"), text("last4")) {
        ("", _) | (_, "") => method.facts.kind.replace('_', " "),
        (brand, last4) => {
            let mut letters = brand.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            let brand: String = first.into_iter().chain(letters).collect();
            format!("{brand} •••• {last4}")
        }
    }
}

fn waits(token: &str, offer: &Offer, form: &Form, problems: &Problems) -> String {
    let mut html = String::from("<section aria-label=\"Payment\">\n");
    html.push_str(&banner(offer, problems));
    html.push_str(
        "<h2>Your payment is on its way</h2>\n<p role=\"status\">This page looks again by itself. You can close it: \
         your order is kept.</p>\n",
    );
    html.push_str(&format!(
        "<p class=\"fine\">Does your bank not let you confirm?</p>\n\
         <form method=\"post\" action=\"/checkout_pages/{token}/confirm\">\n{}\
         <button type=\"submit\">Use this one</button>\n</form>\n</section>",
        payment(offer, form, problems)
    ));
    html
}

fn done(offer: &Offer) -> String {
    let back = link(offer.checkout.request.success_url.as_deref(), "Continue");
    format!(
        "<section aria-label=\"Confirmation\">\n<div class=\"banner good\" role=\"status\"><p><strong>Thank you.</strong> \
         Your order is confirmed.</p></div>\n{back}</section>"
    )
}

fn over(title: &str, offer: &Offer) -> String {
    let back = link(
        offer.checkout.request.cancel_url.as_deref(),
        "Back to the shop",
    );
    format!(
        "<section aria-label=\"End\">\n<h2>{title}</h2>\n<p class=\"soft\">Nothing was bought with it. Ask the seller for \
         a new one.</p>\n{back}</section>"
    )
}

fn link(url: Option<&str>, text: &str) -> String {
    let link = url.map(|url| {
        let url = escaped(url);
        format!("<p><a class=\"button\" href=\"{url}\" rel=\"noreferrer\">{text}</a></p>\n")
    });
    link.unwrap_or_default()
}
