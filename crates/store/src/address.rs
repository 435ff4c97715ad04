//! The columns of an address, wherever a table has one. Does not own any table.

use florin_core::address::Address;

use crate::{
    Result, Row,
    record::{self, Values},
};

/// The columns of an address; all null where there is none.
pub(crate) fn values(address: Option<Address>) -> Values {
    let Some(address) = address else {
        return absent();
    };
    let Address {
        line1,
        line2,
        line3,
        city,
        state,
        zip_code,
        country,
        country_code,
        validation_status,
        connector_validation,
    } = address;
    vec![
        ("line1", line1.into()),
        ("line2", line2.into()),
        ("line3", line3.into()),
        ("city", city.into()),
        ("state", state.into()),
        ("zip_code", zip_code.into()),
        ("country", country.into()),
        ("country_code", country_code.into()),
        ("validation_status", Some(validation_status).into()),
        (
            "connector_validation",
            record::json(Some(connector_validation)),
        ),
    ]
}

fn absent() -> Values {
    let texts = [
        "line1",
        "line2",
        "line3",
        "city",
        "state",
        "zip_code",
        "country",
        "country_code",
        "validation_status",
    ];
    let mut values: Values = texts.map(|name| (name, None::<String>.into())).to_vec();
    values.push(("connector_validation", record::json(None)));
    values
}

/// The row's address; a row without `validation_status` has none.
///
/// # Errors
/// [`crate::Error::Corrupt`].
pub(crate) fn decode(row: &Row) -> Result<Option<Address>> {
    let Some(validation_status) = row.optional("validation_status")? else {
        return Ok(None);
    };
    Ok(Some(Address {
        line1: row.optional("line1")?,
        line2: row.optional("line2")?,
        line3: row.optional("line3")?,
        city: row.optional("city")?,
        state: row.optional("state")?,
        zip_code: row.optional("zip_code")?,
        country: row.optional("country")?,
        country_code: row.optional("country_code")?,
        validation_status,
        connector_validation: row.get("connector_validation")?,
    }))
}
