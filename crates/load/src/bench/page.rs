//! The page: what was measured, how, and how to repeat it.

use std::fmt::Write as _;

use super::plan::Plan;
use super::plot::Plot;
use super::results::{Key, Medians, Part, Results, Who};

const HEAD: &str = "\
# Performance

Written by `scripts/bench.sh`; do not edit by hand. Server, mongod and load generator share one machine, so compare
figures of two machines only as ratios. All figures come from one run. Every measurement was checked for messages that were
lost, duplicated or out of order.

* **chatzz**: the release build with its default settings except for the rate limits, which are off, on a one-node
  replica set; an acknowledged message is on a majority and in the journal.
* **Node peer** (`crates/load/peer/`): Node, socket.io and the official driver, plain and with group commit
  (*batched*), also with majority writes. It has no `clientId`, no delivered cursors, no unread counts and no last messages.
* **database alone**: the same driver storing the same documents without any server in front, one by one or as a group
  commit: the upper bound.

Latency is measured from when a request was due, also in the open loop, until its acknowledgement. Processor time is in
milliseconds per operation.
";

/// What the rows of idle servers are called.
pub(super) const IDLE: &str = "idle";

/// The notes written by hand.
const NOTES: &str = include_str!("notes.md");

const PARTS: [(Part, &str, &str); 8] = [
    (
        Part::Send,
        "Messages, closed loop",
        "Pairs of people × messages in flight of each pair.",
    ),
    (
        Part::OpenLoop,
        "Messages, open loop",
        "Ten pairs, at a fixed rate that does not wait for answers.",
    ),
    (
        Part::Work,
        "Logins, history, presence",
        "The presence row counts changes of presence, each announced to 50 contacts.",
    ),
    (
        Part::BackEnd,
        "Back end",
        "Batches by the HTTP API (messages × batches in flight; the latency is that of a batch), with every message read back; \
         a hook that allows each message after 2 ms; events that are posted to a consumer, and those of an \
         outage, asked for afterwards (the latency is that of a call).",
    ),
    (
        Part::Servers,
        "Several servers",
        "Sixteen pairs who write to each other at 1,000 messages a second in all, the two of each pair at different servers. \
         The delay is that from the ack until the message is at the other server's socket; processor time is the sum of all \
         servers. Idle servers: percent of a core, all of them together.",
    ),
    (
        Part::Growth,
        "Growth",
        "The same work with a growing number of stored messages (first column).",
    ),
    (
        Part::Contacts,
        "Contacts",
        "Logins of people with a growing number of contacts (first column).",
    ),
    (
        Part::Connections,
        "Connections",
        "Sockets (first column) connected, then logged in, then held.",
    ),
];

/// Writes the page; `server` is what the server says about itself, such as `chatzz 0.1.0`.
pub(super) fn write(results: &Results, plan: &Plan, plots: &[Plot], server: &str) -> String {
    let mut page = HEAD.to_owned();
    let command = plan.command();
    // writing into a String does not fail
    let _ = write!(
        page,
        "\nThe server is {server}. Medians of {} runs of {} s after {} s of warm-up{}. To repeat it: `{command}`.\n",
        plan.repeats,
        plan.seconds,
        plan.warm_up,
        if plan.quick {
            ", **a quick run**: too short to rely on"
        } else {
            ""
        },
    );
    for (part, title, about) in PARTS {
        let lines: Vec<_> = results.part(part).collect();
        if lines.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {title}\n\n{about}\n\n");
        match part {
            Part::Connections => connections(&mut page, &lines),
            Part::Servers => servers(&mut page, &lines),
            _ => table(&mut page, part, &lines),
        }
        for plot in plots.iter().filter(|plot| plot.part == part) {
            let _ = write!(page, "\n![{}]({})\n", plot.title, plot.file);
        }
    }
    page.push_str(NOTES);
    page
}

fn table(page: &mut String, part: Part, lines: &[(&Key, Medians)]) {
    let with_x = matches!(part, Part::Growth | Part::Contacts);
    page.push_str(if with_x { "| | " } else { "| " });
    page.push_str("work | whose | per second | p50 ms | p99 ms | p99.9 ms | server ms | mongod ms | load ms |\n");
    page.push_str(if with_x { "|---" } else { "" });
    page.push_str("|---|---|---|---|---|---|---|---|---|\n");
    for (key, medians) in lines {
        if with_x {
            let _ = write!(page, "| {} ", thousands(key.x));
        }
        let _ = writeln!(
            page,
            "| {} | {} | {:.0} | {:.2} | {:.2} | {:.2} | {} | {} | {} |",
            key.what,
            key.who.name(),
            medians.per_second,
            medians.p50,
            medians.p99,
            medians.p999,
            millis(medians.server_ms),
            millis(medians.mongod_ms),
            millis(medians.own_ms),
        );
    }
}

fn connections(page: &mut String, lines: &[(&Key, Medians)]) {
    page.push_str("| sockets | whose | connects/s | logins/s | KiB each, connected | KiB each, logged in | MiB before | MiB held | MiB after |\n");
    page.push_str("|---|---|---|---|---|---|---|---|---|\n");
    for (key, medians) in lines {
        let figure = |name: &str, unit: f64| {
            let value = medians.figures.get(name);
            value.map_or_else(|| "–".to_owned(), |value| format!("{:.1}", value / unit))
        };
        let _ = writeln!(
            page,
            "| {} | {} | {:.0} | {} | {} | {} | {} | {} | {} |",
            thousands(key.x),
            key.who.name(),
            medians.per_second,
            figure("loginPerSecond", 1.0),
            figure("connectedKibEach", 1.0),
            figure("heldKibEach", 1.0),
            figure("beforeResidentKib", 1024.0),
            figure("heldResidentKib", 1024.0),
            figure("afterResidentKib", 1024.0),
        );
    }
}

fn servers(page: &mut String, lines: &[(&Key, Medians)]) {
    page.push_str("| servers | by | per second | ack p50 ms | delay p50 ms | delay p99 ms | server ms | mongod ms | idle: servers % | mongod % |\n");
    page.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    let (idle, busy): (Vec<_>, Vec<_>) = lines.iter().partition(|(key, _)| key.what == IDLE);
    for (key, medians) in busy {
        let figure = |name: &str| medians.figures.get(name).copied().unwrap_or_default();
        let idle = idle
            .iter()
            .find(|(other, _)| (other.x, other.who) == (key.x, key.who));
        let percent = |name: &str| {
            let value = idle.and_then(|(_, medians)| medians.figures.get(name));
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"))
        };
        let _ = writeln!(
            page,
            "| {} | {} | {:.0} | {:.2} | {:.2} | {:.2} | {} | {} | {} | {} |",
            key.x,
            if key.who == Who::Nats {
                "NATS"
            } else {
                "MongoDB"
            },
            medians.per_second,
            medians.p50,
            figure("afterAck.p50"),
            figure("afterAck.p99"),
            millis(medians.server_ms),
            millis(medians.mongod_ms),
            percent("serverPercentOfACore"),
            percent("mongodPercentOfACore"),
        );
    }
}

fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

/// `1,234,567`.
pub(super) fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(12_345_678), "12,345,678");
    }
}
