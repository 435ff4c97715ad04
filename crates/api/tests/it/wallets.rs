//! `/customers/{customer_id}/wallets`.

use expect_test::expect;
use florin_testkit::{TestApp, both};
use serde_json::{Value, json};

async fn customer(app: &TestApp) -> String {
    app.post("/customers", json!({ "customer_name": "Northwind" }))
        .await
        .ok()
        .id()
}

fn adjustment(kind: &str, amount: i64, currency: &str) -> Value {
    json!({ "type": kind, "amount": amount, "currency": currency })
}

/// The balances, as `EUR 1 USD 2`.
async fn balances(app: &TestApp, wallets: &str) -> String {
    let answer = app.get(wallets).await.ok();
    let rows = answer.at("/results").as_array().unwrap();
    let shown = rows
        .iter()
        .map(|row| format!("{} {}", row["currency"].as_str().unwrap(), row["balance"]));
    shown.collect::<Vec<_>>().join(" ")
}

both! {
    async fn what_is_added_can_be_taken_and_every_entry_stays(app) {
        let wallets = format!("/customers/{}/wallets", customer(&app).await);
        let adjustments = format!("{wallets}/adjustments");
        assert_eq!(balances(&app, &wallets).await, "");
        let mut given = adjustment("credit", 2_500, "USD");
        given["description"] = json!("Compensation");
        let entry = app.post(&adjustments, given).await;
        expect![[r#"
            200
            {
              "amount": 2500,
              "balance": 2500,
              "created_at": "2026-01-05T10:00:00Z",
              "currency": "USD",
              "customer_id": "00000000-0000-7000-8000-000000000005",
              "description": "Compensation",
              "id": "00000000-0000-7000-8000-000000000008",
              "sequence": 1,
              "source_id": null,
              "type": "manual_credit"
            }"#]].assert_eq(&entry.to_string());
        app.post(&adjustments, adjustment("debit", 700, "usd")).await.ok();
        app.post(&adjustments, adjustment("credit", 5, "JPY")).await.ok();
        assert_eq!(balances(&app, &wallets).await, "JPY 5 USD 1800");
        for (query, expected) in [
            ("order=sequence&currency=USD", json!([[1, 2_500, 2_500], [2, -700, 1_800]])),
            ("currency__ilike=jp", json!([[1, 5, 5]])),
            ("type=manual_debit", json!([[2, -700, 1_800]])),
            ("amount__lt=0", json!([[2, -700, 1_800]])),
            ("search=currency=usd&sort_key=amount&sort_type=asc&limit=1", json!([[2, -700, 1_800]])),
        ] {
            let answer = app.get(&format!("{wallets}/entries?{query}")).await.ok();
            let rows = answer.at("/results").as_array().unwrap().iter();
            let shown: Vec<Value> = rows.map(|row| json!([row["sequence"], row["amount"], row["balance"]])).collect();
            assert_eq!(json!(shown), expected, "{query}");
        }
    }

    async fn nobody_takes_more_than_there_is(app) {
        let wallets = format!("/customers/{}/wallets", customer(&app).await);
        let adjustments = format!("{wallets}/adjustments");
        app.post(&adjustments, adjustment("credit", 100, "EUR")).await.ok();
        for (amount, currency) in [(101, "EUR"), (1, "USD")] {
            let answer = app.post(&adjustments, adjustment("debit", amount, currency)).await;
            assert_eq!((answer.status, answer.text("/code")), (400, "WALLET_BALANCE_TOO_LOW"));
        }
        assert_eq!(balances(&app, &wallets).await, "EUR 100");
    }

    async fn every_bad_field_is_named(app) {
        let adjustments = format!("/customers/{}/wallets/adjustments", customer(&app).await);
        let answer = app.post(&adjustments, json!({ "type": "gift", "amount": 0 })).await;
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "currency"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "amount"
                  ],
                  "msg": "at least 1",
                  "type": "value_error.number.not_ge"
                },
                {
                  "loc": [
                    "body",
                    "type"
                  ],
                  "msg": "value is not one of [\"credit\",\"debit\"]",
                  "type": "type_error.enum"
                }
              ]
            }"#]].assert_eq(&answer.to_string());
        let answer = app.post(&adjustments, adjustment("credit", 1, "XYZ")).await;
        assert_eq!((answer.status, answer.at("/detail/0/loc/1")), (422, &json!("currency")));
    }

    async fn fifty_debits_at_once_never_overdraw(app) {
        let wallets = format!("/customers/{}/wallets", customer(&app).await);
        let adjustments = format!("{wallets}/adjustments");
        app.post(&adjustments, adjustment("credit", 1_000, "USD")).await.ok();
        let debit = adjustment("debit", 70, "USD");
        let requests = (0..50).map(|_| app.post(&adjustments, debit.clone()));
        let answers = futures_util::future::join_all(requests).await;
        let taken = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(taken, 14, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        assert_eq!(balances(&app, &wallets).await, "USD 20");
        let entries = app.get(&format!("{wallets}/entries?limit=100&order=sequence")).await.ok();
        let rows = entries.at("/results").as_array().unwrap();
        let mut balance = 0;
        for (row, number) in rows.iter().zip(1..) {
            balance += row["amount"].as_i64().unwrap();
            assert_eq!((row["sequence"].as_i64(), row["balance"].as_i64()), (Some(number), Some(balance)));
        }
        assert_eq!((rows.len(), balance), (15, 20));
    }

    async fn a_customer_whose_money_moved_stays(app) {
        let id = customer(&app).await;
        let adjustments = format!("/customers/{id}/wallets/adjustments");
        app.post(&adjustments, adjustment("credit", 1, "USD")).await.ok();
        let answer = app.delete(&format!("/customers/{id}")).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "CUSTOMER_HAS_PAYMENTS"));
    }
}
