//! Where a setting comes from, and what is said of a bad one.

use crate::installation::Installation;

/// What `serve` complains of. Only ever called with settings under which it cannot serve.
fn complaint(florin: &Installation, arguments: &[&str]) -> String {
    let printed = florin.run(&[&["serve"], arguments].concat());
    assert!(!printed.succeeded, "{printed:?}");
    printed.complaint
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let florin = Installation::new();
    florin.configure("listen = \"of-the-file\"");
    let heard = complaint(&florin, &[]);
    assert!(
        heard.contains("of-the-file cannot be listened on"),
        "{heard}"
    );

    let florin = florin.with("FLORIN_LISTEN", "of-the-environment");
    let heard = complaint(&florin, &[]);
    assert!(
        heard.contains("of-the-environment cannot be listened on"),
        "{heard}"
    );

    let heard = complaint(&florin, &["--listen", "of-the-command-line"]);
    assert!(
        heard.contains("of-the-command-line cannot be listened on"),
        "{heard}"
    );
}

#[test]
fn a_named_file_replaces_the_one_in_the_data_folder() {
    let florin = Installation::new();
    florin.configure("listen = \"of-the-folder\"");
    let named = florin.folder().join("named.toml");
    std::fs::write(&named, "listen = \"of-the-named-file\"").unwrap();
    let heard = complaint(&florin, &["--config", named.to_str().unwrap()]);
    assert!(
        heard.contains("of-the-named-file cannot be listened on"),
        "{heard}"
    );
}

#[test]
fn the_data_folder_can_be_named_by_the_environment() {
    let florin = Installation::new();
    let elsewhere = florin.folder().join("elsewhere");
    let florin = florin.with("FLORIN_DATA_DIR", elsewhere.to_str().unwrap());
    let made = florin.bare(&["migrate"]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    assert!(elsewhere.join("florin.db").is_file());
}

#[test]
fn a_bad_setting_is_named() {
    let cases = [
        ("lissten = \"127.0.0.1:0\"", "lissten"),
        ("rate_limit = \"many\"", "rate_limit"),
        ("rate_limit = -1", "rate_limit"),
        ("listen = 8080", "listen"),
        ("listen = ", "florin.toml"),
        ("log = \"florin=deafening\"", "florin=deafening"),
        ("database_url = \"mysql://localhost/florin\"", "mysql"),
        (
            "database_url = \"postgres://127.0.0.1:1/florin\"",
            "the database cannot be opened",
        ),
    ];
    for (setting, named) in cases {
        let florin = Installation::new();
        florin.configure(setting);
        let heard = complaint(&florin, &["--listen", "nowhere"]);
        assert!(heard.contains(named), "{setting}: {heard}");
    }
}

#[test]
fn a_bad_variable_is_named() {
    let cases = [
        ("FLORIN_RATE_LIMIT", "many", "RATE_LIMIT"),
        ("FLORIN_LISSTEN", "x", "lissten"),
    ];
    for (variable, value, named) in cases {
        let florin = Installation::new().with(variable, value);
        let heard = complaint(&florin, &["--listen", "nowhere"]);
        assert!(heard.contains(named), "{variable}: {heard}");
    }
}

#[test]
fn a_missing_file_or_a_folder_that_cannot_be_made_is_named() {
    let florin = Installation::new();
    let heard = complaint(&florin, &["--config", "missing.toml"]);
    assert!(heard.contains("missing.toml"), "{heard}");

    std::fs::write(florin.data_dir(), "a file").unwrap();
    let heard = complaint(&florin, &[]);
    assert!(heard.contains("data folder"), "{heard}");
}
