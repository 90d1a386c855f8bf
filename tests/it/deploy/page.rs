//! What `docs/deploy.md` has an operator type.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::programs::{folder, succeeds};
use super::read;
use crate::support::binary::{Binary, chatzz};
use crate::support::database::TestDatabase;

const PAGE: &str = "docs/deploy.md";

/// The block of the page that has a line.
fn block(line: &str) -> String {
    let page = read(PAGE);
    let blocks = page.split("```sh\n").skip(1);
    let mut blocks = blocks.filter_map(|rest| rest.split("```").next());
    let found = blocks.find(|block| block.contains(line));
    found
        .unwrap_or_else(|| panic!("{PAGE} has no block with {line}"))
        .to_owned()
}

/// Runs lines of the page, with a folder in the place of `/etc/chatzz`.
fn run(script: &str, etc: &Path) -> String {
    let script = script.replace("/etc/chatzz", etc.to_str().unwrap());
    let programs = chatzz().parent().unwrap().display().to_string();
    let path = format!("{programs}:/usr/bin:/bin");
    let mut shell = Command::new("bash");
    shell.args(["-euc", &script]).env_clear().env("PATH", path);
    succeeds(shell.current_dir(etc))
}

#[test]
fn the_secrets_of_the_page_belong_to_their_owner_and_have_no_line_end_where_it_counts() {
    let etc = folder("secrets");
    let begin = block("passwords/serve");
    let begin: Vec<&str> = begin
        .lines()
        .filter(|line| !line.starts_with("mongosh "))
        .collect();

    run(&format!("{}\n{}", begin.join("\n"), block("uri()")), &etc);

    let text = |name: &str| fs::read_to_string(etc.join(name)).unwrap();
    for name in [
        "mongodb-uri",
        "mongodb-uri-migrate",
        "jwt-secret",
        "passwords/serve",
    ] {
        let mode = fs::metadata(etc.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let secret = text("jwt-secret");
    assert_eq!((secret.trim(), secret.len()), (secret.as_str(), 64));
    let uri = format!(
        "mongodb://chatzz:{}@db.example.org:27017/?replicaSet=rs0&authSource=admin&tls=true",
        text("passwords/serve").trim()
    );
    assert_eq!(text("mongodb-uri").trim(), uri);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_of_the_page_has_the_settings_and_the_secrets_of_the_units() {
    let etc = folder("here");
    let database = TestDatabase::shared().await;
    let mut settings = String::from("CHATZZ_AUTH=jwt\n");
    for (key, value) in database.keys() {
        match key {
            "CHATZZ_MONGODB_URI" => fs::write(etc.join("mongodb-uri"), value).unwrap(),
            "CHATZZ_AUTH" => {}
            _ => settings.extend([key, "='", value, "'\n"]),
        }
    }
    fs::write(etc.join("chatzz.env"), settings).unwrap();
    fs::write(etc.join("jwt-secret"), "0123456789".repeat(4)).unwrap();
    for name in ["mongodb-uri", "jwt-secret"] {
        fs::set_permissions(etc.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let server = Binary::serve(&database.keys()).await;
    server.terminate().await;

    let script = block("chatzz_here() (");
    let said = tokio::task::spawn_blocking(move || run(&script, &etc))
        .await
        .unwrap();

    assert!(said.ends_with("clean\n"), "{said}");
    assert!(said.contains(database.name()), "{said}");
}
