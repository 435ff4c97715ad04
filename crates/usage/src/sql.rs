//! Metrics in SQL.
//!
//! Owns the way of a template to an answer: rendered, read as one SELECT, put into the engine's words,
//! planned over the tables that it names, run, and read as quantities. Does not own where the tables
//! come from ([`Tables`]).
//!
//! What a template can count on:
//! - It sees the organisation's streams by `api_slug` (or `raw_metric_<api_slug>`) and `customers`,
//!   `contracts`, `products`; of streams only the rows whose `timestamp` lies in the exact period.
//! - The column `quantity` is the answer, null being 0; every other column is a dimension.
//! - `now()` and `today()` are the end of the period; there is no randomness.
//! - A template that does not mention the customer has one answer, which every customer gets.
//! - In `column = {{ customer.external_id }}` earlier external ids count as well, as long as the
//!   template mentions the customer in `{{ customer.… }}` tags only.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use arrow::{array::RecordBatch, datatypes::Schema as ArrowSchema};
use async_trait::async_trait;
use datafusion::{
    catalog::TableProvider,
    common::DataFusionError,
    dataframe::DataFrame,
    datasource::empty::EmptyTable,
    logical_expr::{LogicalPlan, sqlparser::ast::Query},
    sql::parser::Statement,
};
use florin_app::usage::{SqlColumns, SqlQuery, Stream, UsageError, UsageResult};
use florin_core::{
    id::OrganisationId,
    pricing::Usage,
    usage::{CustomerUsage, Schema, UsageCustomer, schema::Column},
};
use jiff::Timestamp;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::{
    columns,
    metric::conditions,
    session::{self, Queries, Session, refused, words},
};

mod template;

mod depth;
mod dialect;
mod set;
mod statement;

mod answer;
mod ids;

use answer::Shape;
use set::SetForm;
use template::{Mention, Rendered, Template, Whose};

/// Keys up to which the set form names its customers, so that files without them are not read.
const NAMED_KEYS_MAX: usize = 1000;

/// Tables of records that templates may read beside streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordTable {
    Customers,
    Contracts,
    Products,
}

impl RecordTable {
    pub(crate) const ALL: [Self; 3] = [Self::Customers, Self::Contracts, Self::Products];

    /// Its name in templates.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Contracts => "contracts",
            Self::Products => "products",
        }
    }
}

/// Where tables come from. Only tables that a template names are asked for.
#[async_trait]
pub(crate) trait Tables: Send + Sync {
    /// The events of a stream: the columns of [`columns::kept`], replaced events gone.
    async fn stream(&self, stream: &Stream) -> UsageResult<Arc<dyn TableProvider>>;

    /// Records of an organisation, of no other.
    async fn records(
        &self,
        organisation: OrganisationId,
        table: RecordTable,
    ) -> UsageResult<Arc<dyn TableProvider>>;
}

/// What each of the customers used, in the order of their ids.
///
/// # Errors
/// [`UsageError::Query`], [`UsageError::Limit`], [`UsageError::Overflow`], [`UsageError::Unavailable`].
pub(crate) async fn measure(
    queries: &Queries,
    tables: &dyn Tables,
    query: SqlQuery<'_>,
    (period, customers): (&Range<Timestamp>, &[UsageCustomer]),
) -> UsageResult<Vec<CustomerUsage>> {
    let template = Template::read(query.template)?;
    let run = Run {
        session: queries.session()?,
        tables,
        is_check: false,
        query,
        period,
    };
    let usage = match template.mention {
        Mention::None => run.once(&template, customers).await?,
        Mention::Printed => run.printed(&template, customers).await?,
        Mention::Computed => run.each(&template, customers).await?,
    };
    let usage = usage.into_iter();
    Ok(usage
        .map(|(customer, usage)| CustomerUsage { customer, usage })
        .collect())
}

/// Whether a template can be run, and what it answers.
///
/// # Errors
/// As [`measure`].
pub(crate) async fn check(
    queries: &Queries,
    tables: &dyn Tables,
    query: SqlQuery<'_>,
) -> UsageResult<SqlColumns> {
    let template = Template::read(query.template)?;
    let run = Run {
        session: queries.session()?,
        tables,
        is_check: true,
        query,
        period: &(Timestamp::UNIX_EPOCH..Timestamp::constant(2_678_400, 0)),
    };
    let whose = match template.mention {
        Mention::Computed => Whose::Sample,
        Mention::None | Mention::Printed => Whose::Anyone,
    };
    let read = run.read(&template, whose).await?;
    let plan = run.analyzed(&read)?;
    let shape = Shape::of(plan.schema().as_arrow())?;
    let is_set_at_a_time = match template.mention {
        Mention::None => true,
        Mention::Printed => run.set_form(&read).is_some(),
        Mention::Computed => false,
    };
    Ok(SqlColumns {
        columns: answer::types(plan.schema().as_arrow()),
        dimensions: shape.names(),
        is_set_at_a_time,
    })
}

type Answers = BTreeMap<Uuid, Usage>;

struct Run<'r> {
    session: Session,
    tables: &'r dyn Tables,
    /// Streams are only planned over: no events are opened.
    is_check: bool,
    query: SqlQuery<'r>,
    period: &'r Range<Timestamp>,
}

/// A template that was read and planned; attributes of an unknown customer are still open.
struct Read {
    rendered: Rendered,
    query: Query,
    plan: LogicalPlan,
}

impl Run<'_> {
    async fn once(
        &self,
        template: &Template<'_>,
        customers: &[UsageCustomer],
    ) -> UsageResult<Answers> {
        let read = self.read(template, Whose::Anyone).await?;
        let usage = self.answer(read.plan).await?;
        let ids = customers.iter().map(|customer| customer.id);
        Ok(ids.map(|id| (id, usage.clone())).collect())
    }

    /// Every customer's query is rendered by itself.
    async fn each(
        &self,
        template: &Template<'_>,
        customers: &[UsageCustomer],
    ) -> UsageResult<Answers> {
        let mut answers = Answers::new();
        for customer in customers {
            let read = self.read(template, Whose::Customer(customer)).await?;
            answers.insert(customer.id, self.answer(read.plan).await?);
        }
        Ok(answers)
    }

    /// All customers at once where that is possible; the others one by one.
    async fn printed(
        &self,
        template: &Template<'_>,
        customers: &[UsageCustomer],
    ) -> UsageResult<Answers> {
        let read = self.read(template, Whose::Anyone).await?;
        let mut answers = Answers::new();
        let mut alone: Vec<&UsageCustomer> = customers.iter().collect();
        if let Some(form) = self.set_form(&read) {
            let (keys, others) = ids::keys(&form.path, customers)?;
            self.together(&form, keys, &mut answers).await?;
            alone = others;
        }
        for customer in alone {
            let query = ids::of_customer(&read.query, &read.rendered.slots, customer)?;
            let plan = self.plan(&query, &read.rendered).await?;
            answers.insert(customer.id, self.answer(plan).await?);
        }
        Ok(answers)
    }

    /// Asks for all customers, by their keys; those without a key have no rows.
    async fn together(
        &self,
        form: &SetForm,
        customers: Vec<ids::Keyed>,
        answers: &mut Answers,
    ) -> UsageResult<()> {
        if customers.is_empty() {
            return Ok(());
        }
        let keys = customers.iter().filter_map(|(_, key)| key.clone());
        let mut keys: Vec<String> = keys.collect();
        keys.sort_unstable();
        keys.dedup();
        let named = (keys.len() <= NAMED_KEYS_MAX && !keys.is_empty()).then_some(keys);
        let all = self.unplaced(&form.of_all(named)).await?;
        let shape = Shape::of_set(all.schema().as_arrow())?;
        let by_key = shape.by_customer(&self.run(all).await?)?;
        let nobody = self.unplaced(&form.of_nobody()).await?;
        let nothing = self.answer(nobody).await?;
        for (customer, key) in customers {
            let usage = key.and_then(|key| by_key.get(&key));
            answers.insert(customer, usage.unwrap_or(&nothing).clone());
        }
        Ok(())
    }

    async fn read(&self, template: &Template<'_>, whose: Whose<'_>) -> UsageResult<Read> {
        let rendered = template.render(self.period, whose)?;
        let mut query = statement::read(&rendered)?;
        let printed = template::slots(&query.to_string());
        if statement::fill(&mut query, &rendered.slots, |_| Ok(None))? != printed {
            return Err(misplaced());
        }
        let refuse = |refusal| statement::refused(refusal, rendered.has_positions);
        dialect::translate(&mut query, self.period.end).map_err(refuse)?;
        let plan = self.plan(&query, &rendered).await?;
        Ok(Read {
            rendered,
            query,
            plan,
        })
    }

    async fn plan(&self, query: &Query, rendered: &Rendered) -> UsageResult<LogicalPlan> {
        self.planned(query, rendered.has_positions).await
    }

    /// The plan of a query that no template wrote: its places mean nothing.
    async fn unplaced(&self, query: &Query) -> UsageResult<LogicalPlan> {
        self.planned(query, false).await
    }

    async fn planned(&self, query: &Query, has_positions: bool) -> UsageResult<LogicalPlan> {
        use datafusion::logical_expr::sqlparser::ast::Statement as SqlStatement;
        let statement = SqlStatement::Query(Box::new(query.clone()));
        let statement = Statement::Statement(Box::new(statement));
        let state = self.session.context().state();
        let names = state.resolve_table_references(&statement);
        for name in names.map_err(|error| placed(&error, has_positions))? {
            self.open(name.table(), query, has_positions).await?;
        }
        // Every table is open by now: this waits for nothing.
        let (waiting, state) = (Handle::current(), self.session.context().state());
        let plan = || waiting.block_on(state.statement_to_plan(statement));
        let plan = session::on_deep_stack(plan)?;
        plan.map_err(|error| placed(&error, has_positions))
    }

    /// Opens a table for the query, if there is one of that name.
    async fn open(&self, name: &str, query: &Query, has_positions: bool) -> UsageResult<()> {
        let context = self.session.context();
        let is_open = context.table_exist(quoted(name));
        if is_open.map_err(|error| refused(&error))? {
            return Ok(());
        }
        let record = RecordTable::ALL
            .into_iter()
            .find(|table| table.name() == name);
        let table = match (record, self.stream(name)) {
            (Some(table), _) => self.tables.records(self.query.organisation, table).await?,
            (None, Some(stream)) if self.is_check => {
                Arc::new(EmptyTable::new(columns::kept(&stream.schema)))
            }
            (None, Some(stream)) => self.in_period(stream).await?,
            (None, None) => return Err(self.unknown_table(name, query, has_positions)),
        };
        let opened = context.register_table(quoted(name), table);
        opened.map(|_| ()).map_err(|error| refused(&error))
    }

    fn stream(&self, name: &str) -> Option<&Stream> {
        let of = |slug: &str| {
            let mut streams = self.query.streams.iter();
            streams.find(|stream| {
                stream.organisation == self.query.organisation && stream.api_slug == slug
            })
        };
        of(name).or_else(|| of(name.strip_prefix("raw_metric_")?))
    }

    async fn in_period(&self, stream: &Stream) -> UsageResult<Arc<dyn TableProvider>> {
        let rows = self.session.read(self.tables.stream(stream).await?)?;
        let period = conditions::between(&stream.schema, Column::Timestamp, self.period);
        let rows = rows.filter(period).map_err(|error| refused(&error))?;
        Ok(rows.into_view())
    }

    fn unknown_table(&self, name: &str, query: &Query, has_positions: bool) -> UsageError {
        let streams = self.query.streams.iter();
        let mut known: Vec<&str> = streams.map(|stream| stream.api_slug.as_str()).collect();
        known.extend(RecordTable::ALL.map(RecordTable::name));
        let message = format!("there is no table `{name}`; there are {}", known.join(", "));
        statement::refused((message, ids::place_of(query, name)), has_positions)
    }

    fn analyzed(&self, read: &Read) -> UsageResult<LogicalPlan> {
        let state = self.session.context().state();
        let options = state.config_options();
        let analyzer = state.analyzer();
        let analyzed = analyzer.execute_and_check(read.plan.clone(), options, |_, _| {});
        analyzed.map_err(|error| placed(&error, read.rendered.has_positions))
    }

    fn set_form(&self, read: &Read) -> Option<SetForm> {
        let form = SetForm::of(&read.query, &read.rendered.slots, &read.plan)?;
        let stream = self.stream(&form.table)?;
        let is_record = RecordTable::ALL
            .iter()
            .any(|table| table.name() == form.table);
        (!is_record && is_text(&stream.schema, &form.column_name)).then_some(form)
    }

    async fn answer(&self, plan: LogicalPlan) -> UsageResult<Usage> {
        let shape = Shape::of(plan.schema().as_arrow())?;
        shape.usage(&self.run(plan).await?)
    }

    async fn run(&self, plan: LogicalPlan) -> UsageResult<Vec<RecordBatch>> {
        let state = self.session.context().state();
        self.session.collect(DataFrame::new(state, plan)).await
    }
}

fn is_text(schema: &Schema, column: &str) -> bool {
    let kept: Arc<ArrowSchema> = columns::kept(schema);
    let field = kept.field_with_name(column);
    field.is_ok_and(|field| field.data_type().is_string())
}

fn quoted(name: &str) -> datafusion::common::TableReference {
    datafusion::common::TableReference::bare(name)
}

/// A value that is no literal of the query.
fn misplaced() -> UsageError {
    UsageError::Query {
        message:
            "a `{{ … }}` stands inside a text or a name: it renders a whole value, quotes included"
                .to_owned(),
        position: None,
    }
}

/// The engine's refusal and its place in the template.
fn placed(error: &DataFusionError, has_positions: bool) -> UsageError {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let place = span.map(|span| (span.start.line, span.start.column));
    UsageError::Query {
        message: template::without_slots(&words(error)),
        position: place.filter(|(line, _)| has_positions && *line > 0),
    }
}

#[cfg(test)]
mod tests;
