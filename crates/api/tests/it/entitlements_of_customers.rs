//! `/entitlements/customer/{customer_id}`: every parameter and field of the reference's page of this list.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

use crate::entitlements::{calls, customer, grant};

/// Quantities of the rows.
fn quantities(answer: &Answer) -> String {
    let rows = answer.at("/results").as_array().unwrap().iter();
    let shown: Vec<String> = rows.map(|row| row["quantity"].to_string()).collect();
    shown.join(" ")
}

async fn list(app: &TestApp, customer: &str, query: &str) -> Answer {
    app.get(&format!("/entitlements/customer/{customer}?{query}"))
        .await
}

/// Grants of 1 (over), 2 (to the year's end), 3 (for ever) and 4 (a draft) units.
async fn four(app: &TestApp, entitlement: &str, customer: &str) {
    for more in [
        json!({ "quantity": 1, "active_from": "2025-01-01", "expiry_at": "2026-01-05T10:00:00Z" }),
        json!({ "quantity": 2, "quantity_used": 1, "expiry_at": "2027-01-01" }),
        json!({ "quantity": 3, "event": "Invoice", "source_type": "Promotion" }),
        json!({ "quantity": 4, "status": "draft", "active_from": "2026-03-01" }),
    ] {
        grant(app, entitlement, customer, more).await.ok();
    }
}

both! {
    async fn a_row_has_every_field_of_the_reference(app) {
        let product = app.post("/products", json!({ "name": "Platform", "type": "product" })).await.ok().id();
        let body = json!({ "name": "API calls", "units": "call", "product_id": product });
        let entitlement = app.post("/entitlements", body).await.ok().id();
        let customer = customer(&app, "northwind").await;
        let price = json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 9 } });
        let contract = json!({ "name": "Agreement", "currency": "USD", "customer_id": customer,
            "start_date": "2026-01-01", "phases": [{ "name": "Only",
                "pricings": [{ "product_id": product, "pricing": price }] }] });
        let contract = app.post("/contract_v2", contract).await.ok().id();
        let invoice = json!({ "customer_id": customer, "currency": "USD",
            "lines": [{ "name": "Fee", "unit_amount": 5 }] });
        let invoice = app.post("/invoices", invoice).await.ok().id();
        let more = json!({ "quantity": 123, "quantity_used": 23, "expiry_at": "2026-11-07T05:31:56Z",
            "active_from": "2025-11-07T05:31:56Z", "contract_id": contract, "invoice_id": invoice,
            "source_id": product, "event": "Manual" });
        grant(&app, &entitlement, &customer, more).await.ok();
        let answer = list(&app, &customer, "").await;
        let ids = [&entitlement, &customer, &contract, &invoice, &product];
        let words = ["entitlement", "customer", "contract", "invoice", "product"];
        let mut shown = answer.to_string();
        for (id, word) in ids.into_iter().zip(words) {
            shown = shown.replace(id.as_str(), &format!("<{word}>"));
        }
        shown = shown.replace(answer.text("/results/0/id"), "<id>");
        expect![[r#"
            200
            {
              "next": null,
              "previous": null,
              "results": [
                {
                  "active_from": "2025-11-07T05:31:56Z",
                  "contract": {
                    "email": null,
                    "id": "<contract>",
                    "name": "Agreement"
                  },
                  "contract_id": "<contract>",
                  "created_at": "2026-01-05T10:00:00Z",
                  "customer": "<customer>",
                  "entitlement": "<entitlement>",
                  "event": "Manual",
                  "expiry_at": "2026-11-07T05:31:56Z",
                  "id": "<id>",
                  "invoice": {
                    "email": null,
                    "id": "<invoice>",
                    "name": null
                  },
                  "invoice_id": "<invoice>",
                  "name": "API calls",
                  "product": {
                    "email": null,
                    "id": "<product>",
                    "name": "Platform"
                  },
                  "quantity": 123,
                  "quantity_remaining": 100,
                  "quantity_used": 23,
                  "source_id": "<product>",
                  "source_type": "Grant",
                  "status": "active",
                  "type": "Quantity",
                  "units": "call"
                }
              ],
              "total_count": 1
            }"#]].assert_eq(&shown);
        let populated = list(&app, &customer, "populate=customer,contract").await.ok();
        assert_eq!(populated.at("/results/0/customer_details"), &json!({ "id": customer,
            "name": "northwind", "email": "northwind@example.org" }));
        assert_eq!(populated.text("/results/0/customer"), customer);
        app.patch(&format!("/invoices/{invoice}/approve"), json!({})).await.ok();
        let approved = list(&app, &customer, "").await.ok();
        assert_eq!(approved.text("/results/0/invoice/name"),
            app.get(&format!("/invoices/{invoice}")).await.ok().text("/invoice_number"));
    }

    async fn every_parameter_narrows_or_sorts(app) {
        let (entitlement, customer_id) = (calls(&app).await, customer(&app, "northwind").await);
        four(&app, &entitlement, &customer_id).await;
        let other = customer(&app, "other").await;
        grant(&app, &entitlement, &other, json!({ "quantity": 9 })).await.ok();
        for (query, expected) in [
            ("", "4 3 2 1"),
            ("status=draft", "4"),
            ("status=draft,active", "4 3 2"),
            ("status=draft&status=expired", "4 1"),
            ("status=expired", "1"),
            ("status=active", "3 2"),
            ("sort_key=quantity&sort_type=asc", "1 2 3 4"),
            ("sort_key=expiry_at&sort_type=asc", "1 2 3 4"),
            ("sort_key=active_from&sort_type=DESC", "4 3 2 1"),
            ("sort_key=quantity_used&sort_type=desc&limit=1", "2"),
            ("order=quantity", "1 2 3 4"),
            ("search=event=invoice", "3"),
            ("search=source_type=promo,name=api", "3"),
            ("search=quantity=2", "2"),
            ("search=units=call,type=quant", "4 3 2 1"),
            ("name__ilike=api", "4 3 2 1"),
            ("type=Feature", ""),
            ("quantity__gte=2&quantity__lt=4", "3 2"),
            ("quantity_used__gt=0", "2"),
            ("expiry_at__lt=2026-06-01", "1"),
            ("expiry_at__isnull=true", "4 3"),
            ("active_from__gte=2026-02-01", "4"),
            ("contract_id__isnull=false", ""),
            ("limit=2&offset=1", "3 2"),
        ] {
            let answer = list(&app, &customer_id, query).await.ok();
            assert_eq!(quantities(&answer), expected, "{query}");
        }
    }

    async fn cursors_walk_the_pages_both_ways(app) {
        let (entitlement, customer) = (calls(&app).await, customer(&app, "northwind").await);
        four(&app, &entitlement, &customer).await;
        // By their end, those without one last.
        let order = "sort_key=expiry_at&sort_type=asc&limit=3";
        let first = list(&app, &customer, order).await.ok();
        assert_eq!((quantities(&first).as_str(), first.at("/total_count")), ("1 2 3", &json!(4)));
        assert_eq!(first.at("/previous"), &Value::Null);
        let next = first.text("/next").to_owned();
        let second = list(&app, &customer, &format!("{order}&cursor={next}")).await.ok();
        assert_eq!((quantities(&second).as_str(), second.at("/next")), ("4", &Value::Null));
        let previous = second.text("/previous").to_owned();
        let back = list(&app, &customer, &format!("{order}&cursor={previous}")).await.ok();
        assert_eq!(quantities(&back), "1 2 3");
    }

    async fn bad_parameters_are_named(app) {
        let customer = customer(&app, "northwind").await;
        for (query, parameter) in [
            ("status=gone", "status"),
            ("populate=wallet", "populate"),
            ("sort_key=name", "sort_key"),
            ("sort_type=up", "sort_type"),
            ("limit=0", "limit"),
            ("cursor=x", "cursor"),
            ("search=nothing", "search"),
            ("quantity__gte=many", "quantity__gte"),
        ] {
            let answer = list(&app, &customer, query).await;
            assert_eq!((answer.status, answer.text("/detail/0/loc/1")), (422, parameter), "{query}");
        }
        let nobody = "00000000-0000-7000-8000-00000000ffff";
        assert_eq!(list(&app, nobody, "").await.status, 404);
    }

    async fn sums_are_of_each_entitlement(app) {
        let (entitlement, customer_id) = (calls(&app).await, customer(&app, "northwind").await);
        four(&app, &entitlement, &customer_id).await;
        let gold = app.post("/entitlements", json!({ "name": "Gold", "entitlement_type": "Feature" })).await.ok().id();
        grant(&app, &gold, &customer_id, json!({})).await.ok();
        let unique = format!("/entitlements/customer/unique/{customer_id}");
        let answer = app.get(&unique).await.ok();
        let rows = answer.at("/results").as_array().unwrap().iter();
        let shown: Vec<Value> = rows.map(|row| json!([row["entitlement"]["name"], row["total_quantity"],
            row["total_quantity_used"], row["total_expired_entitlements"]])).collect();
        // 1 + 2 + 3 + 4 = 10
        assert_eq!(json!(shown), json!([["API calls", 10, 1, 1], ["Gold", 0, 0, 0]]));
        let narrowed = app.get(&format!("{unique}?quantity__gte=3")).await.ok();
        assert_eq!(narrowed.at("/results/0/total_quantity"), 7);
        let total = format!("/entitlements/{entitlement}/customer/{customer_id}/total");
        for (query, quantity) in [
            // Drafts do not count: 1 + 2 + 3.
            ("", 6),
            // 2026-02-01 on: the grant of 1 is over.
            ("start_date=1769904000", 5),
            // Up to 2025-12-31: only the grant of 1 has begun.
            ("end_date=2025-12-31", 1),
            ("start_date=1767225600&end_date=1798761600", 6),
        ] {
            let answer = app.get(&format!("{total}?{query}")).await.ok();
            assert_eq!(answer.body, json!({ "entitlement": entitlement, "customer": customer_id,
                "quantity": quantity }), "{query}");
        }
        assert_eq!(app.get(&format!("{total}?start_date=soon")).await.status, 422);
    }

    async fn balances_are_of_all_customers(app) {
        let (entitlement, one, other) =
            (calls(&app).await, customer(&app, "one").await, customer(&app, "other").await);
        four(&app, &entitlement, &one).await;
        grant(&app, &entitlement, &other, json!({ "quantity": 9, "quantity_used": 8 })).await.ok();
        for (query, expected) in [
            ("sort_type=asc", "1 2 3 4 9".to_owned()),
            ("quantity_used__gte=8", "9".to_owned()),
            (&format!("customer__in={one},{other}&status=active"), "9 3 2".to_owned()),
            (&format!("customer={other}"), "9".to_owned()),
            (&format!("entitlement__in={entitlement}&limit=1"), "9".to_owned()),
        ] {
            let answer = app.get(&format!("/entitlements/balances?{query}")).await.ok();
            assert_eq!(quantities(&answer), expected, "{query}");
        }
        assert_eq!(app.get("/entitlements/balances?limit=101").await.status, 422);
    }
}
