//! `deploy/` and the pages about it: what they name exists.

mod page;
mod programs;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

use chatzz::config::keys;

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::http::get;
use crate::support::places;

const OPERATIONS: &str = "docs/operations.md";
const PAGES: [&str; 2] = ["docs/deploy.md", OPERATIONS];
const RULES: &str = "deploy/prometheus/alerts.yml";
const RULES_TEST: &str = "deploy/prometheus/alerts_test.yml";
const DASHBOARD: &str = "deploy/grafana/chatzz.json";

fn read(path: &str) -> String {
    let path = places::repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of `deploy/` by their paths in the repository, without what `secrets.sh` makes there.
fn deployed() -> Vec<String> {
    let root = places::repository();
    let mut folders = vec![root.join("deploy")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            match name {
                "deploy/secrets" | "deploy/.env" => {}
                _ if path.is_dir() => folders.push(path),
                _ => files.push(name.to_owned()),
            }
        }
    }
    assert!(files.len() > 20, "{files:?}");
    files
}

/// The words of a text that begin with `prefix`, made of `fits` otherwise.
fn words(text: &str, prefix: &str, fits: fn(char) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(prefix) {
        let before = text[..at].chars().next_back();
        if before.is_none_or(|c| !fits(c)) {
            let word: String = text[at..].chars().take_while(|c| fits(*c)).collect();
            found.insert(word);
        }
    }
    found
}

fn of_a_key(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

fn of_a_metric(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn metrics_in(text: &str) -> BTreeSet<String> {
    let mut names = words(text, "chatzz_", of_a_metric);
    names.extend(words(text, "process_", of_a_metric));
    names
}

#[test]
fn every_key_that_is_named_exists() {
    let known: BTreeSet<&str> = keys().flat_map(chatzz::config::Key::names).collect();
    let pages = PAGES.map(str::to_owned);
    let mut unknown = Vec::new();
    for file in deployed().into_iter().chain(pages) {
        for word in words(&read(&file), "CHATZZ_", of_a_key) {
            if !known.contains(word.as_str()) {
                unknown.push(format!("{file}: {word}"));
            }
        }
    }
    assert_eq!(unknown, Vec::<String>::new());
}

/// A metric in an expression, with the names of the labels that it is narrowed down by.
fn selectors(expression: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for name in metrics_in(expression) {
        for (at, _) in expression.match_indices(&name) {
            let rest = &expression[at + name.len()..];
            let labels = rest
                .strip_prefix('{')
                .and_then(|rest| rest.split('}').next());
            let labels = labels.unwrap_or_default().split(',');
            let labels = labels.filter_map(|one| one.split(['=', '!']).next());
            let labels = labels.map(str::trim).filter(|label| !label.is_empty());
            found.push((name.clone(), labels.map(str::to_owned).collect()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_and_label_that_is_named_is_exposed() {
    let database = TestDatabase::shared().await;
    let mut settings = database.keys().to_vec();
    settings.retain(|(key, _)| *key != "CHATZZ_METRICS_LISTEN");
    settings.push(("CHATZZ_METRICS_LISTEN", "127.0.0.1:0"));
    let server = Binary::serve(&settings).await;
    let log = server.log();
    let (_, rest) = log.split_once("metrics at http://").unwrap();
    let addr: SocketAddr = rest.split("/metrics").next().unwrap().parse().unwrap();
    let page = get(addr, "/metrics").await.body;

    let exposed: BTreeSet<&str> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    // a collection
    let other = ["chatzz_events"];
    let mut missing = Vec::new();
    for file in [RULES, RULES_TEST, DASHBOARD, OPERATIONS] {
        let text = read(file);
        for name in metrics_in(&text) {
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let count = format!("{name}_count");
            let is_there = [Some(name.as_str()), base, Some(count.as_str())]
                .into_iter()
                .flatten()
                .any(|name| exposed.contains(name));
            // what the system says of the process is there on Linux
            let is_there = is_there || (name.starts_with("process_") && !cfg!(target_os = "linux"));
            let is_other = file == OPERATIONS && other.contains(&name.as_str());
            if !is_there && !is_other {
                missing.push(format!("{file}: {name}"));
            }
        }
        let by_prometheus = ["job", "instance"];
        for (name, labels) in selectors(&text.replace("\\\"", "\"")) {
            for label in labels {
                let has_it = page.lines().any(|line| {
                    line.strip_prefix(&name).is_some_and(|rest| {
                        rest.starts_with('{') && rest.contains(&format!("{label}=\""))
                    })
                });
                if !by_prometheus.contains(&label.as_str()) && !has_it {
                    missing.push(format!("{file}: {name} by {label}"));
                }
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_alert_has_its_section_and_every_section_its_alert() {
    let rules = read(RULES);
    let after = |mark: &str| {
        let found = rules
            .lines()
            .filter_map(|line| line.trim().strip_prefix(mark));
        found.map(|rest| rest.trim().to_owned()).collect::<Vec<_>>()
    };
    let alerts = after("- alert:");
    assert!(alerts.len() > 20, "{alerts:?}");
    let runbooks = after("runbook:");
    let wanted: Vec<String> = alerts.iter().map(|alert| alert.to_lowercase()).collect();
    let named = runbooks.iter().map(|url| {
        let (page, anchor) = url.split_once('#').unwrap();
        assert!(page.ends_with(&format!("/{OPERATIONS}")), "{url}");
        anchor.to_owned()
    });
    assert_eq!(named.collect::<Vec<_>>(), wanted);

    let page = read(OPERATIONS);
    let sections = page
        .lines()
        .filter_map(|line| line.strip_prefix("### Chatzz"));
    let sections: Vec<String> = sections.map(|rest| format!("Chatzz{rest}")).collect();
    assert_eq!(sections, alerts, "in the same order");
    for alert in &alerts {
        let tested = read(RULES_TEST).contains(&format!("- name: {alert}\n"));
        assert!(tested, "{alert} has no test");
    }
    let count = format!("{} alerts", alerts.len());
    assert!(read("docs/deploy.md").contains(&count), "{count}");
}

/// The sources without what breaks a text into lines.
fn sources() -> String {
    let mut folders = vec![places::repository().join("src")];
    let mut all = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            for line in fs::read_to_string(path).unwrap().lines() {
                match line.trim().strip_suffix('\\') {
                    Some(begun) => all.push_str(begun),
                    None => all.extend([line.trim(), "\n"]),
                }
            }
        }
    }
    all
}

#[test]
fn the_lines_that_are_quoted_are_those_that_are_printed() {
    let sources = sources();
    let page = read(OPERATIONS) + &read("docs/deploy.md");
    let mut quoted = BTreeSet::new();
    // the first cell of the tables whose head says so
    let mut is_table = false;
    for line in page.lines() {
        is_table = line.starts_with('|') && (is_table || line.starts_with("| the line contains |"));
        let cell = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split('`').next());
        if let (true, Some(cell)) = (is_table, cell) {
            quoted.insert(cell.to_owned());
        }
    }
    // lines of the log, without where they come from and without their fields
    for line in page.lines() {
        let level = ["ERROR ", "WARN ", "INFO "];
        let of_log = level.iter().find_map(|level| line.strip_prefix(level));
        let text = of_log
            .and_then(|line| line.split_once(": "))
            .map(|(_, text)| text);
        let Some(text) = text.or_else(|| line.strip_prefix("chatzz: ")) else {
            continue;
        };
        let fields = text.split(' ').take_while(|word| !word.contains('='));
        let text = fields.collect::<Vec<_>>().join(" ");
        // nor what is different each time
        let text = text.split(" (").next().unwrap();
        quoted.insert(text.split(';').next().unwrap().to_owned());
    }
    assert!(quoted.len() > 20, "{quoted:?}");
    let unsaid: Vec<_> = quoted
        .iter()
        .filter(|text| !sources.contains(*text))
        .collect();
    assert_eq!(unsaid, Vec::<&String>::new());
}
