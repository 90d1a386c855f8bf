//! Tests of the checker: of each invariant a clean run, and the same run with
//! exactly that broken.

mod changes;
mod crossing;
mod cursors;
mod edit;
mod keeping;
mod messages;
mod order;
mod outside;
mod property;
mod reading;
mod receipts;
mod rest;
mod watching;

use libtest_mimic::Trial;

/// Registers functions as trials, named after their module and themselves.
macro_rules! trials {
    ($module:ident: $($test:ident),* $(,)?) => {
        vec![$(libtest_mimic::Trial::test(
            concat!("check::", stringify!($module), "::", stringify!($test)),
            || {
                $module::$test();
                Ok(())
            },
        )),*]
    };
}

/// Every test of the checker.
pub(crate) fn trials() -> Vec<Trial> {
    [
        trials![messages:
            a_clean_run_has_no_violation,
            an_acknowledged_message_that_is_not_stored_is_lost,
            an_acknowledged_message_missing_in_a_history_is_lost,
            an_answer_with_another_number_than_stored_is_a_loss,
            an_unknown_outcome_may_be_stored_or_not,
            a_stored_message_that_nobody_sent_is_a_phantom,
            a_message_seen_before_it_was_sent_is_a_phantom,
            a_failed_send_that_appears_is_a_phantom,
            a_failed_try_and_an_unknown_one_may_be_stored,
            an_envelope_that_makes_no_sense_is_a_phantom,
            a_message_stored_twice_is_a_duplicate,
            repeats_agree_and_say_that_they_are_duplicates,
            a_repeat_answered_as_new_is_a_violation,
        ],
        trials![order:
            a_gap_in_the_numbers_is_seen,
            times_that_go_back_are_seen,
            a_message_shown_under_another_number_is_seen,
            two_chat_rooms_of_a_pair_are_seen,
            a_history_in_another_order_is_seen,
            a_later_send_with_a_lower_number_breaks_real_time,
            overlapping_sends_may_be_stored_in_any_order,
            a_burst_of_one_connection_keeps_its_order,
            a_page_with_a_hole_is_seen,
            a_page_older_than_what_was_acknowledged_is_seen,
            pages_of_a_walk_that_overlap_are_seen,
            a_message_that_vanishes_from_the_history_is_seen,
            a_final_walk_that_stops_early_is_seen,
        ],
        trials![receipts:
            a_message_that_never_reaches_its_receiver_is_seen,
            a_live_message_that_one_connection_never_hears_is_seen,
            a_message_heard_twice_on_a_connection_is_seen,
            live_messages_out_of_order_are_seen,
            a_confirmed_message_that_is_missed_again_is_seen,
            a_confirmation_before_a_crash_may_be_lost,
            a_status_that_goes_back_is_seen,
            a_range_that_says_sent_of_read_messages_is_none,
            a_page_that_shows_less_than_was_heard_is_seen,
            a_message_read_before_its_receiver_said_so_is_seen,
            a_time_that_changes_is_seen,
            a_lower_status_in_the_database_is_seen,
            an_unread_count_that_drifted_is_seen,
            an_unread_count_of_a_busy_hour_lies_between_recounts,
            two_times_of_one_message_are_seen,
            a_read_of_one_message_reads_all_before_it,
            a_last_message_that_is_not_the_last_is_seen,
        ],
        trials![watching:
            a_lost_offline_event_is_seen,
            an_offline_event_that_comes_too_late_is_seen,
            a_missing_online_event_is_seen,
            a_reload_within_the_grace_is_no_departure,
            a_second_connection_keeps_its_user_online,
            an_offline_event_while_another_connection_stays_is_seen,
            a_silent_end_is_announced_after_its_bound,
            a_killed_server_has_its_lease,
            a_ghost_in_the_database_is_seen,
            somebody_who_blocked_the_watcher_may_look_offline,
        ],
        trials![rest:
            a_message_to_a_third_person_is_seen,
            a_foreign_text_anywhere_is_seen,
            the_presence_of_a_stranger_is_seen,
            an_event_without_an_answer_is_seen,
            a_second_answer_is_seen,
            an_answer_to_nothing_is_seen,
            a_late_answer_is_seen,
            a_stopped_server_may_answer_later,
            a_call_to_a_dead_server_ends_in_time_as_well,
            a_stopped_database_does_not_excuse_the_server,
            a_closed_connection_needs_no_answer,
            leaked_sockets_descriptors_and_memory_are_seen,
        ],
        trials![reading:
            a_history_is_read_as_it_was_written,
            a_null_result_is_an_answer,
            a_history_that_breaks_its_format_is_refused,
            many_violations_are_counted,
            violations_name_their_lines,
            the_same_run_is_judged_the_same,
        ],
        trials![property:
            clean_runs_are_clean,
            broken_runs_are_caught,
        ],
    ]
    .into_iter()
    .flatten()
    .chain(promises_between_people())
    .collect()
}

fn promises_between_people() -> Vec<Trial> {
    [
        trials![keeping:
            an_acknowledged_read_that_is_not_stored_is_seen,
            an_acknowledged_read_of_one_message_that_is_not_stored_is_seen,
            a_confirmed_delivery_that_is_not_stored_is_seen,
            a_sender_who_never_hears_of_a_read_is_seen,
            a_message_sent_to_nobody_is_seen,
            a_gap_on_a_connection_is_seen,
            an_error_envelope_beside_an_answer_is_seen,
            a_failure_that_was_none_is_seen,
            what_a_line_lacks_is_assumed_or_refused,
        ],
        trials![cursors:
            counts_that_are_no_recount_are_seen,
            a_cursor_beyond_the_last_message_is_seen,
            a_count_that_is_not_that_of_the_position_is_seen,
            a_read_cursor_that_fell_is_seen,
            a_sent_cursor_that_fell_is_seen,
            a_range_announced_twice_on_a_connection_is_seen,
            a_range_that_falls_on_a_connection_is_seen,
            a_range_with_another_time_than_others_heard_is_seen,
            a_gap_between_ranges_is_none,
            a_page_with_a_hole_of_unread_ones_is_seen,
            a_withheld_message_is_no_matter,
            a_page_before_a_position_may_end_below_what_is_withheld,
            a_withheld_message_that_is_read_is_seen,
            a_range_that_covers_a_withheld_message_is_seen,
            a_withheld_message_that_its_receiver_hears_is_seen,
        ],
        trials![changes:
            a_redacted_message_is_the_same_one_that_was_sent,
            a_text_that_is_shown_after_it_was_redacted_is_seen,
            a_text_that_stays_in_the_database_is_seen,
            a_rev_that_two_messages_have_is_seen,
            a_rev_beyond_that_of_the_chat_room_is_seen,
            a_change_under_another_rev_is_seen,
            a_change_that_somebody_never_hears_of_is_seen,
            a_gap_that_the_changes_do_not_close_is_seen,
            an_event_that_tells_a_text_long_after_it_was_redacted_is_seen,
        ],
        trials![outside:
            an_acknowledged_message_of_which_a_consumer_never_hears_is_seen,
            a_consumer_that_hears_of_nothing_at_all_is_seen,
            an_event_that_was_refused_each_time_is_not_heard_of,
            events_of_a_chat_room_out_of_order_are_seen,
            an_event_about_what_is_not_stored_is_seen,
            an_event_that_makes_no_sense_is_seen,
            an_event_that_comes_twice_to_who_stores_the_cursor_is_seen,
            an_event_that_says_something_else_when_it_comes_again_is_seen,
            an_event_with_another_id_is_seen,
            a_stored_message_that_a_hook_refused_is_seen,
            what_could_not_be_asked_follows_the_policy,
            a_message_that_was_allowed_only_after_it_was_seen_is_seen,
            a_refusal_of_which_the_application_knows_nothing_is_seen,
            what_the_application_sends_obeys_the_same_rules,
            what_was_stored_although_an_answer_says_no_is_a_phantom,
            a_message_of_the_application_needs_no_verdict,
        ],
        trials![crossing:
            a_message_that_never_reaches_somebody_who_is_there_is_seen_at_any_server,
            another_server_has_a_little_longer_to_announce,
            an_offline_event_about_somebody_at_another_server_is_seen,
            people_of_a_killed_server_are_offline_after_its_lease,
            a_fault_of_the_database_excuses_what_is_known_of_others_alone,
            what_was_judged_is_counted,
        ],
    ]
    .into_iter()
    .flatten()
    .collect()
}
