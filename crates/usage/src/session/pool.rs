//! Memory of queries: a part for each, a sum for all.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use datafusion::{
    common::{DataFusionError, Result},
    execution::memory_pool::{
        FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
    },
};

/// What all queries have taken together.
#[derive(Debug)]
pub(super) struct Shared {
    taken: AtomicUsize,
    limit: usize,
}

/// The memory of one query. Operators that can put rows aside on disk share its part fairly.
#[derive(Debug)]
pub(super) struct QueryPool {
    own: FairSpillPool,
    shared: Arc<Shared>,
    limit: usize,
}

impl Shared {
    pub(super) fn new(limit: usize) -> Self {
        let taken = AtomicUsize::new(0);
        Self { taken, limit }
    }

    fn take(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn try_take(&self, bytes: usize) -> Result<()> {
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if taken <= self.limit {
            return Ok(());
        }
        self.give_back(bytes);
        let message = format!("all queries together have {} bytes", self.limit);
        Err(DataFusionError::ResourcesExhausted(message))
    }
}

impl QueryPool {
    pub(super) fn new(shared: Arc<Shared>, limit: usize) -> Self {
        let own = FairSpillPool::new(limit);
        Self { own, shared, limit }
    }
}

impl fmt::Display for QueryPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "query({} of {})", self.reserved(), self.limit)
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.own.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.own.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.shared.take(additional);
        self.own.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.own.shrink(reservation, shrink);
        self.shared.give_back(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.shared.try_take(additional)?;
        let own = self.own.try_grow(reservation, additional);
        own.inspect_err(|_| self.shared.give_back(additional))
    }

    fn reserved(&self) -> usize {
        self.own.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_its_part_and_all_have_the_sum() {
        let shared = Arc::new(Shared::new(150));
        let pool = || -> Arc<dyn MemoryPool> { Arc::new(QueryPool::new(Arc::clone(&shared), 100)) };
        let (one, other) = (pool(), pool());
        let first = MemoryConsumer::new("first").register(&one);
        let second = MemoryConsumer::new("second").register(&other);
        assert!(first.try_grow(101).is_err());
        first.try_grow(100).unwrap();
        assert!(second.try_grow(51).is_err());
        second.try_grow(50).unwrap();
        drop(first);
        second.try_grow(50).unwrap();
        drop(second);
        assert_eq!(shared.taken.load(Ordering::Relaxed), 0);
    }
}
