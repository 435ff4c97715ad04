//! `florin` with its subcommands, on their own and beside a running server.

use serde_json::{Value, json};

use crate::{
    http::Signature,
    installation::{Installation, Server},
};

fn status(server: &Server, signature: &Signature) -> u16 {
    let answer = server.connect(signature).get("/customers");
    answer.unwrap().status
}

#[test]
fn an_organisation_made_beside_a_running_server_can_sign_at_once() {
    let florin = Installation::new();
    let server = florin.serve();
    let signature = florin.organisation();
    let body = json!({ "customer_name": "Northwind" });
    let created = server.connect(&signature).post("/customers", &body);
    assert_eq!(created.unwrap().status, 200);
    assert_eq!(florin.json(&["org", "list"])[0]["name"], "Test");
}

#[test]
fn a_key_is_created_listed_and_revoked_beside_a_running_server() {
    let florin = Installation::new();
    let server = florin.serve();
    let Signature { organisation, .. } = florin.organisation();
    let of = ["--organisation", organisation.as_str()];

    let create = |name: &str| {
        let created = florin.json(&[&["key", "create", "--name", name], &of[..]].concat());
        let signature = Signature {
            organisation: organisation.clone(),
            key: text(&created["api_key"]),
        };
        (signature, text(&created["id"]))
    };
    let (second, _) = create("second");
    // The server has not seen it and so believes nothing of it.
    let (unused, id) = create("unused");
    assert_eq!(status(&server, &second), 200);

    let listed = florin.json(&[&["key", "list"], &of[..]].concat());
    let names: Vec<String> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|key| text(&key["name"]))
        .collect();
    assert!(names.contains(&"second".to_owned()), "{names:?}");
    assert!(
        !listed.to_string().contains(&second.key),
        "a secret is shown once"
    );

    let revoked = florin.json(&[&["key", "revoke", &id], &of[..]].concat());
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    assert_eq!(status(&server, &unused), 401);
    assert_eq!(status(&server, &second), 200);
}

#[test]
fn a_person_reads_how_to_use_a_new_organisation() {
    let printed = Installation::new().run(&["org", "create", "Northwind"]);
    assert!(printed.succeeded, "{printed:?}");
    for words in ["Organisation Northwind", "API key  florin_", "curl http://"] {
        assert!(printed.result.contains(words), "{printed:?}");
    }
}

#[test]
fn an_unknown_organisation_or_key_is_named() {
    let florin = Installation::new();
    let nobody = "00000000-0000-7000-8000-000000000001";
    let create = florin.run(&["key", "create", "--organisation", nobody]);
    let revoke = florin.run(&["key", "revoke", "--organisation", nobody, nobody]);
    let zone = florin.run(&["org", "create", "Test", "--time-zone", "Mars/Olympus"]);
    let cases = [
        (create, "organisation"),
        (revoke, "api key"),
        (zone, "zone"),
    ];
    for (printed, words) in cases {
        assert!(
            !printed.succeeded && printed.complaint.contains(words),
            "{printed:?}"
        );
        assert!(printed.result.is_empty(), "{printed:?}");
    }
}

#[test]
fn migrate_can_be_repeated_and_names_the_version() {
    let florin = Installation::new();
    let first = florin.json(&["migrate"]);
    assert!(first["version"].as_i64().unwrap() > 0, "{first}");
    assert_eq!(florin.json(&["migrate"]), first);
}

#[test]
fn doctor_finds_nothing_wrong_on_an_empty_folder() {
    let florin = Installation::new();
    let found = florin.json(&["doctor"]);
    assert_eq!(found["healthy"], true, "{found}");
    let checks = found["checks"].as_array().unwrap();
    let subjects: Vec<String> = checks.iter().map(|check| text(&check["subject"])).collect();
    assert_eq!(
        subjects,
        [
            "version",
            "data folder",
            "database",
            "clock",
            "organisations"
        ]
    );
}

#[test]
fn doctor_says_what_is_wrong() {
    let florin = Installation::new();
    std::fs::create_dir_all(florin.data_dir()).unwrap();
    std::fs::write(
        florin.data_dir().join("florin.db"),
        "no database".repeat(100),
    )
    .unwrap();
    let printed = florin.run(&["doctor"]);
    assert!(!printed.succeeded, "{printed:?}");
    assert!(printed.result.contains("WRONG database"), "{printed:?}");
    assert!(printed.result.contains("not a database"), "{printed:?}");
}

#[test]
fn help_lists_every_setting_and_command() {
    let florin = Installation::new();
    let help = florin.run(&["serve", "--help"]).result;
    for setting in settings() {
        let variable = format!("FLORIN_{}", setting.to_uppercase());
        assert!(
            help.contains(&variable),
            "`florin serve --help` lacks {variable}:\n{help}"
        );
    }
    let help = florin.bare(&["--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for command in ["serve", "org", "key", "import", "migrate", "doctor"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
}

/// The names that the example file explains.
fn settings() -> Vec<String> {
    let example = include_str!("../../../../florin.example.toml");
    let lines = example.lines().filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn the_example_file_is_a_configuration() {
    let florin = Installation::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../florin.example.toml");
    assert_eq!(florin.json(&["doctor", "--config", file])["healthy"], true);
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}
