//! `chatzz migrate`, with and without `--dry-run`, once, twice and at once.

use std::path::Path;

use bson::doc;
use chatzz::store::migrate::MIGRATIONS;

use crate::support::binary::{Binary, Ended};
use crate::support::database::TestDatabase;

const OWN: [&str; 7] = [
    "chatmessages",
    "chatprivacy",
    "chatrooms",
    "chatusers",
    "chatzz_events",
    "chatzz_meta",
    "chatzz_nodes",
];

async fn migrate(database: &TestDatabase) -> Ended {
    Binary::run(&["migrate"], &database.keys()).await
}

async fn dry_run(database: &TestDatabase) -> Ended {
    Binary::run(&["migrate", "--dry-run"], &database.keys()).await
}

async fn prepared() -> TestDatabase {
    let database = TestDatabase::shared().await;
    let ended = migrate(&database).await;
    assert!(ended.status.success(), "{ended:?}");
    database
}

#[test]
fn every_file_of_the_folder_is_a_migration_and_the_reverse() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let files = std::fs::read_dir(&folder).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = files
        .filter_map(|file| file.strip_suffix(".json").map(str::to_owned))
        .collect();
    names.sort();
    let listed: Vec<&str> = MIGRATIONS.iter().map(|migration| migration.name).collect();
    assert_eq!(listed, names);
    for (index, migration) in MIGRATIONS.iter().enumerate() {
        let number = format!("{:04}_", index + 1);
        assert!(migration.name.starts_with(&number), "{}", migration.name);
        let file = folder.join(format!("{}.json", migration.name));
        assert_eq!(std::fs::read_to_string(file).unwrap(), migration.commands);
    }
}

#[tokio::test]
async fn a_dry_run_shows_everything_and_writes_nothing() {
    let database = TestDatabase::shared().await;

    let shown = dry_run(&database).await;

    assert!(shown.status.success(), "{shown:?}");
    assert!(shown.out.starts_with("would do:\n"), "{}", shown.out);
    for migration in MIGRATIONS {
        assert!(shown.out.contains(migration.name), "{}", shown.out);
    }
    for index in [
        "index pair on ",
        ".chatrooms\n",
        "index chatRoom_seq on ",
        ".chatmessages\n",
    ] {
        assert!(shown.out.contains(index), "{}", shown.out);
    }
    assert_eq!(database.collections().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_migration_does_what_was_shown_and_then_there_is_nothing_to_do() {
    let database = TestDatabase::shared().await;
    let shown = dry_run(&database).await;

    let done = migrate(&database).await;

    assert!(done.status.success(), "{done:?}");
    assert_eq!(done.out, shown.out.replace("would do:", "done:"));
    assert_eq!(database.collections().await, OWN);
    let before = database.fingerprint().await;
    for again in [migrate(&database).await, dry_run(&database).await] {
        assert!(again.status.success(), "{again:?}");
        assert!(again.out.contains("up to date"), "{}", again.out);
    }
    assert_eq!(database.fingerprint().await, before);
}

#[tokio::test]
async fn several_at_once_are_safe_and_one_does_the_work() {
    let database = TestDatabase::shared().await;

    let four = tokio::join!(
        migrate(&database),
        migrate(&database),
        migrate(&database),
        migrate(&database)
    );

    let four: [Ended; 4] = four.into();
    assert!(four.iter().all(|ended| ended.status.success()), "{four:?}");
    let worked = four.iter().filter(|ended| ended.out.starts_with("done:"));
    assert_eq!(worked.count(), 1, "{four:?}");
    let records = database.dump("chatzz_meta").await;
    let ids: Vec<&str> = records.iter().map(|r| r.get_str("_id").unwrap()).collect();
    let names = MIGRATIONS.iter().map(|m| format!("migration:{}", m.name));
    assert_eq!(ids, names.collect::<Vec<_>>(), "no lock is left");
}

#[tokio::test]
async fn a_lock_that_a_dead_process_left_behind_is_taken_over() {
    let database = TestDatabase::shared().await;
    let ago = bson::DateTime::from_millis(0);
    let lock = doc! { "_id": "lock", "owner": "a dead process", "expiresAt": ago };
    let meta = database.collection("chatzz_meta");
    meta.insert_one(lock).await.unwrap();

    let ended = migrate(&database).await;

    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(database.dump("chatzz_meta").await.len(), MIGRATIONS.len());
}

#[tokio::test]
async fn a_migration_changed_after_it_ran_is_refused_by_name() {
    let database = prepared().await;
    let name = MIGRATIONS[0].name;
    let record = doc! { "_id": format!("migration:{name}") };
    let changed = doc! { "$set": { "checksum": "0".repeat(64) } };
    let meta = database.collection("chatzz_meta");
    meta.update_one(record, changed).await.unwrap();

    database
        .is_refused(&[name, "was changed after it ran"])
        .await;
}

#[tokio::test]
async fn a_database_of_a_newer_chatzz_is_refused() {
    let database = prepared().await;
    let newer = doc! { "_id": "migration:9999_of_the_future", "checksum": "f".repeat(64) };
    let meta = database.collection("chatzz_meta");
    meta.insert_one(newer).await.unwrap();

    database
        .is_refused(&["newer chatzz", "9999_of_the_future"])
        .await;
}
