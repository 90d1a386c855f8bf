//! `CHATZZ_SERVE_CLIENT`: the script of the client, where a socket.io server has it.

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::http::{get, request};
use crate::support::server::Server;
use crate::support::tools::node_package;

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_the_package_are_served_and_nothing_else_of_its_folder() {
    for (package, names) in [
        ("sio2", &["socket.io.js"][..]),
        (
            "sio4",
            &["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js"],
        ),
    ] {
        let folder = node_package(package).await.join("dist");
        let server = Server::with(&[("CHATZZ_SERVE_CLIENT", folder.to_str().unwrap())]).await;
        for name in names {
            let target = format!("/socket.io/{name}");
            let answer = get(server.addr(), &target).await;
            assert_eq!(answer.status, 200, "{package} {name}");
            let media_type = answer.header("content-type").unwrap();
            assert_eq!(media_type, "text/javascript; charset=utf-8");
            let file = std::fs::read_to_string(folder.join(name)).unwrap();
            assert!(answer.body == file, "{package} {name} is the file");
            let etag = answer.header("etag").unwrap();
            let known = [("if-none-match", etag)];
            let again = request(server.addr(), "GET", &target, &known).await;
            assert_eq!((again.status, again.body.as_str()), (304, ""));
        }
        for other in [
            "socket.io.dev.js",
            "socket.io.js.map",
            "socket.io.js/../package.json",
        ] {
            let answer = get(server.addr(), &format!("/socket.io/{other}")).await;
            assert_eq!(answer.status, 404, "{package} {other}");
            assert!(
                answer.body.contains("CHATZZ_SERVE_CLIENT"),
                "{}",
                answer.body
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_the_script_is_refused_in_words() {
    let database = TestDatabase::shared().await;
    let empty = node_package("sio4").await;
    let mut keys = database.keys().to_vec();
    keys.push(("CHATZZ_SERVE_CLIENT", empty.to_str().unwrap()));
    let ended = Binary::run(&["serve"], &keys).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    for words in ["CHATZZ_SERVE_CLIENT=", "socket.io-client"] {
        assert!(ended.err.contains(words), "{ended:?}");
    }
}
