//! The cases: the worst that we know of, for each event in the order of the protocol.

use super::token::token;
use super::trial::with_tokens;
use super::world::{
    BUSY, HEAVY, LARGE, LARGE_STRANGERS, LISTED, LONG_TEXT, LONG_TEXTS, SMALL, STRANGERS, World,
    message_id,
};
use crate::wire::user;

/// Makes the payload of the nth time.
type Payload = Box<dyn Fn(u32) -> anyhow::Result<String> + Send + Sync>;

/// One event at its worst.
pub(super) struct Case {
    pub(super) event: &'static str,
    pub(super) name: &'static str,
    /// Who sends it.
    pub(super) who: u32,
    pub(super) payload: Payload,
    /// How often it is repeated; 0 where a repeat is something else.
    pub(super) again: u32,
    /// Whether the answer is an error.
    pub(super) is_refused: bool,
    /// Who else is connected, with so many sockets each.
    pub(super) others: Vec<(u32, u32)>,
    /// Settings of the server.
    pub(super) settings: Vec<(&'static str, &'static str)>,
}

/// A contact who has not blocked anybody and is blocked by nobody.
const FRIEND: u32 = LARGE;
/// Sockets that a user may have.
const SOCKETS: u32 = 50;
/// The server asks the application who may write to whom.
const RULE: (&str, &str) = (
    "CHATZZ_CONTACT_RULE",
    r#"{"collection":"friendships","filter":{"a":"$from","b":"$to"}}"#,
);

impl Case {
    fn new(event: &'static str, name: &'static str, who: u32, payload: String) -> Self {
        Self {
            event,
            name,
            who,
            payload: Box::new(move |_| Ok(payload.clone())),
            again: 10,
            is_refused: false,
            others: Vec::new(),
            settings: Vec::new(),
        }
    }

    fn each(self, payload: impl Fn(u32) -> anyhow::Result<String> + Send + Sync + 'static) -> Self {
        let payload = Box::new(payload);
        Self { payload, ..self }
    }

    fn once(self) -> Self {
        Self { again: 0, ..self }
    }

    fn refused(self) -> Self {
        Self {
            is_refused: true,
            ..self
        }
    }

    fn among(self, others: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let others = others.into_iter().collect();
        Self { others, ..self }
    }

    fn under_rule(self) -> Self {
        let settings = vec![RULE];
        Self { settings, ..self }
    }
}

/// All cases, for a person with so many contacts and a chat room with so many messages.
pub(super) fn all(contacts: u32, long: u32) -> Vec<Case> {
    let mut all = logins(contacts);
    all.extend(history(contacts));
    all.extend(messages(contacts, long));
    all.extend(privacy());
    all.extend(passing());
    all.extend(active(contacts));
    all.push(
        Case {
            settings: with_tokens(),
            ..Case::new("refresh-token", "of 15 KiB", HEAVY, String::new())
        }
        .each(|_| {
            let token = token(&user(HEAVY), 11_000)?;
            Ok(format!("{{\"token\":\"{token}\"}}"))
        }),
    );
    all
}

/// A thousand contacts of [`BUSY`] are online.
fn online(contacts: u32) -> impl Iterator<Item = (u32, u32)> {
    (SMALL..SMALL + contacts.min(1_000)).map(|who| (who, 1))
}

fn user_id(who: u32) -> String {
    format!("\"userId\":\"{}\"", user(who))
}

fn object(fields: &[&str]) -> String {
    format!("{{{}}}", fields.join(","))
}

fn logins(contacts: u32) -> Vec<Case> {
    let login = |who| object(&[&user_id(who)]);
    let event = "connect-user";
    vec![
        Case::new(
            event,
            "with 10,000 contacts, 201 missed messages of each",
            BUSY,
            login(BUSY),
        ),
        Case::new(event, "the same, 1,000 contacts online", BUSY, login(BUSY))
            .once()
            .among(online(contacts)),
        Case::new(event, "with details of 56 KiB", HEAVY, login(HEAVY)),
        Case::new(
            "add-chat-user",
            "with details of 56 KiB",
            HEAVY,
            String::new(),
        )
        .each(|n| {
            Ok(format!(
                "{{\"userToAdd\":\"{}\"}}",
                user(LARGE_STRANGERS + n)
            ))
        })
        .under_rule()
        .among([(LARGE_STRANGERS, SOCKETS), (HEAVY, SOCKETS - 1)]),
    ]
}

fn history(contacts: u32) -> Vec<Case> {
    let event = "get-old-messages";
    let page = |contact, more: &str| object(&[&user_id(contact), "\"limit\":500", more]);
    let (long, withheld) = (World::long_room(contacts), World::withheld_room(contacts));
    let twice = "\"envelope\":true";
    vec![
        Case::new(
            event,
            "500 short, details of 56 KiB, twice",
            HEAVY,
            page(LARGE, twice),
        ),
        Case::new(
            event,
            "500 long ones, details of 56 KiB, twice",
            HEAVY,
            page(LARGE + 1, twice),
        ),
        Case::new(
            event,
            "500 long ones, twice",
            BUSY,
            page(SMALL + LONG_TEXTS, twice),
        ),
        Case::new(
            event,
            "since a date, of 100,000",
            BUSY,
            page(long, "\"date\":1000"),
        ),
        Case::new(
            event,
            "behind 100,000 withheld",
            BUSY,
            page(withheld, twice),
        ),
    ]
}

fn messages(contacts: u32, long: u32) -> Vec<Case> {
    let text = "\u{1F600}".repeat(LONG_TEXT / 4);
    let send = object(&[&user_id(FRIEND), &format!("\"message\":\"{text}\"")]);
    let huge = "x".repeat(255 * 1024);
    let huge = object(&[&user_id(FRIEND), &format!("\"message\":\"{huge}\"")]);
    let up_to = format!("\"upTo\":{long}");
    let up_to = object(&[&user_id(World::long_room(contacts)), &up_to]);
    let one = format!("{{\"messageId\":\"{}\"}}", message_id(HEAVY, LARGE, 600));
    let busy = [(FRIEND, SOCKETS), (HEAVY, SOCKETS - 1)];
    vec![
        Case::new(
            "send-message",
            "of 16 KB, to 50 sockets and 50 own",
            HEAVY,
            send,
        )
        .among(busy),
        Case::new("send-message", "of 255 KiB, refused", HEAVY, huge).refused(),
        Case::new("message-read", "100,000 at once", BUSY, up_to.clone()).once(),
        Case::new(
            "message-read",
            "by its id, to 50 sockets and 50 own",
            HEAVY,
            one,
        )
        .among(busy),
        Case::new("message-delivered", "100,000 at once", BUSY, up_to).once(),
    ]
}

fn privacy() -> Vec<Case> {
    let whom = object(&[&user_id(STRANGERS)]);
    let list = |first: u32| {
        let ids = (first..first + LISTED).map(|n| format!("\"{}\"", user(n)));
        let ids: Vec<String> = ids.collect();
        format!("{{\"whitelist\":[{}]}}", ids.join(","))
    };
    vec![
        Case::new("block-user", "the thousandth", HEAVY, whom.clone()),
        Case::new("unblock-user", "of 999", HEAVY, whom),
        Case::new(
            "get-blocked-users",
            "999 with details of 56 KiB",
            HEAVY,
            "{}".to_owned(),
        ),
        Case::new(
            "set-privacy",
            "1,000 people, a contact rule",
            HEAVY,
            list(STRANGERS),
        )
        .under_rule(),
        Case::new(
            "set-privacy",
            "1,000 people, refused by it",
            HEAVY,
            list(SMALL),
        )
        .under_rule()
        .refused(),
    ]
}

fn passing() -> Vec<Case> {
    let data = format!("\"data\":\"{}\"", "x".repeat(4 * 1024 - 2));
    let signal = object(&[&user_id(FRIEND), &data]);
    let typing = object(&[&user_id(FRIEND)]);
    vec![
        Case::new("typing", "to 50 sockets, details of 56 KiB", HEAVY, typing)
            .among([(FRIEND, SOCKETS)]),
        Case::new("signal", "of 4 KiB to 50 sockets", HEAVY, signal).among([(FRIEND, SOCKETS)]),
    ]
}

fn active(contacts: u32) -> Vec<Case> {
    let event = "get-active-users";
    let one = r#"{"limit":1}"#.to_owned();
    let many = r#"{"limit":500}"#.to_owned();
    let all = r#"{"all":true,"limit":500}"#.to_owned();
    vec![
        Case::new(event, "one of 10,000 contacts, nobody online", BUSY, one),
        Case::new(event, "1,000 of 10,000 online", BUSY, many).among(online(contacts)),
        Case::new(event, "all of 10,000", BUSY, all.clone()),
        Case::new(event, "all, details of 56 KiB", HEAVY, all),
    ]
}
