//! The reference page of error codes is made from the table of codes.

use expect_test::expect_file;
use florin_api::CODES;

#[test]
fn the_page_of_errors_shows_the_table_of_codes() {
    let rows = CODES.iter().map(|row| {
        let florin_api::Code {
            code,
            status,
            meaning,
        } = row;
        format!("| `{code}` | {status} | {meaning} |\n")
    });
    let page = format!("{INTRODUCTION}{}", rows.collect::<String>());
    expect_file!["../../../../docs/errors.md"].assert_eq(&page);
}

const INTRODUCTION: &str = "\
# Errors

A request that is refused changes nothing. Its answer says what is wrong and what to do:

```json
{\"detail\": \"another customer has this e-mail address\", \"code\": \"CUSTOMER_EMAIL_TAKEN\"}
```

A 422 names every field that cannot be used, with its place, instead of a code:

```json
{\"detail\": [{\"loc\": [\"body\", \"customer_name\"], \"msg\": \"field required\",
             \"type\": \"value_error.missing\"}]}
```

This page is made from the table in `crates/api/src/error.rs`.

| code | status | when |
|---|---|---|
";
