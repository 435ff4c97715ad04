//! A panic of one piece of work ends that work alone.
//!
//! Tasks that run as long as the process do many pieces of work; none of them may take the task with it.

use std::{any::Any, panic::AssertUnwindSafe};

use florin_app::usage::UsageError;
use futures_util::FutureExt;

use crate::error::unavailable;

/// Does a piece of work; a panic becomes [`UsageError::Unavailable`]. What the work changed in memory is either
/// its own or stands behind a lock whose holders leave it whole.
pub(crate) async fn caught<T>(
    work: impl Future<Output = Result<T, UsageError>>,
) -> Result<T, UsageError> {
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    ended.unwrap_or_else(|panic| Err(unavailable(format!("a panic: {}", said(&*panic)))))
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_with_its_words() {
        let error = caught::<()>(async { panic!("number {}", 7) }).await;
        assert!(error.unwrap_err().to_string().contains("number 7"));
        let error = caught::<()>(async { std::panic::panic_any("point") }).await;
        assert!(error.unwrap_err().to_string().contains("point"));
        assert_eq!(caught(async { Ok(1) }).await.unwrap(), 1);
    }
}
