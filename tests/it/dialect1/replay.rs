//! The recorded conversations, through clients of their time.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::tools::node;

fn conversations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dialect1/conversations");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 9);
    files
}

async fn replay(client: &str) {
    for conversation in conversations() {
        let name = conversation.display();
        let server = super::server().await;
        let url = format!("http://{}", server.addr());
        let mut script = node("replay.js").await;
        script.args(["--client", client, "--url", &url]);
        script.args(["--conversation", conversation.to_str().unwrap()]);
        for name in ["alice", "bob", "carol"] {
            let id = server.user(name).await;
            script.args([&format!("--{name}"), id.as_str().unwrap()]);
        }

        let output = script.output().await;

        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let report: Option<Value> = said
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok());
        let complained = String::from_utf8_lossy(&output.stderr);
        let report =
            report.unwrap_or_else(|| panic!("{name} made no report: {said}\n{complained}"));
        assert_eq!(report["ok"], true, "{client}, {name}: {report}");
        assert!(report["steps"].as_u64() >= Some(4), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_with_1_1_5_is_heard_again_by_client_1() {
    replay("sio1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_with_1_1_5_is_heard_again_by_client_2() {
    replay("sio2").await;
}
