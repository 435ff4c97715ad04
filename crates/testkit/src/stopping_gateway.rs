//! A gateway at which the process ends: the request never returns, and the test drops what waits for it, as an end
//! of the process would.

use std::sync::Arc;

use async_trait::async_trait;
use florin_app::gateway::{
    Credentials, Gateway, GatewayResult, Method, NewCustomer, Notice, Order, Page, RefundOrder,
    RefundState, Setup, TestGateway,
};
use florin_core::charge::State;
use jiff::Timestamp;
use tokio::sync::Notify;

/// The test gateway, except that what moves money never returns.
pub struct StoppingGateway {
    inner: Arc<TestGateway>,
    is_asked: bool,
    reached: Arc<Notify>,
}

impl StoppingGateway {
    /// `is_asked`: the gateway gets the request and answers, but the answer never arrives. `reached` is told when
    /// it is there.
    pub fn new(inner: Arc<TestGateway>, is_asked: bool, reached: Arc<Notify>) -> Self {
        Self {
            inner,
            is_asked,
            reached,
        }
    }

    async fn stop<T>(&self) -> T {
        self.reached.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl Gateway for StoppingGateway {
    fn signature_header(&self) -> &'static str {
        self.inner.signature_header()
    }

    async fn create_customer(
        &self,
        with: &Credentials,
        new: &NewCustomer,
    ) -> GatewayResult<String> {
        self.inner.create_customer(with, new).await
    }

    async fn begin_setup(
        &self,
        with: &Credentials,
        customer: &str,
        key: &str,
    ) -> GatewayResult<Setup> {
        self.inner.begin_setup(with, customer, key).await
    }

    async fn attach(
        &self,
        with: &Credentials,
        customer: &str,
        method: &str,
    ) -> GatewayResult<Method> {
        self.inner.attach(with, customer, method).await
    }

    async fn methods(&self, with: &Credentials, customer: &str) -> GatewayResult<Vec<Method>> {
        self.inner.methods(with, customer).await
    }

    async fn detach(&self, with: &Credentials, method: &str) -> GatewayResult<()> {
        self.inner.detach(with, method).await
    }

    async fn charge(&self, with: &Credentials, order: &Order) -> GatewayResult<State> {
        if self.is_asked {
            self.inner.charge(with, order).await?;
        }
        self.stop().await
    }

    async fn open_page(
        &self,
        with: &Credentials,
        order: &Order,
        page: &Page<'_>,
    ) -> GatewayResult<State> {
        if self.is_asked {
            self.inner.open_page(with, order, page).await?;
        }
        self.stop().await
    }

    async fn state(&self, with: &Credentials, order: &Order) -> GatewayResult<Option<State>> {
        self.inner.state(with, order).await
    }

    async fn cancel(&self, with: &Credentials, order: &Order) -> GatewayResult<State> {
        self.inner.cancel(with, order).await
    }

    async fn refund(&self, with: &Credentials, order: &RefundOrder) -> GatewayResult<RefundState> {
        if self.is_asked {
            self.inner.refund(with, order).await?;
        }
        self.stop().await
    }

    async fn refund_state(
        &self,
        with: &Credentials,
        order: &RefundOrder,
    ) -> GatewayResult<Option<RefundState>> {
        self.inner.refund_state(with, order).await
    }

    fn read_webhook(
        &self,
        with: &Credentials,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> GatewayResult<Notice> {
        self.inner.read_webhook(with, signature, body, now)
    }
}
