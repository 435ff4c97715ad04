//! The one binary: configuration, wiring and subcommands. Owns no logic of billing.

mod command;
mod configuration;
mod demo;
mod doctor;
mod import_usage;
mod keys;
mod organisations;
mod output;
mod serve;
mod verify;

use clap::Parser;

fn main() -> std::process::ExitCode {
    // A worker renders one document under bounds that it sets itself, before there are threads.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == command::RENDER_DOCUMENT)
    {
        return match florin_document::work() {
            Ok(()) => std::process::ExitCode::SUCCESS,
            Err(error) => output::failed(&error.into()),
        };
    }
    let arguments = command::Arguments::parse();
    // Tests end the process at a named point, to see that nothing is lost or doubled.
    if let Some(point) = configuration::of_a_test("FLORIN_TEST_KILL_AT") {
        florin_usage::faults::kill_at(&point);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return output::failed(&error.into()),
    };
    match runtime.block_on(command::run(arguments)) {
        Ok(code) => code,
        Err(error) => output::failed(&error),
    }
}
