//! `/invoices/{id}/pdf`, `/invoices/{id}/html`, `/document_templates`

use expect_test::expect;
use florin_core::calendar::Period;
use florin_core::currency::Currency;
use florin_core::id::LineId;
use florin_core::invoice::{Draft, Freshness, Header, LineLabel, OneOffLine, one_off};
use florin_core::pricing::Model;
use florin_store::Actor;
use florin_testkit::{Answer, TestApp, both};
use jiff::civil::date;
use serde_json::{Value, json};
use uuid::Uuid;

/// A draft over 100.00 USD for a new customer.
async fn draft(app: &TestApp) -> Uuid {
    let customer = json!({ "customer_name": "Øresund 株式会社", "address": { "line1": "9 Pine St",
        "city": "Portland", "state": "OR", "zipCode": "97201", "country": "United States" } });
    let customer = app.post("/customers", customer).await.ok();
    let customer_id: Uuid = customer.text("/id").parse().unwrap();
    let day = date(2026, 1, 1);
    let line = OneOffLine {
        label: LineLabel {
            line: LineId(Uuid::from_u128(1)),
            name: "Consulting".to_owned(),
            description: None,
            unit: "day".to_owned(),
            units: None,
        },
        service: Period::new(day, date(2026, 2, 1)).unwrap(),
        model: Model::PerUnit {
            unit_amount: 50.into(),
        },
        quantity: 2.into(),
        discounts: Vec::new(),
        taxes: Vec::new(),
    };
    let id = app.app.ids.next();
    let part = one_off(
        app.app.ids.next(),
        customer_id,
        Currency::USD,
        day,
        vec![line],
    )
    .unwrap();
    let header = Header::new(customer_id, Currency::USD, day);
    let draft = Draft::new(id, header, vec![part], Freshness::default()).unwrap();
    let begun = app
        .app
        .begin(app.organisation, Actor::CommandLine, "")
        .await;
    let mut tx = begun.unwrap();
    florin_store::invoice::insert_drafts(&mut tx, &[draft])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

/// The template that a page of the tests' renderer names, and the document below it.
fn shown(answer: &Answer) -> (String, Value) {
    assert_eq!(answer.status, 200, "{answer}");
    let (template, document) = answer.body.as_str().unwrap().split_once('\n').unwrap();
    (template.to_owned(), serde_json::from_str(document).unwrap())
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let mut headers = answer.headers.iter();
    headers
        .find(|(known, _)| *known == name)
        .map_or("", |(_, value)| value)
}

both! {
    async fn an_invoice_is_a_document_in_both_formats(app) {
        let id = draft(&app).await;
        for (format, media_type) in [("pdf", "application/pdf"), ("html", "text/html; charset=utf-8")] {
            let answer = app.get(&format!("/invoices/{id}/{format}")).await;
            let (template, document) = shown(&answer);
            assert_eq!(template, "built in");
            assert_eq!(header(&answer, "content-type"), media_type);
            assert_eq!(document["customer"]["name"], "Øresund 株式会社");
            assert_eq!(document["invoice_data"]["amount_due"]["display"], "$100.00");
            let policy = header(&answer, "content-security-policy");
            assert!(policy.starts_with("sandbox") && !policy.contains("allow-scripts"), "{policy}");
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        }
        let organisation = app.organisation;
        let sent = app.get(&format!("/communications/{organisation}/invoice/{id}/html")).await;
        assert_eq!(shown(&sent).1["invoice_data"]["id"], id.to_string());
        let others = Uuid::from_u128(1);
        let sent = app.get(&format!("/communications/{others}/invoice/{id}/html")).await;
        assert_eq!(sent.status, 404, "{sent}");
    }

    async fn a_document_says_all_that_a_page_needs(app) {
        let id = draft(&app).await;
        let (_, document) = shown(&app.get(&format!("/invoices/{id}/html")).await);
        expect![[r#"
            {
              "address": [
                "9 Pine St",
                "Portland, OR 97201",
                "United States"
              ],
              "email": null,
              "external_id": null,
              "id": "00000000-0000-7000-8000-000000000005",
              "logo_url": null,
              "name": "Øresund 株式会社",
              "phone_number": null,
              "shipping_address": [],
              "tax_ids": []
            }"#]].assert_eq(&serde_json::to_string_pretty(&document["customer"]).unwrap());
        expect![[r#"
            [
              {
                "features": [],
                "lines": [
                  {
                    "amount": {
                      "display": "$100.00",
                      "unit": "USD",
                      "value": "100.00"
                    },
                    "description": null,
                    "details": [],
                    "line_item_type": "charge",
                    "name": "Consulting",
                    "period": {
                      "display": "1 – 31 Jan 2026",
                      "from": "2026-01-01",
                      "to": "2026-01-31"
                    },
                    "price": {
                      "display": "$50.00 per day",
                      "unit": "USD/day",
                      "value": "50"
                    },
                    "pricing_model": "per-unit-pricing",
                    "quantity": {
                      "display": "2 days",
                      "unit": "day",
                      "value": "2"
                    }
                  }
                ],
                "title": null
              }
            ]"#]].assert_eq(&serde_json::to_string_pretty(&document["sections"]).unwrap());
    }

    async fn a_template_of_ones_own_is_used_until_it_is_deleted(app) {
        let id = draft(&app).await;
        let (pdf, template) = (format!("/invoices/{id}/pdf"), "/document_templates/invoice/typst");
        let before = app.get(template).await.ok();
        assert_eq!((before.at("/is_own"), before.text("/source")), (&json!(false), "built in for PDFs"));
        assert_eq!(app.delete(template).await.status, 404);

        let put = app.put(template, json!({ "source": "ours" })).await.ok();
        assert_eq!((put.at("/is_own"), put.text("/source")), (&json!(true), "ours"));
        assert_eq!(shown(&app.get(&pdf).await).0, "ours");
        assert_eq!(shown(&app.get(&format!("/invoices/{id}/html")).await).0, "built in");
        let again = app.put(template, json!({ "source": "ours again" })).await.ok();
        assert_eq!(again.at("/id"), put.at("/id"), "it is the same template");
        assert_eq!(shown(&app.get(&pdf).await).0, "ours again");
        let all = app.get("/document_templates").await.ok();
        let own: Vec<&Value> = [0, 1].map(|row| all.at(&format!("/results/{row}/is_own"))).to_vec();
        assert_eq!(own, [&json!(true), &json!(false)]);

        let other = app.other_organisation().await;
        assert_eq!(other.get(template).await.ok().at("/is_own"), &json!(false));
        app.delete(template).await.ok();
        assert_eq!(shown(&app.get(&pdf).await).0, "built in");
    }

    async fn a_wrong_template_is_refused_with_its_place(app) {
        let template = "/document_templates/invoice/typst";
        let refused = app.put(template, json!({ "source": "wrong" })).await;
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "source"
                  ],
                  "msg": "line 2, column 5: unknown variable: nobody",
                  "type": "value_error.template"
                }
              ]
            }"#]].assert_eq(&refused.to_string());
        assert_eq!(app.get(template).await.ok().at("/is_own"), &json!(false));
        let long = "x".repeat(262_145);
        assert_eq!(app.put(template, json!({ "source": long })).await.status, 422);
        for path in ["/document_templates/quote/typst", "/document_templates/invoice/docx"] {
            assert_eq!(app.get(path).await.status, 404, "{path}");
        }
    }

    async fn a_template_that_fits_the_sample_only_says_so_when_it_is_used(app) {
        let id = draft(&app).await;
        for (source, code) in [
            ("wrong for others than the sample", "DOCUMENT_TEMPLATE_INVALID"),
            ("endless for others than the sample", "DOCUMENT_LIMIT_EXCEEDED"),
        ] {
            app.put("/document_templates/invoice/html", json!({ "source": source })).await.ok();
            let answer = app.get(&format!("/invoices/{id}/html")).await;
            assert_eq!((answer.status, answer.text("/code")), (400, code), "{answer}");
        }
        let gone = app.post("/document_templates/invoice/html/preview", json!({ "source": "gone" })).await;
        assert_eq!((gone.status, gone.text("/code")), (503, "DOCUMENTS_UNAVAILABLE"), "{gone}");
        assert_eq!(header(&gone, "retry-after"), "1");
    }

    async fn a_preview_shows_the_sample_or_an_invoice_and_keeps_nothing(app) {
        let id = draft(&app).await;
        let preview = "/document_templates/invoice/typst/preview";
        let number = |answer: &Answer| shown(answer).1["invoice_data"]["invoice_number"].clone();
        let sample = app.post(preview, json!({ "source": "new" })).await;
        assert_eq!((shown(&sample).0, number(&sample)), ("new".to_owned(), json!("SAMPLE-0001")));
        let invoice = app.post(preview, json!({ "source": "new", "invoice_id": id })).await;
        assert_eq!(number(&invoice), Value::Null);
        let present = app.post(preview, json!({})).await;
        assert_eq!(shown(&present).0, "built in");
        let wrong = app.post(preview, json!({ "source": "wrong" })).await;
        assert_eq!(wrong.status, 422, "{wrong}");
        let nobody = app.post(preview, json!({ "invoice_id": Uuid::from_u128(1) })).await;
        assert_eq!(nobody.status, 404, "{nobody}");
        let other = app.other_organisation().await;
        assert_eq!(other.post(preview, json!({ "invoice_id": id })).await.status, 404);
    }
}
