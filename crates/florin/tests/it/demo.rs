//! `florin demo`: from events to PDFs, with every line, discount, top-up, tax and total of sixteen airlines to
//! the cent; then what other programs read on the pages.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    http::{Client, Signature},
    installation::Installation,
    python,
};

const GOLDEN: &str = include_str!("../../../core/tests/golden/departures-2013-01.json");
const REQUIREMENTS: &str = include_str!("../pages/requirements.txt");

/// Lines of the golden file and what the demo calls them.
const LINES: [(&str, &str); 6] = [
    ("terminal", "Terminal"),
    ("departures", "Departures"),
    ("distance", "Distance"),
    ("aircraft", "Aircraft"),
    ("gates", "Gates"),
    ("lateness", "Lateness"),
];

#[test]
fn the_demo_bills_every_airline_to_the_cent() {
    bills_every_airline(&Installation::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_bills_every_airline_to_the_cent_on_postgres() {
    let url = florin_testkit::postgres::new_database().await;
    let florin = Installation::on(url);
    tokio::task::spawn_blocking(move || bills_every_airline(&florin))
        .await
        .unwrap();
}

fn demo(florin: &Installation) -> Value {
    florin.json(&["demo", "--exit", "--listen", "127.0.0.1:0"])
}

fn bills_every_airline(florin: &Installation) {
    let told = demo(florin);
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let invoices = golden["invoices"].as_array().unwrap();
    assert_eq!(told["invoices"].as_array().unwrap().len(), invoices.len());
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    let signature = Signature {
        organisation: text("organisation"),
        key: text("api_key"),
    };
    let server = florin.serve();
    let mut client = server.connect(&signature);
    let mut sum = 0;
    for expected in invoices {
        let carrier = expected["customer"].as_str().unwrap();
        let mut billed = told["invoices"].as_array().unwrap().iter();
        let billed = billed.find(|billed| billed["customer"] == carrier).unwrap();
        check(&mut client, billed["id"].as_str().unwrap(), expected);
        sum += cents(&expected["total"]);
        pages(florin.folder(), billed, expected);
    }
    assert_eq!(sum, cents(&golden["sum_of_totals"]));
    drop(server);
    // Told again, it finds what is there.
    assert_eq!(demo(florin)["invoices"], told["invoices"]);
}

/// Every amount of an invoice, as the API answers them.
fn check(client: &mut Client, id: &str, expected: &Value) {
    let carrier = &expected["customer"];
    let items = client
        .get(&format!("/invoices/{id}/line_items"))
        .unwrap()
        .body;
    let lines = items["lines"].as_array().unwrap();
    let named = |name: &str| lines.iter().find(|line| line["name"] == name);
    for (golden, name) in LINES {
        let line = named(name).unwrap_or_else(|| panic!("{carrier}: no {name} in {items}"));
        let amount = cents(&line["subtotal"]["value"]);
        assert_eq!(
            amount,
            cents(&expected["lines"][golden]),
            "{carrier}: {name}"
        );
    }
    let mut features = named("Departures").unwrap()["features"]
        .as_array()
        .unwrap()
        .iter();
    let discount = features
        .find(|feature| feature["type"] == "discount")
        .unwrap();
    let discount = cents(&discount["total"]["value"]);
    assert_eq!(
        discount,
        -cents(&expected["departures_discount"]),
        "{carrier}: discount"
    );
    let top_up = named("Minimum amount overages");
    let top_up = top_up.map_or(0, |line| cents(&line["subtotal"]["value"]));
    assert_eq!(
        top_up,
        cents(&expected["commitment_topup"]),
        "{carrier}: top-up"
    );
    let summary = client.get(&format!("/invoices/{id}/summary")).unwrap().body;
    for (field, golden) in [
        ("net_total", "net"),
        ("tax_total", "tax"),
        ("invoice_total", "total"),
    ] {
        assert_eq!(
            cents(&summary[field]),
            cents(&expected[golden]),
            "{carrier}: {field}"
        );
    }
}

/// What another program reads on the page.
fn pages(folder: &Path, billed: &Value, expected: &Value) {
    let python = python::environment("pages", REQUIREMENTS).join("python");
    let script = "import json, pymupdf, sys\n\
        document = pymupdf.open(sys.argv[1])\n\
        print(json.dumps([len(document), ''.join(page.get_text() for page in document)]))";
    let mut command = Command::new(python);
    command.current_dir(folder).args(["-c", script]);
    let read = python::run(command.arg(billed["pdf"].as_str().unwrap()));
    let read: Value = serde_json::from_str(&read).unwrap();
    let text = read[1].as_str().unwrap();
    assert_eq!(read[0], json!(1), "one page");
    let number = billed["invoice_number"].as_str().unwrap();
    assert_eq!(
        billed["total"].as_str().map(shown),
        expected["total"].as_str().map(shown)
    );
    for words in [
        number,
        "New York Airports Authority",
        "Departures",
        "Sales Tax 8.875 %",
    ] {
        assert!(text.contains(words), "{words} is not on the page: {text}");
    }
    let total = billed["total"].as_str().unwrap();
    assert!(
        text.contains(&format!("${total}")),
        "{total} is not on the page: {text}"
    );
}

fn shown(amount: &str) -> String {
    amount.replace(',', "")
}

/// An amount in major units, number or text, in cents.
fn cents(amount: &Value) -> i64 {
    let text = amount
        .as_str()
        .map_or_else(|| amount.to_string(), str::to_owned);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<2}").parse().unwrap()
}
