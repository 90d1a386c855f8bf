//! Every metric of the server, with its description and the series that it has from the
//! start: an alert on a counter that appears with its first failure misses that failure.

use metrics::Label;

use crate::wire::request::client_events;

/// A label, and its values.
type Values = (&'static str, &'static [&'static str]);

/// A metric.
struct Metric {
    name: &'static str,
    help: &'static str,
    series: Series,
}

/// The series that a metric has from the start.
enum Series {
    /// One for each combination of the values; without labels, one.
    Of(&'static [Values]),
    /// Those of the part that knows its labels, which makes them while the server starts.
    Own,
}

macro_rules! names {
    ($($name:literal $summary:literal $handler:ident($event:ident) -> $result:ty, $limit:ident, $order:ident;)*) => {
        /// The events of clients.
        const EVENTS: &[&str] = &[$($name),*];
    };
}
client_events!(names);

const fn metric(name: &'static str, series: Series, help: &'static str) -> Metric {
    Metric { name, help, series }
}

const COUNTERS: [Metric; 27] = [
    metric(
        "chatzz_events_total",
        Series::Of(&[("event", EVENTS), ("code", &["ok"])]),
        "Events by name and code of the answer; ok is a success.",
    ),
    metric(
        "chatzz_tokens_total",
        Series::Of(&[
            ("at", &["handshake", "refresh"]),
            ("result", &["ok", "unauthorized", "unavailable"]),
        ]),
        "Tokens of handshakes and of refresh-token, by result.",
    ),
    metric(
        "chatzz_sockets_ended_total",
        Series::Of(&[("why", &["expired", "operator", "errors", "haste"])]),
        "Sockets closed since their token expired, an administrator ended them, or their client \
         caused too many errors or went on over a limit.",
    ),
    metric(
        "chatzz_rate_limited_total",
        Series::Of(&[
            (
                "kind",
                &[
                    "connect",
                    "send",
                    "add",
                    "history",
                    "history-walk",
                    "typing",
                    "signal",
                    "other",
                ],
            ),
            ("of", &["socket", "shared"]),
        ]),
        "Events over a limit, by what they count as and whose limit it was. `history-walk` are pages of \
         dialect 1, which wait instead.",
    ),
    metric(
        "chatzz_requests_refused_total",
        Series::Of(&[]),
        "HTTP requests over a limit.",
    ),
    metric(
        "chatzz_api_calls_total",
        Series::Of(&[("code", &["ok", "unauthorized", "forbidden", "rate-limited"])]),
        "Calls of the HTTP API by code of the answer; ok is a success.",
    ),
    metric(
        "chatzz_hooks_total",
        Series::Of(&[
            (
                "hook",
                &["login", "before-send", "before-add", "user-details"],
            ),
            ("result", &["allow", "refuse", "failed"]),
        ]),
        "Questions to hooks, by result; failed is no answer.",
    ),
    metric(
        "chatzz_connections_refused_total",
        Series::Of(&[]),
        "Connections over CHATZZ_MAX_CONNECTIONS.",
    ),
    metric(
        "chatzz_origins_refused_total",
        Series::Of(&[]),
        "Requests of pages whose origin is not allowed.",
    ),
    metric(
        "chatzz_tls_refused_total",
        Series::Of(&[]),
        "Connections that did not speak TLS.",
    ),
    metric(
        "chatzz_admin_refused_total",
        Series::Of(&[]),
        "Requests of administrators without the token.",
    ),
    metric(
        "chatzz_redeliveries_total",
        Series::Of(&[]),
        "Messages sent again at a login, because nothing had confirmed them.",
    ),
    metric(
        "chatzz_outbox_overflows_total",
        Series::Of(&[]),
        "Connections closed because too much waited for their client.",
    ),
    metric(
        "chatzz_texts_left_out_total",
        Series::Of(&[]),
        "Messages left out because too much waited for a socket.",
    ),
    metric(
        "chatzz_held_packets_dropped_total",
        Series::Of(&[]),
        "Packets dropped during a login because too much waited for a socket.",
    ),
    metric(
        "chatzz_bodies_refused_total",
        Series::Of(&[]),
        "Bodies of polling requests that were too long or did not come to their end.",
    ),
    metric(
        "chatzz_texts_not_utf8_total",
        Series::Of(&[]),
        "Stored messages that were read with a text that is not UTF-8, and shown with U+FFFD.",
    ),
    metric(
        "chatzz_stalled_sockets_total",
        Series::Of(&[]),
        "Connections closed because their client did not read.",
    ),
    metric(
        "chatzz_event_log_lost_total",
        Series::Of(&[]),
        "How often the log of events was another one than before, and all sockets logged in anew.",
    ),
    metric(
        "chatzz_event_log_dropped_total",
        Series::Of(&[]),
        "Events that other servers do not learn of, since the log could not be written for long.",
    ),
    metric(
        "chatzz_push_total",
        Series::Of(&[("result", &["ok", "failed"])]),
        "Events that were posted to the application, by whether it took them.",
    ),
    metric(
        "chatzz_push_lost_total",
        Series::Of(&[]),
        "Events that cannot be read, and how often events were removed from the log, or the log \
         was another one, before they were pushed.",
    ),
    metric(
        "chatzz_bus_frames_total",
        Series::Of(&[("direction", &["in", "out"])]),
        "Frames that were exchanged with other servers over NATS.",
    ),
    metric(
        "chatzz_bus_bytes_total",
        Series::Of(&[("direction", &["in", "out"])]),
        "Bytes of these frames.",
    ),
    metric(
        "chatzz_bus_dropped_total",
        Series::Of(&[("why", &["away", "failed", "full", "large", "late"])]),
        "Items that were not sent over NATS, since it was away or did not take them, too much \
         waited, or one was too large or waited too long.",
    ),
    metric(
        "chatzz_bus_gaps_total",
        Series::Of(&[]),
        "Frames from other servers before which some were missing.",
    ),
    metric(
        "chatzz_bus_refused_total",
        Series::Of(&[(
            "why",
            &["ended", "large", "replayed", "unreadable", "unsealed"],
        )]),
        "Frames that were ignored: of a server that has ended, too large, sent once more, of a \
         later version, or not sealed with the key of the database.",
    ),
];

const GAUGES: [Metric; 13] = [
    metric("chatzz_sockets", Series::Of(&[]), "Open sockets."),
    metric(
        "chatzz_users_online",
        Series::Of(&[]),
        "People with at least one socket here.",
    ),
    metric(
        "chatzz_lane_depth",
        Series::Own,
        "Messages that wait to be stored, by lane.",
    ),
    metric(
        "chatzz_write_behind_lag_seconds",
        Series::Of(&[]),
        "How long presence and delivered cursors wait to be written.",
    ),
    metric(
        "chatzz_mongodb_connections",
        Series::Of(&[]),
        "Connections to MongoDB.",
    ),
    metric(
        "chatzz_mongodb_connections_in_use",
        Series::Of(&[]),
        "Connections to MongoDB that an operation uses.",
    ),
    metric(
        "chatzz_servers",
        Series::Of(&[]),
        "Servers that share the database and hold a lease, this one included.",
    ),
    metric(
        "chatzz_event_log_waiting",
        Series::Of(&[]),
        "Entries of other servers that were read and are not announced yet.",
    ),
    metric(
        "chatzz_push_lag_seconds",
        Series::Of(&[]),
        "Age of the oldest event that was neither taken nor set aside; 0 at servers that do not \
         push.",
    ),
    metric(
        "chatzz_push_letters",
        Series::Of(&[("state", &["waiting", "dead"])]),
        "Events that were set aside, by whether they are still tried.",
    ),
    metric(
        "chatzz_bus_connected",
        Series::Of(&[]),
        "1 while NATS passes on what this server sends; else, and without NATS, 0.",
    ),
    metric(
        "chatzz_hook_open",
        Series::Of(&[("hook", &["before-send", "before-add", "user-details"])]),
        "1 while a hook is not asked, since it failed ten times in a row; else 0.",
    ),
    metric(
        "chatzz_build_info",
        Series::Own,
        "Always 1; the label is the version.",
    ),
];

const HISTOGRAMS: [Metric; 7] = [
    metric(
        "chatzz_event_seconds",
        Series::Of(&[("event", EVENTS)]),
        "From the arrival of an event to its answer.",
    ),
    metric(
        "chatzz_hook_seconds",
        Series::Of(&[(
            "hook",
            &["login", "before-send", "before-add", "user-details"],
        )]),
        "How long hooks take to answer.",
    ),
    metric(
        "chatzz_batch_messages",
        Series::Of(&[]),
        "Messages stored at once.",
    ),
    metric(
        "chatzz_commit_seconds",
        Series::Of(&[]),
        "How long it takes to store messages.",
    ),
    metric(
        "chatzz_event_log_lag_seconds",
        Series::Of(&[]),
        "From the storing of a message by another server to its being read of here, by the clocks \
         of both.",
    ),
    metric(
        "chatzz_remote_announce_seconds",
        Series::Of(&[]),
        "From the storing of a message by another server to its announcement here, by the clocks of \
         both.",
    ),
    metric(
        "chatzz_database_seconds",
        Series::Own,
        "Operations of the database, by name.",
    ),
];

/// Describes every metric, and makes the series that are there from the start.
pub(super) fn declare() {
    for metric in &COUNTERS {
        metrics::describe_counter!(metric.name, metric.help);
        for labels in metric.series() {
            metrics::counter!(metric.name, labels).increment(0);
        }
    }
    for metric in &GAUGES {
        metrics::describe_gauge!(metric.name, metric.help);
        for labels in metric.series() {
            // not set: the part that it belongs to may have set it
            metrics::gauge!(metric.name, labels).increment(0.0);
        }
    }
    for metric in &HISTOGRAMS {
        metrics::describe_histogram!(metric.name, metric.help);
        for labels in metric.series() {
            // enough to make it
            let _ = metrics::histogram!(metric.name, labels);
        }
    }
    metrics::gauge!("chatzz_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

impl Metric {
    /// The labels of each series.
    fn series(&self) -> Vec<Vec<Label>> {
        let Series::Of(labels) = &self.series else {
            return Vec::new();
        };
        labels.iter().fold(vec![Vec::new()], |all, (name, values)| {
            let with = |series: &Vec<Label>, value: &'static str| {
                let label = Label::from_static_parts(name, value);
                series.iter().cloned().chain([label]).collect()
            };
            let all = all.iter();
            all.flat_map(|series| values.iter().map(move |value| with(series, value)))
                .collect()
        })
    }
}
