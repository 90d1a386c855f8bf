//! `deploy/`, as the programs see it that are to run it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use chatzz::config::keys;
use serde_json::{Value, json};

use super::{DASHBOARD, read};
use crate::support::binary::{Binary, chatzz};
use crate::support::database::TestDatabase;
use crate::support::places;

/// A folder for the files of a test, empty.
pub(super) fn folder(name: &str) -> PathBuf {
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
pub(super) fn succeeds(command: &mut Command) -> String {
    let ended = command.stdin(Stdio::null()).output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(ended.status.success(), "{command:?}: {said}");
    said
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

/// The expression of a panel, with the values of the dashboard's variables.
fn expression(title: &str) -> String {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let panel = panels.iter().find(|panel| panel["title"] == title).unwrap();
    let asked = panel["targets"][0]["expr"].as_str().unwrap();
    asked
        .replace("$server", ".*")
        .replace("$__rate_interval", "1m")
}

#[test]
fn where_no_answer_failed_panels_say_none_rather_than_nothing() {
    let Some(promtool) = tool("promtool", "prometheus") else {
        return;
    };
    let folder = folder("dashboard");
    let series = |code: &str| {
        format!(r#"chatzz_events_total{{job="chatzz",instance="a",event="typing",code="{code}"}}"#)
    };
    let expected = |title: &str, labels: &str, value: f64| {
        json!({
            "expr": expression(title),
            "eval_time": "5m",
            "exp_samples": [{ "labels": labels, "value": value }],
        })
    };
    let case = |series: &[(String, &str)], share: f64, others: (&str, f64)| {
        let series = series.iter();
        let series = series.map(|(name, values)| json!({ "series": name, "values": values }));
        json!({
            "interval": "15s",
            "input_series": series.collect::<Vec<_>>(),
            "promql_expr_test": [
                expected("Failed answers", "{}", share),
                expected("Answers other than ok", others.0, others.1),
            ],
        })
    };
    let none = (r#"{code="none"}"#, 0.0);
    let failed = [(series("ok"), "0+3x40"), (series("internal"), "0+15x40")];
    let tests = json!({ "tests": [
        case(&failed[..1], 0.0, none),
        // nobody is there
        case(&[(series("ok"), "0x40")], 0.0, none),
        // one a second of 1.2
        case(&failed, 1.0 / 1.2, (r#"{code="internal"}"#, 1.0)),
    ] });
    // JSON is YAML
    fs::write(folder.join("test.yml"), tests.to_string()).unwrap();
    let mut command = Command::new(promtool.get_program());
    succeeds(
        command
            .args(["test", "rules", "test.yml"])
            .current_dir(&folder),
    );
}

#[test]
fn everything_is_served_under_the_path_of_the_proxies() {
    for (file, line) in [
        ("proxies/nginx.conf", "location /chat/socket.io/ {"),
        ("proxies/haproxy.cfg", "path_beg /chat/socket.io/ "),
        ("proxies/Caddyfile", "handle /chat/socket.io/* {"),
        ("systemd/chatzz.env", "CHATZZ_SOCKET_PATH=/chat/socket.io\n"),
        ("compose.yaml", "CHATZZ_SOCKET_PATH: /chat/socket.io\n"),
        (
            "helm/chatzz/values.yaml",
            "CHATZZ_SOCKET_PATH: /chat/socket.io\n",
        ),
        ("helm/chatzz/values.yaml", "  path: /chat/socket.io\n"),
    ] {
        assert!(
            read(&format!("deploy/{file}")).contains(line),
            "{file}: {line}"
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
    // whoever signs with the bytes of this file signs with what chatzz reads
    let secret = fs::read_to_string(folder.join("secrets/jwt-secret")).unwrap();
    assert_eq!(secret, secret.trim());
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
