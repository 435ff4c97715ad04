//! One test for each rule. A failure lists every offender and says what to do.

use std::{collections::BTreeSet, fs};

use crate::source::{self, Source};

/// Which crate may depend on which (DESIGN §2). Left may not know right.
const EDGES: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("store", &["core"]),
    ("app", &["core", "store"]),
    ("api", &["core", "store", "app"]),
    ("usage", &["core", "store", "app"]),
    ("gateway", &["core", "app"]),
    ("document", &["core", "app"]),
    (
        "florin",
        &[
            "core", "store", "app", "api", "usage", "gateway", "document",
        ],
    ),
    ("testkit", &["core", "store", "app", "api"]),
    ("tidy", &[]),
];

/// Lines of a file at most. Longer ones hide two things in one.
const FILE_LINES_MAX: usize = 600;

/// Files that are longer, with their length: they may shrink, not grow.
const LONGER: &[(&str, usize)] = &[];

/// File and folder names that say nothing (DESIGN §2).
const EMPTY_NAMES: &[&str] = &[
    "models", "utils", "util", "helpers", "services", "common", "manager", "misc",
];

/// Names that a library's trait demands.
const OF_LIBRARIES: &[&str] = &["get_opts"];

/// A text that may stand in some files only, with the reason.
const CONFINED: &[(&str, &[&str], &str)] = &[
    (
        "AssertSqlSafe",
        &["crates/store/src/tx.rs", "crates/testkit/src/"],
        "SQL is built",
    ),
    (
        "StatusCode",
        &["crates/api/src/error/response.rs"],
        "one file knows statuses",
    ),
    (
        "Backend::Postgres =>",
        &["crates/store/"],
        "differences live in `dialect`",
    ),
];

fn report(rule: &str, offenders: &[String]) {
    assert!(
        offenders.is_empty(),
        "{rule}:\n  {}",
        offenders.join("\n  ")
    );
}

#[test]
fn crates_know_only_what_stands_left_of_them() {
    let mut offenders = Vec::new();
    for (krate, allowed) in EDGES {
        let manifest = source::root().join("crates").join(krate).join("Cargo.toml");
        let Ok(text) = fs::read_to_string(manifest) else {
            continue;
        };
        let dependencies = section(&text, "[dependencies]");
        for line in dependencies
            .lines()
            .filter_map(|line| line.strip_prefix("florin-"))
        {
            let known = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if !allowed.contains(&known) {
                offenders.push(format!("{krate} depends on {known}"));
            }
        }
    }
    report("an edge that ARCHITECTURE.md does not draw", &offenders);
}

#[test]
fn every_crate_is_in_the_table_of_edges() {
    let known: BTreeSet<&str> = EDGES.iter().map(|(krate, _)| *krate).collect();
    let files = source::rust();
    let found: BTreeSet<&str> = files.iter().map(Source::krate).collect();
    let missing: Vec<String> = found
        .difference(&known)
        .map(|krate| (*krate).to_owned())
        .collect();
    report("a crate that EDGES does not name", &missing);
}

#[test]
fn versions_stand_in_the_workspace_table_only() {
    let mut offenders = Vec::new();
    for file in source::files("toml") {
        let is_manifest = file.name() == "Cargo.toml" && file.path.starts_with("crates/");
        if !is_manifest || file.path.contains("/fuzz/") {
            continue;
        }
        for table in [
            "[dependencies]",
            "[dev-dependencies]",
            "[build-dependencies]",
        ] {
            let lines = section(&file.text, table).lines();
            let with_version = lines.filter(|line| {
                line.contains("version") || line.contains("= \"") || line.contains("path =")
            });
            offenders.extend(with_version.map(|line| format!("{}: {line}", file.path)));
        }
    }
    report("write `name.workspace = true`", &offenders);
}

fn section<'t>(text: &'t str, header: &str) -> &'t str {
    let Some((_, rest)) = text.split_once(header) else {
        return "";
    };
    rest.split("\n[").next().unwrap_or_default()
}

#[test]
fn every_file_begins_by_saying_what_it_owns() {
    let silent = source::rust().into_iter().filter(|file| {
        let fixture = file.name() == "tests.rs" && file.text.starts_with("use ");
        !file.text.starts_with("//!") && !file.text.starts_with("#![no_main]") && !fixture
    });
    let silent: Vec<String> = silent.map(|file| file.path).collect();
    report("begin the file with `//!`", &silent);
}

#[test]
fn files_are_short() {
    let mut offenders = Vec::new();
    for file in source::rust() {
        let lines = file.text.lines().count();
        let listed = LONGER.iter().find(|(path, _)| *path == file.path);
        let max = listed.map_or(FILE_LINES_MAX, |(_, lines)| *lines);
        if lines > max {
            offenders.push(format!("{}: {lines} lines, at most {max}", file.path));
        }
        if listed.is_some() && lines <= FILE_LINES_MAX {
            offenders.push(format!("{}: is short again, take it off LONGER", file.path));
        }
    }
    report("split by interface", &offenders);
}

#[test]
fn names_say_something() {
    let mut offenders = Vec::new();
    for file in source::rust() {
        let mut parts = file.path.split(['/', '.']);
        if parts.any(|part| EMPTY_NAMES.contains(&part)) {
            offenders.push(file.path.clone());
        }
        for (number, line) in file.text.lines().enumerate() {
            let Some((_, rest)) = line.trim_start().split_once("fn ") else {
                continue;
            };
            let is_definition = !line.trim_start().starts_with("//") && !line.contains('"');
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            let empty = name.starts_with("get_")
                || name.starts_with("do_")
                || ["_impl", "_inner", "_helper"]
                    .iter()
                    .any(|end| name.ends_with(end));
            if is_definition && empty && !OF_LIBRARIES.contains(&name) {
                offenders.push(format!("{}:{}: {name}", file.path, number + 1));
            }
        }
    }
    report("name it after what it is", &offenders);
}

#[test]
fn no_float_stands_in_the_core() {
    let mut offenders = Vec::new();
    for file in source::rust() {
        if file.krate() != "core" || file.is_test() {
            continue;
        }
        for (number, line) in file.product_code().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            if words.into_iter().any(|word| matches!(word, "f32" | "f64")) {
                offenders.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    report("amounts are decimals", &offenders);
}

#[test]
fn the_core_is_pure() {
    let banned = [
        "async ",
        "tokio",
        "tracing",
        "std::env",
        "std::fs",
        "std::net",
        "std::time",
    ];
    let mut offenders = Vec::new();
    for file in source::rust() {
        if file.krate() != "core" || file.is_test() {
            continue;
        }
        for (number, line) in file.product_code().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if banned.iter().any(|word| code.contains(word)) {
                offenders.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    report("instants, ids and data are arguments", &offenders);
}

#[test]
fn confined_things_stay_where_they_are() {
    let mut offenders = Vec::new();
    for file in source::rust() {
        for (text, places, reason) in CONFINED {
            let allowed = places.iter().any(|place| file.path.starts_with(place));
            if !allowed && !file.is_test() && file.text.contains(text) {
                offenders.push(format!("{}: {text} ({reason})", file.path));
            }
        }
    }
    report("move it", &offenders);
}

#[test]
fn every_file_is_part_of_its_crate() {
    let files = source::rust();
    let mut offenders = Vec::new();
    for file in files.iter().filter(|file| file.path.contains("/src/")) {
        let stem = file.name().trim_end_matches(".rs");
        if matches!(stem, "lib" | "main") {
            continue;
        }
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let parents = [
            format!("{folder}.rs"),
            format!("{folder}/lib.rs"),
            format!("{folder}/main.rs"),
        ];
        let declared = files.iter().any(|parent| {
            parents.contains(&parent.path) && parent.text.contains(&format!("mod {stem};"))
        });
        if !declared {
            offenders.push(file.path.clone());
        }
    }
    report("no `mod` names this file: delete it", &offenders);
}

#[test]
fn every_migration_is_in_both_dialects() {
    let names = |dialect: &str| -> BTreeSet<String> {
        let folder = format!("crates/store/migrations/{dialect}/");
        let files = source::files("sql").into_iter();
        files
            .filter_map(|file| file.path.strip_prefix(&folder).map(str::to_owned))
            .collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    let runner = fs::read_to_string(source::root().join("crates/store/src/migrate.rs")).unwrap();
    for name in names("sqlite") {
        let name = name.trim_end_matches(".sql");
        assert!(
            runner.contains(&format!("\"{name}\"")),
            "STEPS lacks {name}"
        );
    }
}

#[test]
fn every_code_is_in_the_table_of_codes() {
    let table = fs::read_to_string(source::root().join("crates/api/src/error.rs")).unwrap();
    let mut offenders = Vec::new();
    for file in source::rust().iter().filter(|file| file.krate() == "app") {
        let codes = file.product_code().split('"').filter(|word| is_code(word));
        let unknown = codes.filter(|code| !table.contains(&format!("\"{code}\"")));
        offenders.extend(unknown.map(|code| format!("{}: {code}", file.path)));
    }
    report(
        "add the code to CODES in crates/api/src/error.rs",
        &offenders,
    );
}

fn is_code(word: &str) -> bool {
    word.len() > 4
        && word.contains('_')
        && word
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The document of the API keeps one schema of a name: of two the later would describe both.
#[test]
fn every_schema_of_the_api_has_a_name_of_its_own() {
    let mut seen = BTreeSet::new();
    let mut offenders = Vec::new();
    for file in source::rust() {
        if file.krate() != "api" || file.is_test() {
            continue;
        }
        for part in file.product_code().split("#[derive(").skip(1) {
            let (derived, rest) = part.split_once(")]").unwrap_or_default();
            let name = ["struct ", "enum "].into_iter().find_map(|kind| {
                let (attributes, declared) = rest.split_once(kind)?;
                let is_next = !attributes.contains('{');
                is_next.then(|| declared.split([' ', '<', '(', ';']).next())?
            });
            // A macro's placeholder is a name only where the macro is used.
            let name = name.filter(|name| !name.starts_with('$'));
            let Some(name) = name.filter(|_| derived.contains("ToSchema")) else {
                continue;
            };
            if !seen.insert(name.to_owned()) {
                offenders.push(format!("{}: {name}", file.path));
            }
        }
    }
    assert!(!seen.is_empty(), "no schema was found");
    report("a second schema of the same name", &offenders);
}

#[test]
fn a_document_has_one_title() {
    let mut offenders = Vec::new();
    for file in source::files("md") {
        let outside_code = file.text.split("```").step_by(2);
        let titles = outside_code
            .flat_map(str::lines)
            .filter(|line| line.starts_with("# "))
            .count();
        if titles != 1 {
            offenders.push(format!("{}: {titles} titles", file.path));
        }
    }
    report("one `# ` per document", &offenders);
}
