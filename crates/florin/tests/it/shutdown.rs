//! SIGTERM: what was begun is finished, nothing new is begun.

use std::{
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::installation::{Installation, Server};

/// How long the listening socket may stay open after the signal.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(30);

#[test]
fn a_request_in_flight_is_finished() {
    let florin = Installation::new();
    let signature = florin.organisation();
    let server = florin.serve();
    let mut client = server.connect(&signature);
    let body = r#"{"customer_name": "In flight"}"#;
    let headers = format!("content-length: {}\r\nexpect: 100-continue\r\n", body.len());
    client
        .write(&client.head("POST", "/customers", &headers))
        .unwrap();
    // The server asks for the body when its handler runs: from here the request is in flight.
    assert_eq!(client.line().unwrap(), "HTTP/1.1 100 Continue");
    assert_eq!(client.line().unwrap(), "");

    server.terminate();
    wait_until_nothing_new_is_accepted(&server);
    client.write(body).unwrap();
    let answer = client.answer().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");

    let (ended_well, log) = server.ended();
    assert!(ended_well && log.contains("Florin has stopped."), "{log}");
    let kept = florin
        .serve()
        .connect(&signature)
        .get(&format!("/customers/{}", answer.id()));
    assert_eq!(kept.unwrap().status, 200);
}

#[test]
fn an_idle_connection_does_not_hold_the_server() {
    let florin = Installation::new();
    let signature = florin.organisation();
    let server = florin.serve();
    let mut idle = server.connect(&signature);
    assert_eq!(idle.get("/customers").unwrap().status, 200);
    server.terminate();
    let (ended_well, log) = server.ended();
    assert!(ended_well, "{log}");
}

fn wait_until_nothing_new_is_accepted(server: &Server) {
    let begun = Instant::now();
    while TcpStream::connect(server.address).is_ok() {
        assert!(begun.elapsed() < CLOSING_TIMEOUT, "still accepts");
        thread::sleep(Duration::from_millis(5));
    }
}
