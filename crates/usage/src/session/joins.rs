//! Joins that can be stopped.
//!
//! Owns two rules of physical plans. A join gives way after every few batches, so that the time limit
//! is seen although its inputs are long read. And a join that compares every row with every row is
//! refused unless one side is a single row: it may work for hours without an answer in between.

use std::sync::Arc;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        plan_err,
        tree_node::{Transformed, TreeNode},
    },
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ExecutionPlan,
        aggregates::AggregateExec,
        coop::CooperativeExec,
        joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec},
    },
};

/// The rules.
#[derive(Debug)]
pub(super) struct StoppableJoins;

impl PhysicalOptimizerRule for StoppableJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let stoppable = plan.transform_up(|plan| {
            if plan.is::<NestedLoopJoinExec>() && !plan.children().into_iter().any(is_one_row) {
                return plan_err!(
                    "a join needs an equality between the two tables, such as ON a.id = b.id"
                );
            }
            if is_join(&plan) {
                return Ok(Transformed::yes(Arc::new(CooperativeExec::new(plan))));
            }
            Ok(Transformed::no(plan))
        });
        stoppable.map(|stoppable| stoppable.data)
    }

    fn name(&self) -> &str {
        "stoppable_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_join(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<NestedLoopJoinExec>()
        || plan.is::<CrossJoinExec>()
        || plan.is::<HashJoinExec>()
        || plan.is::<SortMergeJoinExec>()
}

/// Whether the plan is an aggregate of everything, perhaps projected.
fn is_one_row(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        return aggregate.group_expr().is_empty();
    }
    match plan.children().as_slice() {
        [input] => is_one_row(input),
        _ => false,
    }
}
