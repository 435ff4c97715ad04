//! The server keeps what its OpenAPI document promises: schemathesis, a fuzzer that reads the document,
//! sends what it allows and what it forbids, and compares the answers with it.
//!
//! It comes from PyPI, in the versions of `tests/schemathesis/requirements.txt`.

use std::{process::Command, thread};

use florin_testkit::{Document, Operation};

use crate::{
    http::Signature,
    installation::{Installation, Printed, Server},
    python,
};

const REQUIREMENTS: &str = include_str!("../schemathesis/requirements.txt");
/// What is compared with the document.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,negative_data_rejection";
/// Random requests for each operation, besides those that the document itself suggests.
const EXAMPLES_MAX: &str = "12";
const SEED: &str = "20260131";

/// Two fuzzers, because it is the fuzzer, not the server, that is slow. The second also tries the bounds
/// of every field. Lists and whatever has prices in its body are left out of that: they have so many
/// parameters and shapes that it would take half an hour, and the API's own tests try their bounds.
const PHASES: [&str; 2] = ["examples,fuzzing", "examples,coverage,fuzzing"];
/// The schema of a price's data.
const PRICES: &str = "PricingData";

/// Which of the fuzzers takes the operation.
fn fuzzer_of(document: &Document, operation: &Operation<'_>) -> usize {
    let is_wide = operation.method == "get" || document.body_reaches(operation, PRICES);
    usize::from(!is_wide)
}

#[test]
fn a_fuzzer_that_reads_the_document_finds_nothing() {
    let schemathesis = python::environment("schemathesis", REQUIREMENTS).join("schemathesis");
    let florin = Installation::new();
    let signature = florin.organisation();
    let server = florin.serve();
    seed(&server, &signature);

    let document = Document::default();
    let mut operations = document.operations();
    // The deprecated paths have the same handlers.
    operations.retain(|operation| !operation.is_deprecated());
    thread::scope(|scope| {
        for (fuzzer, phases) in PHASES.into_iter().enumerate() {
            let share: Vec<&str> = operations
                .iter()
                .filter(|operation| fuzzer_of(&document, operation) == fuzzer)
                .map(|operation| operation.says["operationId"].as_str().unwrap())
                .collect();
            let mut command = Command::new(&schemathesis);
            command.current_dir(florin.folder());
            configure(&mut command, &server, &signature);
            command.args(["--phases", phases]);
            command.args(share.iter().flat_map(|id| ["--include-operation-id", id]));
            scope.spawn(move || fuzz(command, &share));
        }
    });
}

fn configure(command: &mut Command, server: &Server, signature: &Signature) {
    let Signature { organisation, key } = signature;
    command.env("NO_COLOR", "1");
    command.args(["run", &format!("http://{}/openapi.json", server.address)]);
    command.args(["-H", &format!("x-api-key: {key}")]);
    command.args(["-H", &format!("organisation: {organisation}")]);
    command.args(["--checks", CHECKS]);
    command.args([
        "--max-examples",
        EXAMPLES_MAX,
        "--seed",
        SEED,
        "--continue-on-failure",
    ]);
    // One worker: with several, Python 3.11 now and then fails at parsing its own source.
    command.args(["--workers", "1", "--generation-database", "none"]);
}

/// Runs a fuzzer, which must try each of the operations and find nothing.
fn fuzz(mut command: Command, operations: &[&str]) {
    let printed = Printed::from(command.output().unwrap());
    let Printed {
        result, complaint, ..
    } = &printed;
    assert!(printed.succeeded, "{result}\n{complaint}");
    let tried = format!("Tested: {}\n", operations.len());
    assert!(
        result.contains(&tried),
        "not every operation was tried:\n{result}"
    );
    let last = result.lines().rfind(|line| line.contains("generated"));
    println!(
        "{} operations:{}",
        operations.len(),
        last.unwrap_or_default()
    );
}

/// One row of each resource that the document's own examples make without another.
fn seed(server: &Server, signature: &Signature) {
    let document = Document::default();
    let mut client = server.connect(signature);
    let creates = document.operations().into_iter().filter(|operation| {
        operation.method == "post" && !operation.path.contains('{') && !operation.is_deprecated()
    });
    for operation in creates {
        let body = document.body(&operation).unwrap_or_default();
        let answer = client.post(operation.path, &body).unwrap();
        assert!(answer.status < 500, "{operation}: {answer:?}");
    }
}
