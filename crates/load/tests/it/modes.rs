//! Every mode, once, against a real server.

use super::support::{Server, run};

/// Long enough for every worker to do something, on a busy machine too.
const SHORT: &str = "--warm-up 0.2 --seconds 1.5";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mode_finds_nothing_wrong_with_a_real_server() {
    let server = Server::start().await;
    let database = format!("--uri {} --database chatzz", server.uri);
    let world = "--people 6 --contacts 4";
    let seeded = run(&format!(
        "seed {database} {world} --per-room 30 --missed 10 --users 160"
    ))
    .await;
    assert_eq!(seeded.code, Some(0), "{seeded:?}");
    assert_eq!(seeded.report["chatRooms"], 24);
    assert_eq!(seeded.report["messages"], 720);

    let pid = std::process::id();
    let sends = [
        format!("send {SHORT} --first-user 20 --pairs 3 --in-flight 4 --client-ids --pid {pid}"),
        format!("send {SHORT} --first-user 20 --pairs 3 --rate 100"),
        format!("send {SHORT} --first-user 20 --pairs 3 --eio 3"),
    ];
    for line in &sends {
        let ran = server.load(line).await;
        assert!(ran.clean_count() > 0, "{line}: {ran:?}");
        assert!(ran.report["latencyMs"]["p50"].as_f64().unwrap() > 0.0);
        assert!(ran.report["moreMs"]["delivery"]["p99"].as_f64().unwrap() > 0.0);
    }
    let logins = server
        .load(&format!("login {SHORT} {world} --missed 10"))
        .await;
    assert!(logins.clean_count() > 0);
    let pages = format!("history {SHORT} {world} --per-room 30 --limit 20 --at-once 2");
    assert!(server.load(&pages).await.clean_count() > 0);
    let presence = server.load(&format!("presence {SHORT} {world}")).await;
    assert!(presence.clean_count() > 0);
    let mixed = format!("mixed {SHORT} {world} --rate 150 --reconnects 10");
    assert!(server.load(&mixed).await.clean_count() > 0);
    let crowd =
        format!("connect --sockets 40 --sources 3 --login --hold 0.2 --settle 0.1 --pid {pid}");
    let crowd = server.load(&crowd).await;
    assert_eq!(crowd.clean_count(), 40);
    assert!(crowd.report["figures"]["heldResidentKib"].as_f64().unwrap() > 0.0);
    let others = "--pairs 2 --pace 20 --first-honest 110";
    let flood = format!("flood {SHORT} {others} --flooder 130 --events 500");
    let flood = server.load(&flood).await;
    assert!(flood.clean_count() > 0);
    assert!(flood.report["figures"]["flooded"].as_f64().unwrap() > 0.0);
    let deaf = format!("never-read {SHORT} {others} --deaf 6 --asks 100 --pid {pid}");
    let deaf = server.load(&deaf).await;
    assert!(deaf.clean_count() > 0);
    assert!(deaf.report["moreMs"]["cut"]["max"].as_f64().unwrap() > 0.0);
    let slow = format!("slow {SHORT} --slow 5 --idle 10 --sources 2");
    let slow = server.load(&slow).await;
    assert!(slow.clean_count() > 0);
    assert!(slow.report["figures"]["openAtBegin"].as_f64().unwrap() > 0.0);
    let oracle = "oracle --what messages --samples 40 --at-once 2 --users 160";
    let oracle = server.load(oracle).await;
    assert_eq!(oracle.clean_count(), 80);
    assert!(oracle.report["moreMs"]["refused"]["p50"].as_f64().unwrap() > 0.0);
    // without a rule nobody is refused, and that is said
    let unruled = server
        .load("oracle --samples 4 --at-once 2 --users 160")
        .await;
    assert_eq!(unruled.code, Some(1), "{unruled:?}");
    let raw = run(&format!("raw {database} {SHORT} --at-once 8")).await;
    assert!(raw.clean_count() > 0);

    // and the checks of what is told at a login can fail
    let wrong = server
        .load(&format!("login {SHORT} {world} --missed 11"))
        .await;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.report["checks"]["errors"].as_u64().unwrap() > 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_back_end_does_is_found_right_on_a_real_server() {
    let server = Server::start().await;
    let api = &server.api;
    let seed = format!("seed --uri {} --database chatzz --users 60", server.uri);
    assert_eq!(run(&seed).await.code, Some(0));

    let batches = format!("api {SHORT} {api} --pairs 6 --batch 20 --in-flight 2");
    assert!(server.load(&batches).await.clean_count() > 0);
    let paced = format!("api {SHORT} {api} --pairs 6 --batch 10 --in-flight 2 --rate 100");
    assert!(server.load(&paced).await.clean_count() > 0);
    let pulled = format!("send {SHORT} {api} --first-user 12 --pairs 2 --both-ways --events pull");
    let pulled = server.load(&pulled).await;
    assert!(pulled.clean_count() > 0);
    assert!(pulled.report["moreMs"]["event"]["p50"].as_f64().unwrap() > 0.0);
    let backlog =
        format!("backlog {api} --messages 600 --pairs 4 --batch 50 --in-flight 2 --settle 0");
    assert!(server.load(&backlog).await.clean_count() >= 600);
    let jobs =
        format!("jobs {api} --first-user 30 --messages 300 --erased 60 --contacts 5 --settle 0");
    let jobs = server.load(&jobs).await;
    assert_eq!(jobs.clean_count(), 300);
    for took in ["import", "again", "export", "erase"] {
        let seconds = &jobs.report["figures"][format!("{took}Seconds")];
        assert!(seconds.as_f64().unwrap() > 0.0, "{took}: {jobs:?}");
    }

    // and that nobody posts what should be posted can be noticed
    let line = format!("send {SHORT} --first-user 12 --rate 20 --events push --listen 127.0.0.1:0");
    let unposted = server.load(&line).await;
    assert_eq!(unposted.code, Some(1), "{unposted:?}");
    assert!(unposted.report["checks"]["lost"].as_u64().unwrap() > 0);
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_and_no_report() {
    let ran = run("send --addr 127.0.0.1:1 --seconds 1").await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.report.is_null(), "{ran:?}");
    assert!(ran.said.contains("connecting"), "{ran:?}");
}

#[tokio::test]
async fn an_impossible_command_line_ends_with_two() {
    assert_eq!(run("send --rate 5 --in-flight 2").await.code, Some(2));
}
