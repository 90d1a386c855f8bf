//! The statements of the readmes that chatzz grew out of, and the tests that show each.
//!
//! Those of chatzz 1.x have their numbers in their names: [`crate::dialect1`]. The numbers are
//! those under which issues and notes name the statements.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A readme and the number in it; what it says; the tests, by their paths.
type Row = (&'static str, &'static str, &'static [&'static str]);

const ROWS: [Row; 8] = [
    (
        "chitchat 3",
        "the application lets somebody in, under an identifier, with meta for their front end",
        &["auth::webhook::the_user_is_the_one_that_the_application_names_and_meta_is_passed_on"],
    ),
    (
        "chitchat 4",
        "or it does not, and meta says why",
        &[
            "auth::webhook::the_reason_of_a_refusal_reaches_the_front_end",
            "auth::webhook::meta_of_a_refusal_is_behind_the_reason_over_every_wire",
        ],
    ),
    (
        "chitchat 5",
        "the application decides on each message that is sent",
        &[
            "hooks::before_send::a_message_is_allowed_refused_replaced_or_withheld_as_the_application_says",
            "hooks::before_send::over_every_wire_a_refusal_has_its_reason_and_meta",
        ],
    ),
    (
        "chitchat 6",
        "the application sends a user an object of its own",
        &[
            "api::manage::a_signal_reaches_the_devices_that_are_connected_and_is_not_stored",
            "api::send::both_people_hear_what_is_sent_as_a_user_on_all_their_sockets",
        ],
    ),
    (
        "chitchat 12",
        "a client sends an object",
        &["kinds::a_message_of_a_kind_is_shown_everywhere_as_it_was_sent"],
    ),
    (
        "chat-service 2",
        "the form of messages is the operator's, and checked",
        &["kinds::what_its_kind_does_not_allow_is_refused_and_nothing_is_stored"],
    ),
    (
        "chat-service 8",
        "functions of the operator's are called before commands, may stop them, and hear of what was done",
        &[
            "hooks::in_process::hooks_of_the_program_decide_at_every_point_and_hear_what_is_stored",
            "hooks::before_add::a_refused_chat_room_is_not_created_and_nobody_hears_of_it",
        ],
    ),
    (
        "chat-service 9",
        "the application does what users may do, and more where it says so",
        &[
            "api::manage::a_user_blocks_and_unblocks_as_by_an_event",
            "api::send::a_block_and_a_whitelist_hold_unless_they_are_set_aside",
            "api::send::the_contact_rule_holds_unless_it_is_set_aside",
            "hooks::before_send::the_back_end_is_asked_only_where_it_wants_to_be",
        ],
    ),
];

/// The source of a module of these tests.
fn source(module: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let path = path.join(module.replace("::", "/"));
    let files: [PathBuf; 2] = [path.with_extension("rs"), path.join("mod.rs")];
    let mut found = files
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok());
    found
        .next()
        .unwrap_or_else(|| panic!("there is no {module}"))
}

#[test]
fn every_statement_is_shown_by_tests_that_exist() {
    for (row, says, tests) in ROWS {
        assert!(!tests.is_empty(), "{row}: {says}");
        for test in tests {
            let (module, name) = test.rsplit_once("::").unwrap();
            let declared = format!("#[tokio::test(flavor = \"multi_thread\")]\nasync fn {name}()");
            assert!(
                source(module).contains(&declared),
                "{row} ({says}): no {test}"
            );
        }
    }
}

#[test]
fn every_statement_of_chatzz_1_x_has_a_test_with_its_number() {
    let source = source("dialect1::rows");
    let names = source
        .lines()
        .filter_map(|line| line.strip_prefix("async fn chatzz_"));
    let numbers = names.flat_map(|name| {
        let words = name.split('_');
        let words = words.take_while(|word| *word == "and" || word.parse::<u32>().is_ok());
        words
            .filter_map(|word| word.parse().ok())
            .collect::<Vec<u32>>()
    });
    let numbers: BTreeSet<u32> = numbers.collect();
    assert_eq!(numbers, (1..=16).collect());
}
