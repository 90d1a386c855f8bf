//! `fixtures/abuse.jsonl`: abuse, one row each, over every wire.
//!
//! A row is `{id, class, frame | bytes | handshake | http | post, expect, socket}`, and
//! optionally `wires`, `login`, `times`; see [`row::Row`]. In texts `<alice>`
//! (who misbehaves), `<bob>` (a contact), `<carol>` (a stranger), `<to-alice>`,
//! `<to-bob>`, `<of-others>` (messages), `<ack>` (an ack id), `<eio>`,
//! `<pings>` (thousands of packets), `<repeat 3 x>` and `<keys 3>` are put in. After each row nothing may be
//! stored, and the server must serve.

mod play;
mod raw;
mod row;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use self::row::Row;
use self::world::World;
use crate::support::frame::WIRES;
use crate::support::service::Service;

const TABLE: &str = include_str!("../../../../fixtures/abuse.jsonl");

/// A secret that signs questions.
const SECRET: &str = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldyE=";

/// Fewest rows, and the classes that must be among them.
const FEWEST: usize = 96;
const CLASSES: [&str; 12] = [
    "authority",
    "dates",
    "floods",
    "frames",
    "identity",
    "ids",
    "numbers",
    "operators",
    "origins",
    "shape",
    "text",
    "transport",
];

fn rows() -> Vec<Row> {
    let parse = |line: &str| -> Row {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
    };
    TABLE.lines().map(parse).collect()
}

#[test]
fn the_table_has_every_class_and_no_row_twice() {
    let rows = rows();
    assert!(rows.len() >= FEWEST, "{} rows", rows.len());
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "an id stands twice");
    let classes: BTreeSet<&str> = rows.iter().map(|row| row.class.as_str()).collect();
    assert_eq!(classes, BTreeSet::from(CLASSES));
    rows.iter().for_each(Row::assert_sensible);
}

#[test]
fn a_row_without_an_expectation_is_refused() {
    let whole = r#"{"id":"a","class":"b","frame":"c","expect":"ok","socket":"kept"}"#;
    serde_json::from_str::<Row>(whole).unwrap();
    for part in [r#","expect":"ok""#, r#","socket":"kept""#] {
        serde_json::from_str::<Row>(&whole.replace(part, "")).unwrap_err();
    }
    serde_json::from_str::<Row>(&whole.replace("expect", "expects")).unwrap_err();
}

#[test]
fn what_a_text_names_is_put_in() {
    let names = BTreeMap::from([("bob", "B".to_owned())]);
    let filled = row::filled("[<bob>,<repeat 3 ab>,{<keys 2>}]", &names);
    assert_eq!(filled, r#"[B,ababab,{"k0":0,"k1":1}]"#);
}

/// Plays the rows that fit over one wire; how many they were.
async fn play(wire: usize, floods: bool) -> usize {
    let wire = WIRES[wire];
    let keys: &[(&str, &str)] = if floods {
        &[
            ("CHATZZ_RATE_LIMITS", "on"),
            ("CHATZZ_LIMIT_CONNECTS", "socket=10/1m"),
            ("CHATZZ_LIMIT_ERRORS", "2/10s"),
        ]
    } else {
        &[]
    };
    let world = World::new(keys).await;
    let rows = rows();
    let fits = |row: &&Row| row.is_over(wire) && row.times.is_some() == floods;
    let mut played = 0;
    let mut kept = None;
    for row in rows.iter().filter(fits) {
        kept = play::row(&world, wire, row, kept).await;
        played += 1;
    }
    played
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_has_its_answer_over_websocket() {
    assert!(play(0, false).await > FEWEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_has_its_answer_over_polling() {
    assert!(play(1, false).await > FEWEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_has_its_answer_over_websocket_of_engine_io_3() {
    assert!(play(2, false).await > FEWEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_has_its_answer_over_polling_of_engine_io_3() {
    assert!(play(3, false).await > FEWEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_has_its_answer_where_the_application_is_asked() {
    let service = Service::answering(&json!({ "action": "allow" })).await;
    let url = service.url("/hook");
    let keys = [
        ("CHATZZ_HOOKS", "before-send,before-add"),
        ("CHATZZ_HOOK_URL", url.as_str()),
        ("CHATZZ_HOOK_SECRET", SECRET),
        ("CHATZZ_HOOK_FAILURE", "refuse"),
    ];
    let world = World::new(&keys).await;
    let asked = service.asked().len();
    assert!(asked >= 5, "about what the others did: {asked}");
    let all = rows();
    let fits = |row: &&Row| row.is_over(WIRES[0]) && row.times.is_none();
    let mut kept = None;
    let mut played = 0;
    for row in all.iter().filter(fits) {
        kept = play::row(&world, WIRES[0], row, kept).await;
        played += 1;
    }
    assert!(played > FEWEST);
    let more = service.asked().len() - asked;
    assert_eq!(more, 0, "nobody is asked about what is refused in any case");
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_are_ended_over_every_wire() {
    for wire in 0..WIRES.len() {
        assert!(play(wire, true).await >= 8);
    }
}
