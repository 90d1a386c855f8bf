//! An account that may find users and nothing else there: the one of `docs/your-users.md`, and
//! the two of `docs/security.md`.

use bson::{Document, doc};
use chatzz_dev::mongod::Mongod;
use mongodb::Client;

use crate::support::binary::Binary;
use crate::support::mongod;
use crate::support::server::Server;

/// A standalone mongod that asks for passwords, the administrator's handle of it, and where it is.
struct Guarded {
    mongod: Mongod,
    admin: Client,
}

impl Guarded {
    async fn start(name: &str) -> Self {
        // the first user may be made by anybody, from this machine
        let mongod = mongod::start(name, |mut options| {
            options.replica_set = false;
            options.extra_args = vec!["--auth".to_owned()];
            options
        })
        .await;
        let open = Client::with_uri_str(mongod.uri()).await.unwrap();
        let root = doc! { "createUser": "root", "pwd": "root", "roles": ["root"] };
        open.database("admin").run_command(root).await.unwrap();
        let admin = Client::with_uri_str(uri(&mongod, "root")).await.unwrap();
        Self { mongod, admin }
    }

    async fn role(&self, name: &str, privileges: Vec<Document>, roles: &[&str]) {
        let roles: Vec<&str> = roles.to_vec();
        let role = doc! { "createRole": name, "privileges": privileges, "roles": roles };
        self.run(role).await;
    }

    async fn account(&self, name: &str, roles: Vec<bson::Bson>) -> String {
        self.run(doc! { "createUser": name, "pwd": name, "roles": roles })
            .await;
        uri(&self.mongod, name)
    }

    async fn run(&self, command: Document) {
        let admin = self.admin.database("admin");
        admin.run_command(command).await.unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "a test plays the application")]
    async fn users(&self) {
        let users = self.admin.database("app").collection::<Document>("users");
        for id in ["anna", "bert"] {
            let user = doc! { "_id": id, "username": id, "password": "secret" };
            users.insert_one(user).await.unwrap();
        }
    }
}

impl Guarded {
    /// A chat user as chatzz 1.x stored it.
    #[expect(clippy::disallowed_methods, reason = "a test plays chatzz 1.x")]
    async fn old_chat_user(&self, user: &str) {
        let database = self.admin.database("app");
        let old = doc! { "user": user, "status": "offline", "__v": 0 };
        let chat_users = database.collection::<Document>("chatusers");
        chat_users.insert_one(old).await.unwrap();
    }
}

fn uri(mongod: &Mongod, account: &str) -> String {
    let port = mongod.port();
    format!(
        "mongodb://{account}:{account}@127.0.0.1:{port}/?directConnection=true&authSource=admin"
    )
}

fn may(collection: &str, actions: &[&str]) -> Document {
    let resource = doc! { "db": "app", "collection": collection };
    doc! { "resource": resource, "actions": actions.to_vec() }
}

async fn they_talk(server: &Binary) {
    let (anna, _) = server.login(&"anna".into()).await;
    let (bert, _) = server.login(&"bert".into()).await;
    anna.add(&bert.id).await.unwrap();
    let sent = anna.send(&bert.id, "hello").await.unwrap();
    assert_eq!(sent["to"]["username"], "bert");
    bert.read_up_to(&anna.id, 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn find_on_users_and_a_database_of_its_own_is_enough() {
    let guarded = Guarded::start("role-beside").await;
    guarded.users().await;
    guarded
        .role("chatzzReadsUsers", vec![may("users", &["find"])], &[])
        .await;
    let own = doc! { "role": "readWrite", "db": "chatzz" };
    let roles = vec!["chatzzReadsUsers".into(), own.into()];
    let uri = guarded.account("chatzz", roles).await;

    let server = Server::on_database(&uri, "chatzz", &[("CHATZZ_USER_DATABASE", "app")]).await;

    let anna = server.login(&"anna".into()).await;
    anna.add(&"bert".into()).await.unwrap();
    anna.send(&"bert".into(), "hello").await.unwrap();
    drop(server);
    guarded.mongod.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_applications_database_two_accounts_with_named_collections_are_enough() {
    let guarded = Guarded::start("role-inside").await;
    guarded.users().await;
    let own = [
        "chatusers",
        "chatrooms",
        "chatmessages",
        "chatprivacy",
        "chatzz_nodes",
        "chatzz_events",
        "chatzz_meta",
    ];
    let on_own = |actions: &[&str]| own.map(|name| may(name, actions)).to_vec();
    guarded
        .role("chatzzReadsUsers", vec![may("users", &["find"])], &[])
        .await;
    let on_duty = on_own(&["find", "insert", "update", "remove", "listIndexes"]);
    guarded
        .role("chatzzServes", on_duty, &["chatzzReadsUsers"])
        .await;
    let migrates = on_own(&["createCollection", "createIndex", "dropIndex"]);
    guarded
        .role("chatzzMigrates", migrates, &["chatzzServes"])
        .await;
    let uri = guarded.account("chatzz", vec!["chatzzServes".into()]).await;
    let migrating = guarded
        .account("migrate", vec!["chatzzMigrates".into()])
        .await;
    let keys = [
        ("CHATZZ_AUTH", "trusted"),
        ("CHATZZ_LISTEN", "127.0.0.1:0"),
        ("CHATZZ_METRICS_LISTEN", "off"),
        ("CHATZZ_DATABASE", "app"),
        ("CHATZZ_MIGRATE_ON_START", "false"),
    ];
    let with = |uri| [&keys[..], &[("CHATZZ_MONGODB_URI", uri)]].concat();

    let prepared = Binary::run(&["migrate"], &with(&migrating)).await;
    assert!(prepared.status.success(), "{prepared:?}");
    let server = Binary::serve(&with(&uri)).await;

    they_talk(&server).await;
    drop(server);
    guarded.mongod.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_lacks_a_right_is_named_what_it_needs_and_nothing_else() {
    let guarded = Guarded::start("role-reads").await;
    guarded.users().await;
    let read = doc! { "role": "read", "db": "app" };
    let uri = guarded.account("reader", vec![read.into()]).await;
    let keys = [
        ("CHATZZ_AUTH", "trusted"),
        ("CHATZZ_LISTEN", "127.0.0.1:0"),
        ("CHATZZ_METRICS_LISTEN", "off"),
        ("CHATZZ_DATABASE", "app"),
        ("CHATZZ_MONGODB_URI", uri.as_str()),
    ];
    let assert_named = |ended: crate::support::binary::Ended| {
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let complaint = ended.err.lines().last().unwrap_or_default();
        assert!(complaint.contains("may not `"), "{ended:?}");
        assert!(
            complaint.contains("app.chatzz_meta: it needs the role `readWrite`"),
            "{ended:?}"
        );
        assert!(complaint.len() < 250, "{ended:?}");
    };
    for command in ["serve", "migrate"] {
        assert_named(Binary::run(&[command], &keys).await);
    }

    guarded.old_chat_user("anna").await;
    assert_named(Binary::run(&["adopt"], &keys).await);
    guarded.mongod.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_reported_at_once_and_not_repeated() {
    let guarded = Guarded::start("refused").await;
    let wrong = uri(&guarded.mongod, "root").replace(":root@", ":geheim@");
    let keys = [
        ("CHATZZ_AUTH", "trusted"),
        ("CHATZZ_LISTEN", "127.0.0.1:0"),
        ("CHATZZ_METRICS_LISTEN", "off"),
        ("CHATZZ_MONGODB_URI", wrong.as_str()),
        ("CHATZZ_STARTUP_TIMEOUT", "1h"),
    ];

    let ended = Binary::run(&["serve"], &keys).await;

    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("refused the user name"), "{}", ended.err);
    assert!(!ended.err.contains("geheim"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_of_all_these_tests_only_reads_users_and_what_else_it_tries_is_seen() {
    let uri = mongod::shared_uri().await;
    let open = Client::with_uri_str(&uri).await.unwrap();
    let database = open.database("test_of_the_account");
    for command in [
        doc! { "insert": "people", "documents": [{ "_id": 1 }] },
        doc! { "update": "people", "updates": [{ "q": {}, "u": { "$set": { "a": 1 } } }] },
        doc! { "delete": "people", "deletes": [{ "q": {}, "limit": 0 }] },
        doc! { "findAndModify": "people", "query": {}, "remove": true },
        doc! { "createIndexes": "people", "indexes": [{ "key": { "a": 1 }, "name": "a" }] },
        doc! { "drop": "people" },
        doc! { "collMod": "people" },
    ] {
        let before = mongod::refused_on("people").len();
        let refused = database.run_command(command.clone()).await.unwrap_err();
        assert!(refused.to_string().contains("not authorized"), "{refused}");
        assert_eq!(mongod::refused_on("people").len(), before + 1, "{command}");
    }
    let find = doc! { "find": "people", "filter": {} };
    database.run_command(find).await.unwrap();
}
