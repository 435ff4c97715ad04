//! `florin serve`: wiring and clean shutdown.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use florin_app::{App, billing, charge, checkout, housekeeping, organisation, usage_upload};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, signal, sync::oneshot, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{command::Serve, configuration::Configuration, output, output::Format};

/// How often a server does its housekeeping.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(60);

/// How often a server looks for what is due.
const BILLING_INTERVAL: Duration = Duration::from_secs(60);

/// How often gateways are asked about charges without an end, and due invoices are charged.
const CHARGES_INTERVAL: Duration = Duration::from_secs(60);

/// How often a server looks for uploads of usage events.
const UPLOADS_INTERVAL: Duration = Duration::from_millis(500);

/// How often the samples of histograms are summed up, which otherwise are kept one by one until somebody
/// reads `/metrics`.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);

/// What runs beside a server in its process.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Is told where the server listens.
    pub(crate) ready: Option<oneshot::Sender<SocketAddr>>,
    /// Asks the server to stop.
    pub(crate) stop: CancellationToken,
}

/// Serves until SIGTERM or Ctrl-C, then finishes what is in flight.
pub(crate) async fn run(configuration: Configuration, serve: &Serve, format: Format) -> Result<()> {
    run_beside(configuration, serve, format, Beside::default()).await
}

/// The same, also until what runs beside asks for it.
pub(crate) async fn run_beside(
    configuration: Configuration,
    serve: &Serve,
    format: Format,
    beside: Beside,
) -> Result<()> {
    log_to_stderr(&configuration)?;
    let _alone = configuration.alone_on_sqlite()?;
    let (app, engine) = configuration.open_with_usage().await?;
    if let Some(name) = &serve.first_organisation {
        first_organisation(&app, name, &configuration.listen, format).await?;
    }
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let settings = florin_api::Settings {
        rate_limit: configuration.rate_limit(),
        public_url: configuration.public_url(),
        metrics: Some(metrics.clone()),
    };
    let router = florin_api::router(app.clone(), settings);
    let listener = TcpListener::bind(&configuration.listen)
        .await
        .with_context(|| format!("{} cannot be listened on", configuration.listen))?;
    let address = listener.local_addr()?;
    output::progress(&format!(
        "Florin serves http://{address} (pages: /docs). Ctrl-C stops it."
    ));
    if let Some(ready) = beside.ready {
        // Whoever asked may have gone meanwhile.
        let _ = ready.send(address);
    }
    let asked = beside.stop;
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(keep_house(app.clone(), stop.clone()));
    tasks.spawn(keep_billing(app.clone(), stop.clone()));
    tasks.spawn(keep_charges(app.clone(), stop.clone()));
    tasks.spawn(keep_usage(engine, stop.clone()));
    tasks.spawn(work_on_uploads(app.clone(), stop.clone()));
    tasks.spawn(sum_up(metrics, stop.clone()));
    // A router itself would be copied with all its routes for every connection.
    axum::serve(listener, router.into_make_service())
        .with_graceful_shutdown(async move {
            tokio::select! {
                () = asked_to_stop() => {}
                () = asked.cancelled() => {}
            }
        })
        .await?;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    app.db.close().await;
    output::progress("Florin has stopped.");
    Ok(())
}

fn log_to_stderr(configuration: &Configuration) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&configuration.log)
        .with_context(|| format!("the log filter {} is not valid", configuration.log))?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A log that nobody reads any more must not end a request.
        .log_internal_errors(false)
        .init();
    Ok(())
}

async fn first_organisation(app: &App, name: &str, listen: &str, format: Format) -> Result<()> {
    if !florin_store::organisation::all(&app.db).await?.is_empty() {
        return Ok(());
    }
    let new = organisation::NewOrganisation {
        name: name.to_owned(),
        is_sandbox: false,
        time_zone: "UTC".to_owned(),
    };
    crate::organisations::create(app, new, listen, format).await
}

async fn keep_house(app: App, stop: CancellationToken) {
    loop {
        let stopped = tokio::select! {
            () = stop.cancelled() => true,
            () = time::sleep(HOUSEKEEPING_INTERVAL) => false,
        };
        if let Err(error) = housekeeping::run(&app).await {
            tracing::warn!(%error, "housekeeping failed, the next run does it");
        }
        if stopped {
            return;
        }
    }
}

/// Bills what is due, at once after a start: the server may have been down. A run that is stopped in its middle is gone
/// on with by the next one.
async fn keep_billing(app: App, stop: CancellationToken) {
    while let Some(billed) = stop.run_until_cancelled(billing::tick(&app)).await {
        if let Err(error) = billed {
            tracing::warn!(%error, "billing failed, the next run does it");
        }
        let pause = time::sleep(BILLING_INTERVAL);
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}

/// Finishes what was begun at gateways, then charges what has fallen due. A stop lets the step in hand end: what it
/// asked is answered and kept.
async fn keep_charges(app: App, stop: CancellationToken) {
    while stop
        .run_until_cancelled(time::sleep(CHARGES_INTERVAL))
        .await
        .is_some()
    {
        if let Err(error) = charge::reconcile(&app).await {
            tracing::warn!(%error, "charges are asked about in the next run");
        }
        if let Err(error) = checkout::carry_on(&app).await {
            tracing::warn!(%error, "checkouts are gone on with in the next run");
        }
        if let Err(error) = charge::charge_due(&app).await {
            tracing::warn!(%error, "due invoices are charged in the next run");
        }
    }
}

/// Flushes and compacts usage events. What is not flushed at the end is safe in the inbox.
async fn keep_usage(engine: florin_usage::Engine, stop: CancellationToken) {
    engine.run(stop.cancelled_owned()).await;
}

/// Checks and sends files of usage events. What is not done at the end, the next server goes on with.
async fn work_on_uploads(app: App, stop: CancellationToken) {
    let process = app.ids.next();
    loop {
        let work = stop.run_until_cancelled(usage_upload::work(&app, process));
        let wait = match work.await {
            None => return,
            Some(Ok(true)) => continue,
            Some(Ok(false)) => UPLOADS_INTERVAL,
            Some(Err(error)) => {
                tracing::warn!(%error, "an upload of usage events waits, it will be tried again");
                HOUSEKEEPING_INTERVAL
            }
        };
        if stop.run_until_cancelled(time::sleep(wait)).await.is_none() {
            return;
        }
    }
}

async fn sum_up(metrics: PrometheusHandle, stop: CancellationToken) {
    while stop
        .run_until_cancelled(time::sleep(METRICS_INTERVAL))
        .await
        .is_some()
    {
        metrics.run_upkeep();
    }
}

async fn asked_to_stop() {
    let interrupted = async {
        let _ = signal::ctrl_c().await;
    };
    #[cfg(unix)]
    let terminated = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {},
        () = terminated => {},
    }
}
