//! The file of keys: made by the program, looked at while the server runs.

use std::time::Duration;

use super::{BackEnd, free_addr, key_file};
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::poll;
use chatzz::config::{ApiScope, new_api_key};

/// Longer than the file is looked at.
const LOOKED: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_added_and_revoked_while_the_server_runs_and_a_broken_file_changes_nothing() {
    let database = TestDatabase::shared().await;
    let (file, keys) = key_file(&[&[ApiScope::Read]]);
    let addr = free_addr();
    let listen = addr.to_string();
    let mut settings = database.keys().to_vec();
    settings.extend([
        ("CHATZZ_API_LISTEN", listen.as_str()),
        ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
    ]);
    let server = Binary::serve(&settings).await;
    let old = BackEnd::new(addr, &keys[0]);
    assert_eq!(old.get("/v1/openapi.json").await.status, 200);

    std::fs::write(&file, "broken").unwrap();
    poll::until("the broken file is reported", LOOKED, async || {
        server
            .log()
            .contains("the API keys were not changed")
            .then_some(())
    })
    .await;
    assert_eq!(
        old.get("/v1/openapi.json").await.status,
        200,
        "the old keys stay"
    );

    let (key, line) = new_api_key("new", &[ApiScope::Read]).unwrap();
    let (ended, ended_line) = new_api_key("ended", &[ApiScope::Read]).unwrap();
    std::fs::write(&file, format!("# keys\n{line}\n{ended_line} 2020-01-01\n")).unwrap();
    let new = BackEnd::new(addr, &key);
    poll::until("the new key is good", LOOKED, async || {
        (new.get("/v1/openapi.json").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(
        old.get("/v1/openapi.json").await.status,
        401,
        "the old one is revoked"
    );
    let ended = BackEnd::new(addr, &ended);
    assert_eq!(ended.get("/v1/openapi.json").await.status, 401);
    let warned = server
        .log()
        .matches("the API keys were not changed")
        .count();
    assert_eq!(warned, 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_refuses_the_start_with_all_its_mistakes() {
    let (file, _) = key_file(&[]);
    std::fs::write(&file, "shop\nshop all 00\n").unwrap();
    let ended = Binary::run(
        &["serve"],
        &[
            ("CHATZZ_AUTH", "trusted"),
            ("CHATZZ_API_LISTEN", "127.0.0.1:0"),
            ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
        ],
    )
    .await;
    assert_eq!(ended.status.code(), Some(2), "{}", ended.err);
    for line in ["line 1: ", "line 2: "] {
        let mistake = format!("CHATZZ_API_KEYS_FILE: {line}");
        assert!(ended.err.contains(&mistake), "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_without_keys_and_keys_without_an_api_are_mistakes() {
    let (file, _) = key_file(&[]);
    let alone = [
        ("CHATZZ_API_LISTEN", "127.0.0.1:0"),
        ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
    ];
    for key in alone {
        let ended = Binary::run(&["serve"], &[("CHATZZ_AUTH", "trusted"), key]).await;
        assert_eq!(ended.status.code(), Some(2), "{}", ended.err);
        let both = "CHATZZ_API_LISTEN and CHATZZ_API_KEYS_FILE";
        assert!(ended.err.contains(both), "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_new_prints_a_key_and_the_line_that_recognises_it() {
    let made = Binary::run(&["key", "new", "shop", "read,send"], &[]).await;
    assert!(made.status.success(), "{}", made.err);
    let words: Vec<&str> = made.out.split_whitespace().collect();
    let key = words
        .iter()
        .find(|word| word.starts_with("chatzz_"))
        .unwrap();
    let digest = chatzz::config::digest_of(key.as_bytes());
    let line = format!("shop read,send {}", hex::encode(digest));
    assert!(made.out.ends_with(&format!("  {line}\n")), "{}", made.out);
    for wrong in [["shop", "all"], ["a b", "read"], ["shop", ""]] {
        let refused = Binary::run(&[&["key", "new"], &wrong[..]].concat(), &[]).await;
        assert!(!refused.status.success(), "{wrong:?}");
    }
}
