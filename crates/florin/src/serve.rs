//! `florin serve`: wiring and clean shutdown.

use std::time::Duration;

use anyhow::{Context, Result};
use florin_app::{App, housekeeping, organisation};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, signal, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{command::Serve, configuration::Configuration, output, output::Format};

/// How often a server does its housekeeping.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(60);

/// How often the samples of histograms are summed up, which otherwise are kept one by one until somebody
/// reads `/metrics`.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or Ctrl-C, then finishes what is in flight.
pub(crate) async fn run(configuration: Configuration, serve: &Serve, format: Format) -> Result<()> {
    log_to_stderr(&configuration)?;
    let _alone = configuration.alone_on_sqlite()?;
    let (app, engine) = configuration.open_with_usage().await?;
    if let Some(name) = &serve.first_organisation {
        first_organisation(&app, name, &configuration.listen, format).await?;
    }
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let settings = florin_api::Settings {
        rate_limit: configuration.rate_limit(),
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
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    tasks.spawn(keep_house(app.clone(), stop.clone()));
    tasks.spawn(keep_usage(engine, stop.clone()));
    tasks.spawn(sum_up(metrics, stop.clone()));
    axum::serve(listener, router)
        .with_graceful_shutdown(asked_to_stop())
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

/// Flushes and compacts usage events. What is not flushed at the end is safe in the inbox.
async fn keep_usage(engine: florin_usage::Engine, stop: CancellationToken) {
    engine.run(stop.cancelled_owned()).await;
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
