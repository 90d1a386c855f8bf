//! An answer that shows a user, and the news of their presence that overtook it.

use std::sync::Arc;
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{DateTime, doc};
use chatzz::clock::Clock;
use chatzz::id::{ChatUserId, SocketId, UserId};
use chatzz::service::presence::{Announce, Announcement, Departure, Description, PresenceRegistry};
use chatzz::store::{ChatUser, PresenceStatus, User, WriteBehindQueue};
use parking_lot::Mutex;

use crate::support::database::TestDatabase;
use crate::support::poll;
use crate::verify::store;

const SOON: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Announced(Mutex<Vec<(PresenceStatus, Vec<ChatUserId>)>>);

impl Announce for Announced {
    fn announce(&self, announcement: &Announcement) {
        let announced = (announcement.status, announcement.contacts.clone());
        self.0.lock().push(announced);
    }

    fn announce_again(&self, _: ChatUserId, _: &Announcement, _: SocketId) {}
}

struct Scene {
    presence: Arc<PresenceRegistry>,
    announced: Arc<Announced>,
    bob: ChatUser,
    user: Arc<User>,
    alice: ChatUserId,
}

impl Scene {
    async fn set() -> Self {
        let store = store(&TestDatabase::shared().await).await;
        let behind = Arc::new(WriteBehindQueue::new(
            store.bulk_writes.clone(),
            Arc::default(),
        ));
        let id = UserId::ObjectId(ObjectId::new());
        let announced = Arc::<Announced>::default();
        let (outlet, clock) = (announced.clone(), Clock::System);
        Self {
            presence: Arc::new(PresenceRegistry::new(behind, outlet, clock, Duration::ZERO)),
            announced,
            bob: store.chat_users.get_or_create(&id).await.unwrap(),
            user: Arc::new(User::present(id, doc! { "username": "bob" })),
            alice: ChatUserId::generate(),
        }
    }

    /// Bob as shown in an answer to alice, made now.
    fn describe(&self) -> Description {
        Description {
            who: self.bob.id,
            to: self.alice,
            shown: self.presence.shown(&self.bob),
        }
    }

    /// Bob's presence as another node wrote it, on these nodes.
    fn hear(&self, nodes: &[&str], at: i64) {
        let written = ChatUser {
            nodes: nodes.iter().map(|&node| node.to_owned()).collect(),
            changed_at: Some(DateTime::from_millis(at)),
            ..self.bob.clone()
        };
        self.presence
            .take_in("here", &written, &self.user, Vec::new());
    }

    fn corrected(&self, description: &Description) -> Vec<(PresenceStatus, Vec<ChatUserId>)> {
        self.announced.0.lock().clear();
        self.presence.correct(description);
        self.announced.0.lock().clone()
    }
}

#[tokio::test]
async fn somebody_who_goes_while_an_answer_shows_them_is_announced_again_behind_it() {
    let scene = Scene::set().await;
    scene.presence.enter(&scene.bob, &scene.user, 1);
    scene.presence.activate(scene.bob.id);
    let answer = scene.describe();
    assert_eq!(answer.shown.status, PresenceStatus::Online);
    assert_eq!(scene.corrected(&answer), [], "still here");

    scene.presence.leave(scene.bob.id, 0, Departure::Clean);
    poll::until("the contact is gone", SOON, async || {
        (!scene.announced.0.lock().is_empty()).then_some(())
    })
    .await;

    let announced = scene.corrected(&answer);
    assert_eq!(announced, [(PresenceStatus::Offline, vec![scene.alice])]);
    assert_eq!(
        scene.corrected(&scene.describe()),
        [],
        "it shows the contact gone"
    );
}

#[tokio::test]
async fn somebody_who_comes_elsewhere_while_an_answer_shows_them_is_announced_again_behind_it() {
    let scene = Scene::set().await;
    scene
        .presence
        .remote()
        .set_boots(&["there".to_owned()].into());
    let answer = scene.describe();
    assert_eq!(answer.shown.status, PresenceStatus::Offline);
    assert_eq!(
        scene.corrected(&answer),
        [],
        "nothing was heard of the contact"
    );

    scene.hear(&["there"], 1_000);
    assert_eq!(
        scene.corrected(&answer),
        [(PresenceStatus::Online, vec![scene.alice])]
    );
    let later = scene.describe();
    assert_eq!(
        later.shown.status,
        PresenceStatus::Online,
        "older than what was heard"
    );

    scene.hear(&[], 2_000);
    assert_eq!(
        scene.corrected(&later),
        [(PresenceStatus::Offline, vec![scene.alice])]
    );
    assert_eq!(scene.corrected(&answer), [], "it happens to be right");
}

#[tokio::test]
async fn somebody_who_is_blocked_is_not_notified_again() {
    let scene = Scene::set().await;
    scene
        .presence
        .remote()
        .set_boots(&["there".to_owned()].into());
    let hidden = Description {
        shown: chatzz::service::presence::Shown::hidden(DateTime::from_millis(1)),
        ..scene.describe()
    };

    scene.hear(&["there"], 1_000);

    assert_eq!(scene.corrected(&hidden), []);
}
