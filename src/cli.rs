//! The command line: the commands, and their help.

#[cfg(feature = "dev")]
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{ApiScope, Mode, ServiceUrl, parse_database};

const INTRODUCTION: &str = "\
chatzz is a one-to-one messenger backend. It stands beside your application, reads
its users from the MongoDB you already have, keeps chat rooms and messages in
collections of its own, and speaks socket.io with your front end.";

#[cfg(feature = "dev")]
const BEGINNING: &str = "\
The first ten minutes:
  1. chatzz dev            a MongoDB of its own, demo users and a demo application;
                           open an address it prints and chat
  2. docs/front-end.md: from an empty page to a chat of your own
  3. docs/your-users.md: copy .env.example to .env, name your MongoDB and the
     collection of your users, choose CHATZZ_AUTH, and run: chatzz serve";

#[cfg(not(feature = "dev"))]
const BEGINNING: &str = "\
To begin, copy .env.example to .env, name your MongoDB and the collection of your
users, choose CHATZZ_AUTH, and run: chatzz serve";

const CONFIGURATION: &str = "\
Configuration comes from variables that begin with CHATZZ_, from the environment
or a .env file in the working directory; the environment wins. `chatzz config`
prints every key with its default, as .env.example does. All mistakes are reported
together, and so are CHATZZ_ variables that are no key.";

const EXAMPLES: &str = "\
Examples:
  chatzz dev                           try it out, nothing to set up
  chatzz dev --fresh                   the same, begun again
  chatzz dev --listen 4000             the same, on another port
  chatzz dev --servers 2 --nats        two servers on one database, with NATS
  chatzz dev --from-1x                 a database of chatzz 1.x, taken over as you watch
  chatzz migrate --dry-run             show what would change in the database
  chatzz migrate                       change it
  chatzz verify                        check what is stored, change nothing
  chatzz verify --repair --json        mend what can be, report as JSON
  chatzz adopt --dry-run               count what chatzz 1.x left, change nothing
  chatzz adopt                         take it over
  chatzz adopt --undo                  go back, until the first new message
  chatzz peer --as bob --with alice    bob answers what alice writes
  chatzz peer --as bob --script FILE   bob does what the script says
  chatzz spec                          the events as AsyncAPI, for generators
  chatzz spec --openapi                the calls of the HTTP API, as OpenAPI
  chatzz key new shop read,send        a key for the HTTP API of your back end
  chatzz send --from 1 --to 2 Hello    send a message as a user of your application
  chatzz events tail                   print what happens, as it happens
  chatzz export 1                      print everything that is stored of a user
  chatzz import old.ndjson             import messages that were sent before
  chatzz hook test                     ask your application about a sample of each hook
  chatzz config                        every key with its default, as a .env file
  chatzz serve                         run it; `chatzz` alone does the same";

fn long_about() -> String {
    [INTRODUCTION, BEGINNING, CONFIGURATION].join("\n\n")
}

/// The examples of the available commands.
fn examples() -> String {
    let is_there = |line: &&str| {
        let is_of_dev = ["chatzz dev", "chatzz peer"].map(|verb| line.contains(verb));
        cfg!(feature = "dev") || !is_of_dev.contains(&true)
    };
    let lines: Vec<&str> = EXAMPLES.lines().filter(is_there).collect();
    lines.join("\n")
}

/// The command line of `chatzz`.
#[derive(Debug, Parser)]
#[command(
    name = "chatzz",
    version,
    about = "A one-to-one messenger backend on the MongoDB you already have",
    long_about = long_about(),
    after_help = examples()
)]
pub struct Cli {
    /// The command; without one, `serve`.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// The command, `serve` without one.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Serve)
    }
}

/// The commands of `chatzz`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve clients until SIGTERM or Ctrl-C (the default)
    ///
    /// Needs `CHATZZ_AUTH`, and MongoDB 6.0 or newer, standalone or replica set. Brings
    /// the chatzz collections up to date first unless `CHATZZ_MIGRATE_ON_START` is
    /// `false`.
    Serve,
    /// Try it out: a database of its own, demo users and a demo application
    ///
    /// Starts a mongod of its own, so that your databases are not touched, and accepts
    /// every client's claim about who it is. Not for production.
    #[cfg(feature = "dev")]
    Dev(DevArgs),
    /// Bring the database up to date, then stop
    ///
    /// For deployments whose server may not create collections and indexes:
    /// run this under a stronger role, and serve with
    /// `CHATZZ_MIGRATE_ON_START=false`.
    Migrate(MigrateArgs),
    /// Check the database: numbers, statuses, heads, counts, indexes
    ///
    /// Reads everything once and writes nothing without `--repair`; safe beside a running
    /// server. Exits with 0 if no error is left, 1 if there is one, and 2 if the database
    /// could not be checked.
    Verify(VerifyArgs),
    /// Take over a database of the npm package chatzz 1.x
    ///
    /// Fills new collections beside those of chatzz 1.x, which are not changed, and gives
    /// them their names when everything is counted. Can be interrupted and run again, and
    /// undone until the first new message. Stop chatzz 1.x and back up first: see
    /// docs/from-chatzz-1.md. The account needs `readWrite` on the database.
    Adopt(AdoptArgs),
    /// Play another person, for developing a front end alone
    ///
    /// Connects to a running server as one of its users. It answers every message with
    /// its own text, after reading it and typing for a moment, or follows a script. Needs
    /// no configuration.
    #[cfg(feature = "dev")]
    Peer(PeerArgs),
    /// Print the machine-readable contract: `AsyncAPI` 3 with JSON Schemas
    ///
    /// With `--openapi`, that of the HTTP API. Needs no configuration and no database.
    Spec(SpecArgs),
    /// Print every configuration key with its default and meaning
    ///
    /// As a file to copy to `.env`, with every key commented out, or as a page.
    /// Needs no configuration and no database.
    Config(ConfigArgs),
    /// Try the hooks of your application out
    #[command(subcommand)]
    Hook(HookCommand),
    /// Send a message as a user, through the HTTP API of a running server
    ///
    /// It is stored once under its key, however often you repeat the command with the same
    /// one. Lost connections and busy servers are waited for, 30 seconds at most.
    #[command(after_help = CALLS)]
    Send(SendArgs),
    /// See what happens, through the HTTP API of a running server
    #[command(subcommand)]
    Events(EventsCommand),
    /// Print everything that is stored of a user, through the API of a server
    ///
    /// A JSON object a line; it is whole if the last one has `"end": true`. Where the connection
    /// is lost it goes on with the next line. Its key needs the scope `privacy`.
    #[command(after_help = CALLS)]
    Export(ExportArgs),
    /// Import messages that were sent before, through the API of a server
    ///
    /// A JSON object a line, as docs/back-end.md has it. Run it again after any failure: what is
    /// there stays. Its key needs the scope `import`. Exits with 1 if a line was not stored.
    #[command(after_help = CALLS)]
    Import(ImportArgs),
    /// Make a key for the HTTP API of the application's back end
    ///
    /// Needs no configuration and no database.
    #[command(subcommand)]
    Key(KeyCommand),
}

/// The commands of `chatzz key`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum KeyCommand {
    /// Print a new key, and its line for `CHATZZ_API_KEYS_FILE`
    ///
    /// The key is shown this once; the line does not reveal it.
    New(KeyArgs),
}

/// The options of `chatzz key new`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct KeyArgs {
    /// Who is to have it, such as `shop`; stored with the messages that it sends
    pub name: String,
    /// What it may be used for: some of read, send, manage, privacy, import and events, with
    /// commas between them
    #[arg(value_parser = ApiScope::parse_list)]
    pub scopes: ::std::vec::Vec<ApiScope>,
}

const CALLS: &str = "\
The key of the HTTP API comes from CHATZZ_KEY, or from the file that CHATZZ_KEY_FILE
names: `chatzz dev` keeps one in .chatzz/api-key.

Exit codes:
  0  done
  1  refused, and a repeat would be as well
  2  wrong command line, or no key
  3  no answer, or a lost one: repeat it, and a message with the same --key";

/// Where the HTTP API is.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ApiArgs {
    /// Where `CHATZZ_API_LISTEN` is reached; without it `CHATZZ_API_URL`, and without that
    /// `http://127.0.0.1:3001`
    // the variable is read later: clap would name the option in its usage as if it were required
    #[arg(long, value_name = "URL", value_parser = ServiceUrl::from_text)]
    pub url: Option<ServiceUrl>,
}

/// The options of `chatzz export`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ExportArgs {
    /// The `_id` of the user
    pub user: String,
    /// Where to call.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// The options of `chatzz import`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ImportArgs {
    /// The file with a message a line; `-` reads standard input
    pub file: PathBuf,
    /// Where to call.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// The options of `chatzz send`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SendArgs {
    /// Who sends it: the `_id` of a user
    #[arg(long, value_name = "USER")]
    pub from: String,
    /// Who receives it
    #[arg(long, value_name = "USER")]
    pub to: String,
    /// Your own name for this message, such as `order-17`; without it, a new one is made
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// The text; `-` reads it from standard input
    pub text: String,
    /// Print JSON, one object a line, instead of text
    #[arg(long)]
    pub json: bool,
    /// Where to call.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// The commands of `chatzz events`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum EventsCommand {
    /// Print events as they happen, until Ctrl-C
    ///
    /// Goes on over lost connections and restarts of the server. With `--json`, each event has
    /// the cursor behind it: continue there with `--after`.
    #[command(after_help = CALLS)]
    Tail(TailArgs),
}

/// The options of `chatzz events tail`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct TailArgs {
    /// From where on: the cursor of an event, `head`, `oldest`, or a time such as
    /// `2026-11-30T12:00:00Z`
    #[arg(long, value_name = "CURSOR", default_value = "head")]
    pub after: String,
    /// Only these types, with commas between them, such as `message.created,message.read`
    #[arg(long, value_name = "TYPES")]
    pub types: Option<String>,
    /// Print JSON, one object a line, instead of text
    #[arg(long)]
    pub json: bool,
    /// Where to call.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// The commands of `chatzz hook`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum HookCommand {
    /// Send your application a signed sample of each hook, and say what its answer would do
    ///
    /// Reads the configuration of `chatzz serve`, of which it needs no more than the hooks. Stores
    /// nothing, and needs no database.
    /// Exits with 1 if a hook gives no verdict.
    Test,
}

impl Command {
    /// The command that the configuration is read for.
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Serve => Mode::Serve,
            Self::Hook(_) => Mode::Hooks,
            #[cfg(feature = "dev")]
            Self::Dev(_) => Mode::Dev,
            #[cfg(feature = "dev")]
            Self::Peer(_) => Mode::Migrate,
            Self::Migrate(_)
            | Self::Verify(_)
            | Self::Adopt(_)
            | Self::Spec(_)
            | Self::Config(_)
            | Self::Send(_)
            | Self::Events(_)
            | Self::Export(_)
            | Self::Import(_)
            | Self::Key(_) => Mode::Migrate,
        }
    }
}

/// The options of `chatzz dev`.
#[cfg(feature = "dev")]
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct DevArgs {
    /// Delete what earlier runs stored and begin again
    #[arg(long)]
    pub fresh: bool,
    /// Store no conversations of the demo users in a new database: nobody knows anybody yet
    #[arg(long)]
    pub empty: bool,
    /// Listen here instead of at `CHATZZ_LISTEN`; a port alone is one of this machine
    #[arg(long, value_name = "PORT or ADDR:PORT", value_parser = listen)]
    pub listen: Option<SocketAddr>,
    /// So many servers on one database, on neighboring ports; `/duo` shows two people at different
    /// ones
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4))]
    pub servers: u16,
    /// Begin with a database as chatzz 1.1.5 left it, and take it over by `chatzz adopt`; `/old` is a
    /// front end of that time
    #[arg(long = "from-1x")]
    pub from_1x: bool,
    /// Start a nats-server as well, which carries typing and signals from one server to the other
    #[arg(long)]
    pub nats: bool,
    /// The folder of this command's database
    #[arg(long, value_name = "DIR", default_value = ".chatzz")]
    pub dir: PathBuf,
}

/// An address with a port; this machine's own without an address.
#[cfg(feature = "dev")]
fn listen(text: &str) -> Result<SocketAddr, String> {
    let host = |host: &str| match host {
        "" | "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => None,
    };
    let split = text.rsplit_once(':').unwrap_or(("", text));
    let of_this_machine = host(split.0).zip(split.1.parse().ok());
    let parsed = of_this_machine.map(SocketAddr::from);
    parsed.or_else(|| text.parse().ok()).ok_or_else(|| {
        "write a port such as `4000`, or an IP address with a port such as `0.0.0.0:4000`"
            .to_owned()
    })
}

/// The options of `chatzz migrate`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct MigrateArgs {
    /// Show what would be done and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// The options of `chatzz verify`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct VerifyArgs {
    /// Repair what can be derived from the messages, and create missing indexes
    #[arg(long)]
    pub repair: bool,
    /// Print one JSON report instead of lines
    #[arg(long)]
    pub json: bool,
    /// Save the progress here; the same command resumes after an interruption
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// The options of `chatzz adopt`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct AdoptArgs {
    /// Count what would be taken over and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Copy into this database, and leave that of chatzz 1.x as it is
    #[arg(long, value_name = "DATABASE", value_parser = parse_database)]
    pub into: Option<String>,
    /// Go back to what there was before, as long as no new message was stored
    #[arg(long, conflicts_with = "dry_run")]
    pub undo: bool,
    /// Print one JSON report instead of lines
    #[arg(long)]
    pub json: bool,
}

/// The options of `chatzz spec`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SpecArgs {
    /// Print the calls of the HTTP API, as `OpenAPI` 3.1, instead of the events
    #[arg(long)]
    pub openapi: bool,
}

/// The options of `chatzz config`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ConfigArgs {
    /// Print the page `docs/configuration.md` instead
    #[arg(long)]
    pub markdown: bool,
    /// Write both to their places in the sources, for developers of chatzz
    #[arg(long, hide = true, conflicts_with = "markdown")]
    pub write: bool,
}

#[cfg(feature = "dev")]
const SCRIPT: &str = "\
A script is YAML, its steps are done one after the other:
  with: alice          # whom it is about; without it, whoever writes first
  patience: 1m         # how long `expect` waits (this is the default)
  steps:
    - expect: hello    # a message with this text in it
    - read: 3s         # reads it, this much later
    - type: 2s
    - say: Hi there!
    - burst: 20        # so many messages at once
    - wait: 1s
    - offline
    - online
    - block
    - unblock";

/// The options of `chatzz peer`.
#[cfg(feature = "dev")]
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = SCRIPT)]
pub struct PeerArgs {
    /// Who to connect as: the `_id` of a user, or with `chatzz dev` a demo user's name
    #[arg(long = "as", value_name = "USER")]
    pub who: String,
    /// Add this user first, so that the chat room exists
    #[arg(long, value_name = "USER")]
    pub with: Option<String>,
    /// Follow this script
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Answer every message; this is the default without a script
    #[arg(long, conflicts_with = "script")]
    pub echo: bool,
    /// Where the server is; a path in it is that of the socket.io endpoint
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3000")]
    pub url: String,
    /// A token, for a server that requires one
    ///
    /// Set the variable rather than the option on a machine that others use: they can see the
    /// arguments of every program.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "CHATZZ_PEER_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
}
