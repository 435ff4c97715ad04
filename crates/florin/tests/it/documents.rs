//! Documents by the real renderer: PDFs, pages, and templates that ask for too much.

use std::time::Instant;

use serde_json::{Value, json};

use crate::{
    http::Client,
    installation::{Installation, Server},
};

const TYPST: &str = "/document_templates/invoice/typst";
const HTML: &str = "/document_templates/invoice/html";

fn started(florin: &Installation) -> (Server, Client) {
    let signature = florin.organisation();
    let server = florin.serve();
    let client = server.connect(&signature);
    (server, client)
}

fn refusal(client: &mut Client, template: &str, source: &str) -> String {
    let answer = client
        .post(&format!("{template}/preview"), &json!({ "source": source }))
        .unwrap();
    assert_eq!(answer.status, 422, "{answer:?}");
    answer.body["detail"][0]["msg"].as_str().unwrap().to_owned()
}

#[test]
fn florins_own_templates_show_the_sample_in_both_ways() {
    let florin = Installation::new();
    let (_server, mut client) = started(&florin);
    for template in [TYPST, HTML] {
        let source = client.get(template).unwrap().body["source"].clone();
        // In the server, and in a worker as anybody's template.
        for body in [json!({}), json!({ "source": source })] {
            let (status, page) = client
                .post_for_bytes(&format!("{template}/preview"), &body)
                .unwrap();
            assert_eq!(status, 200);
            let again = client
                .post_for_bytes(&format!("{template}/preview"), &body)
                .unwrap()
                .1;
            assert!(page == again, "the same document gives the same bytes");
            let begins = if template == TYPST {
                b"%PDF-".as_slice()
            } else {
                b"<!doctype html>"
            };
            assert!(page.starts_with(begins) && page.len() > 5_000);
        }
    }
}

#[test]
fn a_template_is_refused_with_its_place_and_ends_at_its_bounds() {
    let florin = Installation::new();
    let (_server, mut client) = started(&florin);
    let said = refusal(&mut client, TYPST, "= Invoice\n#nobody");
    assert_eq!(said, "line 2, column 2: unknown variable: nobody");
    let said = refusal(&mut client, TYPST, "#read(\"/etc/passwd\")");
    assert!(said.contains("a template can read document.json"), "{said}");
    let said = refusal(&mut client, HTML, "<p>\n{{ nobody.name }}");
    assert!(said.starts_with("line 2"), "{said}");

    let begun = Instant::now();
    let endless = "#{ let sum = 0\nfor a in range(9000) { for b in range(9000) { for c in range(9000) { sum += a * b + c } } }\nsum }";
    let said = refusal(&mut client, TYPST, endless);
    assert!(said.contains("ten seconds"), "{said}");
    let said = refusal(&mut client, TYPST, "#(\"x\" * 4000000000).len()");
    assert!(said.contains("1 GiB"), "{said}");
    println!("bounds took {:?}", begun.elapsed());
    // The server is as it was.
    assert_eq!(client.get("/health").unwrap().status, 200);
}

#[test]
fn a_logo_is_on_the_page() {
    let florin = Installation::new();
    let (_server, mut client) = started(&florin);
    let entities: Value = client.get("/business_entities").unwrap().body;
    let id = entities["results"][0]["id"].as_str().unwrap();
    let plain = client
        .post_for_bytes(&format!("{TYPST}/preview"), &json!({}))
        .unwrap()
        .1;
    // A red square as PNG, and a circle as SVG, which a worker draws.
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
    let svg = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA5IDkiPjxjaXJjbGUgY3g9IjQiIGN5PSI0IiByPSI0Ii8+PC9zdmc+";
    for logo in [
        format!("data:image/png;base64,{png}"),
        format!("data:image/svg+xml;base64,{svg}"),
    ] {
        let changed = client.patch(
            &format!("/business_entities/{id}"),
            &json!({ "logo_url": logo }),
        );
        assert_eq!(changed.unwrap().status, 200);
        let (status, page) = client
            .post_for_bytes(&format!("{TYPST}/preview"), &json!({}))
            .unwrap();
        assert_eq!(status, 200);
        assert!(page != plain && page.starts_with(b"%PDF-"));
        let html = client
            .post_for_bytes(&format!("{HTML}/preview"), &json!({}))
            .unwrap()
            .1;
        assert!(String::from_utf8_lossy(&html).contains("<img class=\"logo\""));
    }
}
