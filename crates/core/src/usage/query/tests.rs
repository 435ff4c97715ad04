use expect_test::{Expect, expect};

use super::*;
use crate::usage::filter::{Filters, Logic};

fn schema() -> Schema {
    let fields = [
        ("gb", "Float64"),
        ("region", "String"),
        ("day", "Date32"),
        ("tags", "Array(Int64)"),
    ];
    let fields = fields.into_iter().chain([("customer_id", "String")]);
    Schema::new(fields, &[]).unwrap()
}

fn metric(aggregation: Aggregation, column: Option<&str>) -> Metric {
    Metric {
        aggregation,
        column: column.map(str::to_owned),
        filters: Filters {
            logic: Logic::And,
            groups: Vec::new(),
        },
        customer_column: "customer_id".to_owned(),
        customer_attribute: CustomerAttribute::ExternalId,
        date_column: "timestamp".to_owned(),
        dimensions: Vec::new(),
    }
}

fn check(metric: &Metric, expected: Expect) {
    let shown = match UsageQuery::new(metric, &schema()) {
        Ok(query) => format!("fits, by {:?}", query.dimension_names()),
        Err(errors) => {
            let lines = errors
                .iter()
                .map(|error| format!("{}: {error}", error.path.join(".")));
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn count_needs_no_column_and_takes_any() {
    check(&metric(Aggregation::Count, None), expect!["fits, by []"]);
    check(
        &metric(Aggregation::Count, Some("data.tags")),
        expect!["fits, by []"],
    );
    check(
        &metric(Aggregation::UniqueCount, Some("data.region")),
        expect!["fits, by []"],
    );
}

#[test]
fn what_computes_needs_a_number() {
    for aggregation in Aggregation::ALL
        .into_iter()
        .filter(|one| one.needs_number())
    {
        assert!(UsageQuery::new(&metric(aggregation, Some("data.gb")), &schema()).is_ok());
        let errors = UsageQuery::new(&metric(aggregation, Some("data.region")), &schema());
        assert!(matches!(
            errors.unwrap_err()[0].rule,
            MetricRule::NotANumber { .. }
        ));
    }
    check(
        &metric(Aggregation::Sum, None),
        expect!["column: SUM needs a column"],
    );
    check(
        &metric(Aggregation::Avg, Some("data.region")),
        expect!["column: AVG needs a column of numbers, `data.region` is String"],
    );
}

#[test]
fn dimensions_are_named_by_their_last_part() {
    let given = Metric {
        dimensions: vec!["data.region".to_owned(), "customer_id".to_owned()],
        date_column: "data.day".to_owned(),
        ..metric(Aggregation::Count, None)
    };
    check(&given, expect![[r#"fits, by ["region", "customer_id"]"#]]);
}

#[test]
fn every_part_that_does_not_fit_is_named() {
    let given = Metric {
        customer_column: "data.tags".to_owned(),
        customer_attribute: CustomerAttribute::CustomData(String::new()),
        date_column: "data.region".to_owned(),
        dimensions: ["data.tags", "nope", "customer_id", "data.customer_id"]
            .map(str::to_owned)
            .into(),
        ..metric(Aggregation::UniqueCount, Some("data.tags"))
    };
    check(
        &given,
        expect![[r#"
        column: `data.tags` is a list of values: choose a column with one
        customer_column: `data.tags` is a list of values: choose a column with one
        customer_attribute: name a key of custom_data
        date_column: the date column is Date32 or DateTime64, `data.region` is String
        dimensions.0: `data.tags` is a list of values: choose a column with one
        dimensions.1: `nope` is none of customer_id, timestamp and the fields as data.<field>
        dimensions.3: two dimensions are named `customer_id`"#]],
    );
    let wide = Metric {
        dimensions: vec!["timestamp".to_owned(); DIMENSIONS_MAX + 1],
        ..metric(Aggregation::Count, None)
    };
    check(&wide, expect!["dimensions: 8 at most"]);
}
