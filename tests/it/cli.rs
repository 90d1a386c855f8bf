//! The command line: what parses to what, and help whose examples work.

use chatzz::cli::{Cli, Command};
use chatzz::config::Mode;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

fn parse(line: &str) -> Result<Command, clap::Error> {
    Cli::try_parse_from(line.split_whitespace()).map(Cli::into_command)
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn nothing_said_is_serve() {
    assert_eq!(parse("chatzz").unwrap(), Command::Serve);
    assert_eq!(parse("chatzz serve").unwrap().mode(), Mode::Serve);
}

#[test]
fn dev_keeps_its_database_in_a_hidden_folder_by_default() {
    let Command::Dev(args) = parse("chatzz dev").unwrap() else {
        panic!("not dev");
    };
    assert!(!args.fresh && !args.empty && args.listen.is_none());
    assert_eq!(args.dir.to_str(), Some(".chatzz"));
    let line = "chatzz dev --fresh --empty --listen 127.0.0.1:0 --dir elsewhere";
    let Command::Dev(args) = parse(line).unwrap() else {
        panic!("not dev");
    };
    assert!(args.fresh && args.empty && args.listen.is_some());
    assert_eq!(args.dir.to_str(), Some("elsewhere"));
}

#[test]
fn dev_is_one_server_or_up_to_four() {
    let servers = |line: &str| match parse(line) {
        Ok(Command::Dev(args)) => Some((args.servers, args.nats)),
        _ => None,
    };
    assert_eq!(servers("chatzz dev"), Some((1, false)));
    assert_eq!(servers("chatzz dev --servers 4 --nats"), Some((4, true)));
    for number in ["0", "5", "two"] {
        assert_eq!(servers(&format!("chatzz dev --servers {number}")), None);
    }
}

#[test]
fn a_port_alone_is_one_of_this_machine() {
    let listen = |text: &str| match parse(&format!("chatzz dev --listen {text}")) {
        Ok(Command::Dev(args)) => args.listen.unwrap().to_string(),
        other => panic!("{other:?}"),
    };
    for (text, addr) in [
        ("4000", "127.0.0.1:4000"),
        (":4000", "127.0.0.1:4000"),
        ("localhost:4000", "127.0.0.1:4000"),
        ("0.0.0.0:4000", "0.0.0.0:4000"),
        ("[::1]:4000", "[::1]:4000"),
    ] {
        assert_eq!(listen(text), addr, "{text}");
    }
    for text in ["", "70000", "example.org:4000", "127.0.0.1", "::1"] {
        let refused = match parse(&format!("chatzz dev --listen={text}")) {
            Err(refused) => refused.to_string(),
            Ok(parsed) => panic!("{text}: {parsed:?}"),
        };
        assert!(
            refused.contains("write a port such as `4000`"),
            "{text}: {refused}"
        );
    }
}

#[test]
fn adopt_takes_over_into_a_database_that_there_can_be() {
    let Command::Adopt(args) = parse("chatzz adopt --into chatzz --json").unwrap() else {
        panic!("not adopt");
    };
    assert_eq!(args.into.as_deref(), Some("chatzz"));
    assert!(args.json && !args.dry_run && !args.undo);
    for line in ["--into admin", "--into a.b", "--undo --dry-run"] {
        assert!(parse(&format!("chatzz adopt {line}")).is_err(), "{line}");
    }
}

#[test]
fn migrate_can_only_show() {
    let Command::Migrate(args) = parse("chatzz migrate --dry-run").unwrap() else {
        panic!("not migrate");
    };
    assert!(args.dry_run);
}

#[test]
fn verify_only_reads_unless_asked_and_needs_no_authentication_mode() {
    let looking = parse("chatzz verify").unwrap();
    assert_eq!(looking.mode(), Mode::Migrate);
    let Command::Verify(args) = looking else {
        panic!("not verify");
    };
    assert!(!args.repair && !args.json && args.state.is_none());
    let line = "chatzz verify --repair --json --state far.json";
    let Command::Verify(args) = parse(line).unwrap() else {
        panic!("not verify");
    };
    assert!(args.repair && args.json);
    assert_eq!(args.state.unwrap().to_str(), Some("far.json"));
}

#[test]
fn mistakes_are_refused_and_the_version_is_printed() {
    assert!(parse("chatzz dev --listen here").is_err());
    assert!(parse("chatzz serv").is_err());
    let version = parse("chatzz --version").unwrap_err();
    assert_eq!(version.kind(), ErrorKind::DisplayVersion);
    assert!(version.to_string().contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_example_of_the_help_works() {
    let help = Cli::command().render_long_help().to_string();
    let (_, examples) = help.split_once("Examples:\n").unwrap();
    let mut count = 0;
    for line in examples.lines().filter(|line| !line.trim().is_empty()) {
        let (example, _) = line.trim().split_once("  ").unwrap();
        assert!(parse(example).is_ok(), "{example}");
        count += 1;
    }
    assert!(count >= 5, "{help}");
}

#[test]
fn the_help_names_where_to_begin_and_fits_a_terminal() {
    let help = Cli::command().render_long_help().to_string();
    for word in ["chatzz dev", ".env.example", "CHATZZ_AUTH", "chatzz serve"] {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
    for line in help.lines() {
        assert!(line.chars().count() <= 90, "{line}");
    }
}

#[test]
fn a_peer_echoes_unless_it_has_a_script() {
    let Command::Peer(args) = parse("chatzz peer --as bob").unwrap() else {
        panic!("not peer");
    };
    assert_eq!(args.who, "bob");
    assert_eq!(args.url, "http://127.0.0.1:3000");
    assert!(args.script.is_none() && args.with.is_none() && args.token.is_none());
    let both = parse("chatzz peer --as bob --echo --script talk.yml").unwrap_err();
    assert_eq!(both.kind(), ErrorKind::ArgumentConflict);
    let nobody = parse("chatzz peer").unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::MissingRequiredArgument);
}
