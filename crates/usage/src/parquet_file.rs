//! The Parquet files of a stream's table: writing them, and what is known of one without opening it.
//!
//! Invariant: the rows of a file stand in the order of `customer_id`, `timestamp`, `_seq`, so that one
//! customer's month is few pages, and that files are merged without sorting.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
        UInt64Array,
    },
    compute::take_record_batch,
    datatypes::SchemaRef,
    row::{Row, RowConverter, SortField},
};
use florin_app::usage::UsageError;
use jiff::Timestamp;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties},
    schema::types::ColumnPath,
};
use serde_json::{Value as Json, json};

use crate::{
    columns::{CUSTOMER_ID, SEQUENCE, TIMESTAMP, column},
    error::unavailable,
};

/// Rows of a row group: small enough that one customer's rows are a small part of what is read.
const ROW_GROUP_ROWS: usize = 128 * 1024;

/// What is in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Rows.
    pub(crate) rows: u64,
    /// Smallest and largest `customer_id`.
    pub(crate) customers: Option<(String, String)>,
    /// Smallest and largest `timestamp`, microseconds.
    pub(crate) times: Option<(i64, i64)>,
}

/// A file that was written, and is not in the table yet.
#[derive(Clone, Debug)]
pub(crate) struct NewFile {
    /// Its name within the table.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// What is in it.
    pub(crate) bounds: Bounds,
    /// When it was written.
    pub(crate) written_at: Timestamp,
}

impl Bounds {
    /// Widens the bounds by a batch.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), UsageError> {
        let ids: &StringArray = column(batch, CUSTOMER_ID).map_err(unavailable)?;
        let times: &TimestampMicrosecondArray = column(batch, TIMESTAMP).map_err(unavailable)?;
        self.rows += batch.num_rows() as u64;
        let ids = (
            arrow::compute::min_string(ids),
            arrow::compute::max_string(ids),
        );
        if let (Some(low), Some(high)) = ids {
            let known = self
                .customers
                .get_or_insert_with(|| (low.to_owned(), high.to_owned()));
            if low < known.0.as_str() {
                low.clone_into(&mut known.0);
            }
            if high > known.1.as_str() {
                high.clone_into(&mut known.1);
            }
        }
        let times = (arrow::compute::min(times), arrow::compute::max(times));
        if let (Some(low), Some(high)) = times {
            let known = self.times.get_or_insert((low, high));
            *known = (known.0.min(low), known.1.max(high));
        }
        Ok(())
    }

    /// Whether both can hold one row.
    pub(crate) fn can_overlap(&self, other: &Self) -> bool {
        is_overlap(self.customers.as_ref(), other.customers.as_ref())
            && is_overlap(self.times.as_ref(), other.times.as_ref())
    }

    /// Whether both can hold rows that are equal in these columns.
    pub(crate) fn can_share(&self, other: &Self, columns: &[String]) -> bool {
        let overlap = |column: &String| match column.as_str() {
            CUSTOMER_ID => is_overlap(self.customers.as_ref(), other.customers.as_ref()),
            TIMESTAMP => is_overlap(self.times.as_ref(), other.times.as_ref()),
            _ => true,
        };
        columns.iter().all(overlap)
    }

    /// As Delta's statistics of a file.
    pub(crate) fn to_stats(&self) -> String {
        let mut low = serde_json::Map::new();
        let mut high = serde_json::Map::new();
        if let Some((from, to)) = &self.customers {
            low.insert(CUSTOMER_ID.to_owned(), json!(from));
            high.insert(CUSTOMER_ID.to_owned(), json!(to));
        }
        if let Some((from, to)) = self.times {
            low.insert(TIMESTAMP.to_owned(), json!(instant(from)));
            high.insert(TIMESTAMP.to_owned(), json!(instant(to)));
        }
        let nulls = json!({ CUSTOMER_ID: 0, TIMESTAMP: 0 });
        json!({ "numRecords": self.rows, "minValues": low, "maxValues": high, "nullCount": nulls })
            .to_string()
    }

    /// From Delta's statistics of a file.
    pub(crate) fn read(stats: Option<&str>) -> Result<Self, UsageError> {
        let stats: Json = serde_json::from_str(stats.unwrap_or("{}")).map_err(unavailable)?;
        let text = |part: &str, column: &str| stats[part][column].as_str().map(str::to_owned);
        let time = |part: &str| text(part, TIMESTAMP).and_then(|text| microseconds(&text));
        let customers = text("minValues", CUSTOMER_ID).zip(text("maxValues", CUSTOMER_ID));
        Ok(Self {
            rows: stats["numRecords"].as_u64().unwrap_or_default(),
            customers,
            // A reader of the log may have cut fractions of a millisecond.
            times: time("minValues")
                .zip(time("maxValues"))
                .map(|(low, high)| (low, high + 999)),
        })
    }
}

/// Whether two ranges, both with their ends, share a value; unknown ones may.
fn is_overlap<T: Ord>(one: Option<&(T, T)>, other: Option<&(T, T)>) -> bool {
    let both = one.zip(other);
    both.is_none_or(|(one, other)| one.0 <= other.1 && other.0 <= one.1)
}

fn instant(microseconds: i64) -> Option<String> {
    let at = Timestamp::from_microsecond(microseconds).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

fn microseconds(text: &str) -> Option<i64> {
    let at: Timestamp = text.parse().ok()?;
    Some(at.as_microsecond())
}

/// The rows in the order of files.
pub(crate) fn sorted(batch: &RecordBatch) -> Result<RecordBatch, UsageError> {
    // One comparison of bytes for each pair of rows: a flush spends most of its time here.
    let names = [CUSTOMER_ID, TIMESTAMP, SEQUENCE];
    let columns: Vec<ArrayRef> = names
        .iter()
        .filter_map(|name| batch.column_by_name(name).cloned())
        .collect();
    let fields = columns
        .iter()
        .map(|column| SortField::new(column.data_type().clone()));
    let converter = RowConverter::new(fields.collect()).map_err(unavailable)?;
    let rows = converter.convert_columns(&columns).map_err(unavailable)?;
    let mut order: Vec<(Row<'_>, u64)> = rows.iter().zip(0..).collect();
    order.sort_unstable_by_key(|(row, _)| *row);
    let order = UInt64Array::from_iter_values(order.into_iter().map(|(_, place)| place));
    take_record_batch(batch, &order).map_err(unavailable)
}

/// A Parquet file while it is written into memory.
pub(crate) struct Writer {
    writer: ArrowWriter<Vec<u8>>,
    bounds: Bounds,
}

impl Writer {
    /// Begins a file. `is_lasting`: it is the outcome of a compaction and worth the work of packing.
    pub(crate) fn new(schema: &SchemaRef, is_lasting: bool) -> Result<Self, UsageError> {
        let properties = properties(is_lasting)?;
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties));
        Ok(Self {
            writer: writer.map_err(unavailable)?,
            bounds: Bounds::default(),
        })
    }

    /// Adds rows, which follow the earlier ones in the order of files.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), UsageError> {
        self.bounds.add(batch)?;
        self.writer.write(batch).map_err(unavailable)
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> u64 {
        self.bounds.rows
    }

    /// Bytes so far, about.
    pub(crate) fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> Result<(Vec<u8>, Bounds), UsageError> {
        let bytes = self.writer.into_inner().map_err(unavailable)?;
        Ok((bytes, self.bounds))
    }
}

fn properties(is_lasting: bool) -> Result<WriterProperties, UsageError> {
    let compression = match is_lasting {
        true => Compression::ZSTD(ZstdLevel::try_new(1).map_err(unavailable)?),
        false => Compression::SNAPPY,
    };
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        // Every value differs: a dictionary would be built and thrown away.
        .set_column_dictionary_enabled(ColumnPath::from(SEQUENCE), false)
        .set_statistics_enabled(EnabledStatistics::Page);
    Ok(properties.build())
}

/// Calendar month, UTC, of an instant: months since year 0.
pub(crate) fn month(microseconds: i64) -> Result<i32, UsageError> {
    let at = Timestamp::from_microsecond(microseconds).map_err(unavailable)?;
    let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    Ok(i32::from(day.year()) * 12 + i32::from(day.month()) - 1)
}

/// The sequence of each row.
pub(crate) fn sequences(batch: &RecordBatch) -> Result<&Int64Array, UsageError> {
    column(batch, SEQUENCE).map_err(unavailable)
}

/// The time of each row.
pub(crate) fn times(batch: &RecordBatch) -> Result<&TimestampMicrosecondArray, UsageError> {
    column(batch, TIMESTAMP).map_err(unavailable)
}
