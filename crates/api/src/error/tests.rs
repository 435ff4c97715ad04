//! Answers that no request can provoke at will.

use axum::{
    http::{HeaderValue, header},
    response::IntoResponse,
};
use florin_store::Error as Store;
use serde_json::{Value, json};

use super::*;

async fn answered(error: Error) -> (u16, Value, Option<HeaderValue>) {
    let response = error.into_response();
    let status = response.status().as_u16();
    let wait = response.headers().get(header::RETRY_AFTER).cloned();
    let bytes = axum::body::to_bytes(response.into_body(), 1024).await;
    (
        status,
        serde_json::from_slice(&bytes.unwrap()).unwrap(),
        wait,
    )
}

#[tokio::test]
async fn a_busy_database_is_said_to_be_busy_and_when_to_ask_again() {
    let (status, body, wait) = answered(Store::Busy.into()).await;
    assert_eq!((status, &body["code"]), (503, &json!("DATABASE_BUSY")));
    assert_eq!(wait, Some(HeaderValue::from(1)));
}

#[tokio::test]
async fn a_fault_of_ours_keeps_its_cause_to_itself() {
    let (column, reason) = ("tax_info".to_owned(), "secret detail".to_owned());
    let (status, body, _) = answered(Store::Corrupt { column, reason }.into()).await;
    assert_eq!((status, &body["code"]), (500, &json!("INTERNAL")));
    assert!(!body.to_string().contains("secret detail"), "{body}");
}

#[tokio::test]
async fn a_panic_is_a_fault_of_ours() {
    let response = panicked(Box::new("secret detail"));
    assert_eq!(response.status().as_u16(), 500);
}

#[test]
fn a_code_stands_once_in_the_table() {
    for row in CODES {
        let count = CODES.iter().filter(|other| other.code == row.code).count();
        assert_eq!(count, 1, "{}", row.code);
    }
}
