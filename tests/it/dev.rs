//! `chatzz dev`, as somebody sees it who tries chatzz.

use std::net::TcpListener;
use std::path::PathBuf;

use crate::support::binary::Binary;
use crate::support::http::{get, send};

fn folder() -> PathBuf {
    let name = format!("dev-{}", uuid::Uuid::new_v4());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_one_in_the_same_folder_names_the_first_and_harms_nothing() {
    let folder = folder();
    let quiet = [("CHATZZ_METRICS_LISTEN", "off")];
    let first = Binary::dev(&folder, &["--listen", "127.0.0.1:0"], &quiet).await;
    let out = first.out();
    let last: Vec<&str> = out.lines().rev().take(3).collect();
    assert!(last.iter().any(|line| line.ends_with("/?as=bob")), "{out}");
    assert_eq!(first.log(), "", "only warnings are logged");

    let dir = folder.to_str().unwrap();
    for args in [
        &["dev", "--dir", dir][..],
        &["dev", "--dir", dir, "--fresh"],
    ] {
        let second = Binary::run(args, &quiet).await;
        assert_eq!(second.status.code(), Some(1), "{second:?}");
        let url = format!("http://{}/", first.addr());
        for word in [url.as_str(), "--dir"] {
            assert!(second.err.contains(word), "no {word}: {second:?}");
        }
    }

    let users = get(first.addr(), "/demo/users").await;
    assert!(users.body.contains("alice"), "{}", users.body);
    assert_eq!(get(first.addr(), "/readyz").await.status, 200);
    let ended = first.terminate().await;
    assert!(ended.status.success(), "{ended:?}");
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_said_and_replaced() {
    let folder = folder();
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [clients, metrics] = taken
        .each_ref()
        .map(|one| one.local_addr().unwrap().to_string());
    let keys = [
        ("CHATZZ_LISTEN", clients.as_str()),
        ("CHATZZ_METRICS_LISTEN", metrics.as_str()),
    ];

    let dev = Binary::dev(&folder, &[], &keys).await;

    let out = dev.out();
    for line in [
        format!("{clients} is in use: taking a free port instead"),
        format!("{metrics} is in use: there are no metrics"),
    ] {
        assert!(out.contains(&line), "no {line:?} in {out}");
    }
    assert_ne!(dev.addr().to_string(), clients);
    assert_eq!(get(dev.addr(), "/readyz").await.status, 200);
    drop(dev);
    let _ = std::fs::remove_dir_all(folder);
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
    rest.split_once(after).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_of_the_http_api_works_as_it_is_printed() {
    let folder = folder();
    let quiet = [("CHATZZ_METRICS_LISTEN", "off")];
    let mut keys = Vec::new();
    for status in [201, 200] {
        let dev = Binary::dev(&folder, &["--listen", "127.0.0.1:0"], &quiet).await;
        let out = dev.out();
        let addr = between(&out, "curl http://", "/v1/messages")
            .parse()
            .unwrap();
        let key = between(&out, "-H '", "'");
        let (name, value) = key.split_once(": ").unwrap();
        let body = between(&out, "-d '", "'");

        let sent = send(addr, "POST", "/v1/messages", &[(name, value)], body).await;

        assert_eq!(sent.status, status, "{}", sent.body);
        keys.push(key.to_owned());
        dev.terminate().await;
    }
    assert_eq!(keys[0], keys[1], "the key stays");
    let _ = std::fs::remove_dir_all(folder);
}
