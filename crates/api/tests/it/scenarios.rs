//! Every story of the folder `scenarios`, on both databases, in real time and by a test clock.

use std::{fmt::Write, fs, path::Path};

use florin_testkit::{
    Backend, TestApp,
    scenario::{self, Story, Time},
};

/// Each story by its name, in order.
fn stories() -> Vec<(String, Story)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let is_story =
        |file: &std::path::PathBuf| file.extension().is_some_and(|end| end == "scenario");
    let mut stories: Vec<(String, Story)> = files
        .filter(is_story)
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&file).unwrap();
            let story = Story::parse(&text).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            (name, story)
        })
        .collect();
    stories.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(stories.len() >= 12, "stories are gone");
    stories
}

async fn tell_all(backend: Backend, time: Time) {
    let mut wrong = String::new();
    let app = TestApp::start(backend).await;
    for (name, story) in stories() {
        // An organisation for each story.
        let app = app.sandbox().await;
        if let Err(difference) = scenario::run(&app, &story, time).await {
            let _ = writeln!(wrong, "{name}: {difference}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[tokio::test]
async fn in_real_time_sqlite() {
    tell_all(Backend::Sqlite, Time::Real).await;
}

#[tokio::test]
async fn in_real_time_postgres() {
    tell_all(Backend::Postgres, Time::Real).await;
}

#[tokio::test]
async fn by_a_test_clock_sqlite() {
    tell_all(Backend::Sqlite, Time::TestClock).await;
}

#[tokio::test]
async fn by_a_test_clock_postgres() {
    tell_all(Backend::Postgres, Time::TestClock).await;
}
