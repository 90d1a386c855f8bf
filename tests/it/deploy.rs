//! `deploy/` and the pages about it: names that exist, files that their programs accept.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use chatzz::config::keys;
use serde_json::Value;

use crate::support::binary::{Binary, chatzz};
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

/// A folder for the files of a test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = places::temporary().join("deploy").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A program that checks files, unless it is not installed, which is said aloud.
fn tool(name: &str, package: &str) -> Option<Command> {
    let found = [name.to_owned(), format!("/usr/sbin/{name}")]
        .into_iter()
        .find(|path| {
            let asked = Command::new(path)
                .arg("--version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            !matches!(asked, Err(error) if error.kind() == ErrorKind::NotFound)
        });
    if found.is_none() {
        // straight to the stream: what tests print is only shown when they fail
        let note = format!("NOT RUN: {name} is not installed (Debian has it in `{package}`)\n");
        std::io::stderr().write_all(note.as_bytes()).unwrap();
    }
    found.map(Command::new)
}

/// Runs a command to its end, which must be a success.
fn succeeds(command: &mut Command) -> String {
    let ended = command.stdin(Stdio::null()).output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(ended.status.success(), "{command:?}: {said}");
    said
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

/// The anchors of the headings of a page, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut in_code = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if in_code || title == line || !title.starts_with(' ') {
            continue;
        }
        let title = title.trim().to_lowercase();
        let kept = title.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        });
        found.insert(kept.collect());
    }
    found
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

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let mut broken = Vec::new();
    for page in PAGES {
        let text = read(page);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.starts_with("http") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = match file {
                "" => page.to_owned(),
                _ => match file.strip_prefix("../") {
                    Some(above) => above.to_owned(),
                    None => format!("docs/{file}"),
                },
            };
            let is_there = places::repository().join(&file).exists();
            if !is_there || !(anchor.is_empty() || anchors(&read(&file)).contains(anchor)) {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
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
    // said by the driver
    quoted.remove("Error code 13 (Unauthorized)");
    let unsaid: Vec<_> = quoted
        .iter()
        .filter(|text| !sources.contains(*text))
        .collect();
    assert_eq!(unsaid, Vec::<&String>::new());
}

#[test]
fn prometheus_accepts_the_alerts_which_fire_when_they_should() {
    let Some(promtool) = tool("promtool", "prometheus") else {
        return;
    };
    let folder = places::repository().join("deploy/prometheus");
    for args in [
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
        ["check", "config", "prometheus.yml"],
    ] {
        succeeds(
            Command::new(promtool.get_program())
                .args(args)
                .current_dir(&folder),
        );
    }
}

#[test]
fn the_dashboard_asks_in_each_of_its_panels() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<i64> = panels
        .iter()
        .filter_map(|panel| panel["id"].as_i64())
        .collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let asked = panel["targets"].as_array().unwrap();
        let all_ask = asked.iter().all(|one| {
            one["expr"]
                .as_str()
                .is_some_and(|e| e.contains("{job=\"chatzz\""))
        });
        assert!(!asked.is_empty() && all_ask, "{panel}");
        assert!(
            panel["description"]
                .as_str()
                .is_some_and(|text| text.len() > 3),
            "{panel}"
        );
    }
}

#[test]
fn systemd_accepts_the_units_and_finds_them_closed() {
    let Some(analyze) = tool("systemd-analyze", "systemd") else {
        return;
    };
    let folder = folder("systemd");
    let units = ["chatzz.service", "chatzz-migrate.service"];
    for unit in units {
        let text = read(&format!("deploy/systemd/{unit}"));
        let installed = "ExecStart=/usr/local/bin/chatzz ";
        assert!(text.contains(installed), "{unit}");
        let here = format!("ExecStart={} ", chatzz().display());
        fs::write(folder.join(unit), text.replace(installed, &here)).unwrap();
    }
    let run = |args: &[&str], units: &[&str]| {
        let units = units.iter().map(|unit| format!("./{unit}"));
        let mut command = Command::new(analyze.get_program());
        succeeds(command.args(args).args(units).current_dir(&folder))
    };
    assert_eq!(run(&["verify", "--man=no"], &units), "");
    for unit in units {
        // of 100, the higher the more open
        run(&["security", "--offline=yes", "--threshold=20"], &[unit]);
    }
}

#[test]
fn the_proxies_accept_their_samples() {
    let folder = folder("proxies");
    let made = rcgen::generate_simple_self_signed(vec!["app.example.org".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let both = write("both.pem", &(certificate.clone() + &key));
    let certificate = write("cert.pem", &certificate);
    let key = write("key.pem", &key);
    let sample = |name: &str, replaced: &[(&str, &str)]| {
        let mut text = read(&format!("deploy/proxies/{name}"));
        for (old, new) in replaced {
            assert!(text.contains(old), "{name}: {old}");
            text = text.replace(old, new);
        }
        text
    };

    if let Some(mut nginx) = tool("nginx", "nginx-light") {
        let text = sample(
            "nginx.conf",
            &[
                ("/etc/ssl/certs/app.example.org.pem", &certificate),
                ("/etc/ssl/private/app.example.org.key", &key),
                // some machines have no IPv6
                ("    listen [::]:80;\n", ""),
                ("    listen [::]:443 ssl http2;\n", ""),
                ("listen 80;", "listen 127.0.0.1:18080;"),
                ("listen 443 ", "listen 127.0.0.1:18443 "),
            ],
        );
        // what it keeps in folders of root otherwise
        let bodies = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let bodies = bodies.map(|of| format!("{of}_temp_path {}/{of};\n", folder.display()));
        let begin = format!(
            "pid {}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{}",
            folder.display(),
            bodies.concat()
        );
        let path = write("nginx.conf", &format!("{begin}{text}}}\n"));
        let errors = format!("{}/nginx.log", folder.display());
        succeeds(nginx.args(["-t", "-c", &path, "-e", &errors]));
    }
    if let Some(mut haproxy) = tool("haproxy", "haproxy") {
        let text = sample(
            "haproxy.cfg",
            &[("/etc/haproxy/certs/app.example.org.pem", &both)],
        );
        let path = write("haproxy.cfg", &text);
        succeeds(haproxy.args(["-c", "-f", &path]));
    }
    if let Some(mut caddy) = tool("caddy", "caddy") {
        let path = write("Caddyfile", &sample("Caddyfile", &[]));
        let adapted = caddy.args(["adapt", "--adapter", "caddyfile", "--config", &path]);
        succeeds(adapted.env("HOME", &folder).env("XDG_CONFIG_HOME", &folder));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_of_the_image_notices_an_end() {
    let dockerfile = read("deploy/Dockerfile");
    let check = dockerfile
        .lines()
        .find(|line| line.starts_with("HEALTHCHECK "))
        .unwrap();
    let (_, command) = check.split_once(" CMD ").unwrap();
    let command: Vec<String> = serde_json::from_str(command).unwrap();
    let database = TestDatabase::shared().await;
    let server = Binary::serve(&database.keys()).await;
    let here = format!("/dev/tcp/127.0.0.1/{}", server.addr().port());
    let port = "/dev/tcp/127.0.0.1/3000";
    assert!(command.iter().any(|arg| arg.contains(port)), "{command:?}");
    let is_well = async || {
        let mut run = Command::new(&command[0]);
        run.args(command[1..].iter().map(|arg| arg.replace(port, &here)));
        run.stdin(Stdio::null()).stderr(Stdio::null());
        tokio::task::spawn_blocking(move || run.status().unwrap().success())
            .await
            .unwrap()
    };

    assert!(is_well().await);
    server.terminate().await;
    assert!(!is_well().await);
}

#[test]
fn the_secrets_of_compose_are_made_once_and_for_nobody_else() {
    let folder = folder("compose");
    fs::create_dir(folder.join("compose")).unwrap();
    let script = folder.join("compose/secrets.sh");
    fs::copy(
        places::repository().join("deploy/compose/secrets.sh"),
        &script,
    )
    .unwrap();
    succeeds(Command::new("bash").arg(&script));
    let secrets = || {
        let mut found = Vec::new();
        for inner in ["secrets", "secrets/passwords"] {
            for entry in fs::read_dir(folder.join(inner)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let mode = fs::metadata(&path).unwrap().permissions().mode();
                    assert_eq!(mode & 0o7, 0, "{}", path.display());
                    found.push((path.clone(), fs::read_to_string(path).unwrap()));
                }
            }
        }
        found.sort();
        found
    };
    let first = secrets();
    succeeds(Command::new("bash").arg(&script));
    assert_eq!(secrets(), first);

    // all that are named are there
    let compose = read("deploy/compose.yaml");
    let files = compose
        .split("{ file: ./")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next());
    let files: Vec<&str> = files.collect();
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        assert!(text.trim().len() > 20, "{file}");
    }
    let uri = fs::read_to_string(folder.join("secrets/mongodb-uri")).unwrap();
    let password = fs::read_to_string(folder.join("secrets/passwords/serve")).unwrap();
    assert!(
        uri.contains(&format!("chatzz:{}@", password.trim())),
        "{uri}"
    );
}

#[test]
fn the_accounts_have_the_roles_of_the_documentation() {
    let page = read("docs/security.md")
        .replace("\n  '", " '")
        .replace(",\n", ",");
    let script = read("deploy/mongodb/accounts.js");
    let lines = script.lines();
    let named =
        lines.filter(|line| line.starts_with("const own = [") || line.starts_with("role('"));
    let lists = named.flat_map(|line| {
        let line = line.split('[').skip(1);
        line.filter_map(|rest| rest.split(']').next())
            .map(str::to_owned)
    });
    let lists: Vec<String> = lists.filter(|list| list.contains("', '")).collect();
    assert_eq!(lists.len(), 3, "{lists:?}");
    for list in lists {
        assert!(
            page.contains(&list),
            "docs/security.md does not have {list}"
        );
    }
}

#[test]
fn a_supervisor_waits_for_longer_than_the_server_drains() {
    let drain = keys()
        .find(|key| key.name == "CHATZZ_DRAIN_TIMEOUT")
        .unwrap();
    let drain: u64 = drain.example().trim_end_matches('s').parse().unwrap();
    for (file, before) in [
        ("deploy/systemd/chatzz.service", "TimeoutStopSec="),
        // the last one there is that of chatzz
        ("deploy/compose.yaml", "stop_grace_period: "),
        (
            "deploy/helm/chatzz/values.yaml",
            "terminationGracePeriodSeconds: ",
        ),
    ] {
        let text = read(file);
        let (_, rest) = text.rsplit_once(before).unwrap();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        assert!(digits.parse::<u64>().unwrap() > drain + 5, "{file}");
    }
}
