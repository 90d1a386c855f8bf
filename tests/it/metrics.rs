//! What Prometheus reads: names, descriptions and types, from the start.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::http::get;

/// A program that nobody has connected to, and the address of its metrics.
async fn started() -> (Binary, SocketAddr) {
    started_on(&TestDatabase::shared().await, "one").await
}

async fn started_on(database: &TestDatabase, node: &str) -> (Binary, SocketAddr) {
    let mut keys = database.keys().to_vec();
    keys.push(("CHATZZ_NODE_ID", node));
    keys.retain(|(key, _)| *key != "CHATZZ_METRICS_LISTEN");
    keys.push(("CHATZZ_METRICS_LISTEN", "127.0.0.1:0"));
    let server = Binary::serve(&keys).await;
    let log = server.log();
    let (_, rest) = log.split_once("metrics at http://").unwrap();
    let addr = rest.split("/metrics").next().unwrap().parse().unwrap();
    (server, addr)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_in_use_are_never_less_than_none() {
    let (server, addr) = started().await;
    // the server writes its leases meanwhile, so that connections are taken and given back
    for _ in 0..20 {
        let page = get(addr, "/metrics").await.body;
        let value = |name: &str| -> f64 {
            let line = page.lines().find_map(|line| line.strip_prefix(name));
            line.expect(name).trim().parse().unwrap()
        };
        let all = value("chatzz_mongodb_connections ");
        let used = value("chatzz_mongodb_connections_in_use ");
        assert!(all >= 1.0 && used >= 0.0, "{all} {used}");
        get(server.addr(), "/readyz").await;
    }
}

/// What is said of one metric.
#[derive(Default)]
struct Family {
    help: Option<String>,
    kind: Option<String>,
    /// Its lines, without values.
    series: Vec<String>,
}

/// The metrics of a page, by name.
fn families(page: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.is_empty()) {
        let mut words = line.splitn(4, ' ');
        match (words.next().unwrap(), words.next()) {
            ("#", Some(what)) => {
                let family = families
                    .entry(words.next().unwrap().to_owned())
                    .or_default();
                let field = match what {
                    "HELP" => &mut family.help,
                    "TYPE" => &mut family.kind,
                    other => panic!("{other}: {line}"),
                };
                let text = words.next().unwrap_or_default().to_owned();
                assert_eq!(field.replace(text), None, "twice: {line}");
            }
            (series, _) => {
                let name = series.split('{').next().unwrap();
                let of_histogram = ["_bucket", "_sum", "_count"];
                let base = of_histogram.iter().find_map(|end| name.strip_suffix(end));
                let base = base.filter(|base| families.contains_key(*base));
                let family = families.get_mut(base.unwrap_or(name));
                let family = family.unwrap_or_else(|| panic!("not described: {line}"));
                family.series.push(series.to_owned());
            }
        }
    }
    families
}

/// The metrics that the sources count in.
fn counted_in_the_sources() -> BTreeSet<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut names = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for kind in ["counter!(", "gauge!(", "histogram!("] {
                for (at, _) in text.match_indices(kind) {
                    let rest = text[at + kind.len()..].trim_start();
                    let name = rest
                        .strip_prefix('"')
                        .and_then(|rest| rest.split('"').next());
                    names.extend(name.map(str::to_owned));
                }
            }
        }
    }
    assert!(
        names.len() > 20,
        "the sources are where they were: {names:?}"
    );
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_there_from_the_start_with_its_description_and_type() {
    let (_server, addr) = started().await;

    let page = get(addr, "/metrics").await.body;

    let families = families(&page);
    for name in counted_in_the_sources() {
        let family = families.get(&name);
        assert!(
            family.is_some_and(|family| !family.series.is_empty()),
            "{name} is not there from the start"
        );
    }
    for (name, family) in &families {
        let kind = family.kind.as_deref().expect(name);
        assert!(
            ["counter", "gauge", "histogram"].contains(&kind),
            "{name}: {kind}"
        );
        let help = family.help.as_deref().expect(name);
        assert!(help.len() > 5 && help != name, "{name}: {help:?}");
        assert_eq!(
            name.ends_with("_total"),
            kind == "counter",
            "{name}: {kind}"
        );
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(fits), "{name}");
        for unit in ["_ms", "_milliseconds", "_minutes", "_kib", "_percent"] {
            assert!(
                !name.contains(unit),
                "{name}: base units are seconds and bytes"
            );
        }
    }
    let version = format!(
        r#"chatzz_build_info{{version="{}"}} 1"#,
        env!("CARGO_PKG_VERSION")
    );
    assert!(page.lines().any(|line| line == version), "{page}");
    let fresh = r#"chatzz_tokens_total{at="handshake",result="unauthorized"} 0"#;
    assert!(page.lines().any(|line| line == fresh), "{page}");
    if cfg!(target_os = "linux") {
        for name in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_max_fds",
            "process_start_time_seconds",
        ] {
            assert!(families.contains_key(name), "{name}: {page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_has_nothing_to_say() {
    let (_server, addr) = started().await;
    let page = get(addr, "/metrics").await.body;
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match promtool {
        Ok(running) => running,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // straight to the stream: what tests print is only shown when they fail
            let note = "NOT RUN: promtool is not installed (Debian has it in `prometheus`)\n";
            std::io::stderr().write_all(note.as_bytes()).unwrap();
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(page.as_bytes()).unwrap();
    drop(stdin);
    let ended = promtool.wait_with_output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(ended.status.success(), "{said}");
    assert_eq!(said, "");
}

/// How many were counted.
const COUNT: &str = "chatzz_remote_announce_seconds_count ";

#[tokio::test(flavor = "multi_thread")]
async fn how_late_it_is_announced_is_counted_for_messages_of_other_servers_alone() {
    let database = TestDatabase::shared().await;
    let (one, metrics_of_one) = started_on(&database, "one").await;
    let (two, metrics_of_two) = started_on(&database, "two").await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let (alice, _) = one.login(&alice).await;
    let (bob, _) = two.login(&bob).await;
    alice.add(&bob.id).await.unwrap();
    bob.client.wait_for("chat-user-added").await;

    for text in ["one", "two"] {
        alice.send(&bob.id, text).await.unwrap();
        bob.client.wait_for("new-message").await;
    }

    for (addr, expected) in [(metrics_of_one, "0"), (metrics_of_two, "2")] {
        let page = get(addr, "/metrics").await.body;
        let count = page.lines().find_map(|line| line.strip_prefix(COUNT));
        assert_eq!(count, Some(expected));
    }
}
