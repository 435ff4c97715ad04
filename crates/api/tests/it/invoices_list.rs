//! `/invoices`: filters, order, pages.

use florin_testkit::{TestApp, both};
use serde_json::json;

use crate::invoices::{approve, customer, draft};

/// Three invoices: an approved one over 10, a draft over 20.5, and one over 30 in yen.
async fn three(app: &TestApp) -> [String; 3] {
    let body = json!({ "customer_name": "Northwind Labs", "external_id": "CRM-1" });
    let northwind = app.post("/customers", body).await.ok().id();
    let contoso = customer(app, "Contoso").await;
    let one = draft(app, &northwind, 10).await.id();
    approve(app, &one).await.ok();
    let invoice = |currency: &str, amount: f64, external_id: &str| {
        json!({ "customer_id": contoso, "currency": currency, "external_id": external_id, "tags": ["late"],
            "lines": [{ "name": "A", "unit_amount": amount }] })
    };
    let two = app
        .post("/invoices", invoice("USD", 20.5, "X-2"))
        .await
        .ok()
        .id();
    let three = app
        .post("/invoices", invoice("JPY", 30.0, "X-3"))
        .await
        .ok()
        .id();
    [one, two, three]
}

both! {
    async fn invoices_are_filtered(app) {
        let ids = three(&app).await;
        for (query, expected) in [
            ("", "321"),
            ("status=draft", "32"),
            ("status__in=approved,paid", "1"),
            ("status=upcoming", ""),
            ("customer__external_id=CRM-1", "1"),
            ("customer__customer_name__ilike=north", "1"),
            ("external_id=X-2", "2"),
            ("external_id__isnull=true", "1"),
            ("invoice_number__like=INV", "1"),
            ("invoice_number__isnull=true", "32"),
            ("invoice_total__gte=20.5", "32"),
            ("invoice_total__gt=20.5", "3"),
            ("invoice_total__lte=20.499", "1"),
            ("invoice_total=30", "3"),
            ("invoice_total=30.001", ""),
            ("invoice_total__in=10,30", "31"),
            ("amount_due__lte=10", "1"),
            ("due_date__gte=2026-02-04", "1"),
            ("due_date__gte=2026-02-04T00:00:00", "1"),
            ("due_date__lte=2026-02-03", ""),
            ("created_at__gte=2026-01-05", "321"),
            ("created_at__lte=2026-01-04", ""),
            ("currency=JPY", "3"),
            ("tags=late", "32"),
            ("search=invoice_number=inv-0", "1"),
            ("order=invoice_total&currency=USD", "12"),
            ("order=due_date", "123"),
        ] {
            let answer = app.get(&format!("/invoices/internal?{query}")).await.ok();
            let results = answer.at("/results").as_array().unwrap().iter();
            let found: String = results
                .map(|result| ids.iter().position(|id| result["id"] == *id).unwrap() + 1)
                .map(|position| position.to_string())
                .collect();
            let [mut found, mut expected] = [found, expected.to_owned()].map(String::into_bytes);
            if !query.contains("order") {
                found.sort_unstable();
                expected.sort_unstable();
            }
            assert_eq!(found, expected, "{query}");
        }
    }

    async fn pages_follow_each_other(app) {
        three(&app).await;
        for order in ["-created_at", "invoice_total", "-amount_due", "due_date", "id"] {
            let mut seen = Vec::new();
            let mut path = format!("/invoices?limit=1&order={order}");
            loop {
                let page = app.get(&path).await.ok();
                seen.push(page.text("/results/0/id").to_owned());
                let Some(next) = page.at("/next").as_str() else {
                    break;
                };
                path = format!("/invoices?limit=1&order={order}&cursor={next}");
            }
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 3, "{order}");
        }
    }

    async fn a_filter_that_cannot_be_read_is_named(app) {
        for query in ["invoice_total__gte=much", "status=lost", "due_date__gte=soon", "customer_id=7",
            "amount_due=99999999999999999999"] {
            let answer = app.get(&format!("/invoices?{query}")).await;
            assert_eq!(answer.status, 422, "{query}");
        }
    }
}
