//! The `chatzz` command: parses the command line, starts telemetry, runs.

#[cfg(all(feature = "dev", unix))]
mod dev;
mod remote;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use chatzz::adopt;
use chatzz::app::{App, Tried, try_hooks};
use chatzz::bar::Bar;
use chatzz::cli::{
    AdoptArgs, Cli, Command, ConfigArgs, EventsCommand, HookCommand, KeyArgs, KeyCommand, SpecArgs,
    VerifyArgs,
};
#[cfg(feature = "dev")]
use chatzz::cli::{DevArgs, PeerArgs};
use chatzz::config::{self, Config, LogFormat};
use chatzz::store::Store;
use chatzz::store::adopt::Adoption;
use chatzz::store::migrate::Plan;
use chatzz::verify;
use clap::Parser as _;

/// Its background threads give memory back to the system when the server is idle.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Exit code of a command line or configuration that cannot be used.
const USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let command = Cli::parse().into_command();
    match &command {
        #[cfg(feature = "dev")]
        Command::Peer(args) => return ended(peer(args).await),
        Command::Spec(args) => return ended(spec(args)),
        Command::Config(args) => return ended(document(args)),
        Command::Key(KeyCommand::New(args)) => return ended(new_key(args)),
        Command::Send(args) => return remote::ended(remote::send(args).await),
        Command::Export(args) => return remote::ended(remote::export(args).await),
        Command::Import(args) => return remote::ended(remote::import(args).await),
        Command::Events(EventsCommand::Tail(args)) => {
            return remote::ended(remote::tail(args).await);
        }
        _ => {}
    }
    let (config, warnings) = match Config::from_env(command.mode()) {
        Ok(read) => read,
        Err(errors) => {
            chatzz::telemetry::report(&errors, std::io::stderr);
            return ExitCode::from(USAGE);
        }
    };
    if let Err(error) = chatzz::telemetry::init(&config.log) {
        complain(&error);
        return ExitCode::from(USAGE);
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let done = match command {
        Command::Verify(args) => return check(args, &config).await,
        Command::Hook(HookCommand::Test) => test_hooks(&config).await,
        Command::Serve => Box::pin(serve(config)).await,
        #[cfg(feature = "dev")]
        Command::Dev(args) => Box::pin(dev(&args, config)).await,
        Command::Migrate(args) => migrate(args.dry_run, &config).await,
        Command::Adopt(args) => Box::pin(adopt(args, config)).await,
        // handled above: they need no configuration
        #[cfg(feature = "dev")]
        Command::Peer(_) => Ok(()),
        Command::Spec(_) | Command::Config(_) | Command::Key(_) => Ok(()),
        Command::Send(_) | Command::Events(_) | Command::Export(_) | Command::Import(_) => Ok(()),
    };
    ended(done)
}

/// A wrong command line or configuration, which is found late.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

fn ended(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format_args!("{error:#}"));
            if error.is::<Usage>() {
                return ExitCode::from(USAGE);
            }
            ExitCode::FAILURE
        }
    }
}

fn spec(args: &SpecArgs) -> anyhow::Result<()> {
    let document = if args.openapi {
        chatzz::spec::openapi()
    } else {
        chatzz::spec::document()
    };
    say(&serde_json::to_string_pretty(&document)?);
    Ok(())
}

fn new_key(args: &KeyArgs) -> anyhow::Result<()> {
    let (key, line) = config::new_api_key(&args.name, &args.scopes).map_err(anyhow::Error::msg)?;
    say(&format_args!(
        "The key, which is shown this once:\n  {key}\nIts line for CHATZZ_API_KEYS_FILE:\n  {line}"
    ));
    Ok(())
}

fn document(args: &ConfigArgs) -> anyhow::Result<()> {
    if args.write {
        std::fs::write(".env.example", config::env_example())?;
        std::fs::write("docs/configuration.md", config::markdown())?;
    } else if args.markdown {
        print(&config::markdown());
    } else {
        print(&config::env_example());
    }
    Ok(())
}

#[cfg(feature = "dev")]
async fn peer(args: &PeerArgs) -> anyhow::Result<()> {
    let options = chatzz_dev::peer::Options {
        who: args.who.clone(),
        with: args.with.clone(),
        script: args.script.clone(),
        url: args.url.clone(),
        token: args.token.clone().filter(|token| !token.is_empty()),
    };
    let shutdown = shutdown()?;
    let line = |line: &str| say(&line);
    tokio::select! {
        played = chatzz_dev::peer::run(&options, &line) => Ok(played?),
        () = shutdown => Ok(()),
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    #[cfg(unix)]
    raise_open_files(&config);
    let log = config.log.format;
    let mut shutdown = Box::pin(shutdown()?);
    let app = tokio::select! {
        built = App::build(config, axum::Router::new()) => built?,
        // stopped while it waits for the database
        () = &mut shutdown => return Ok(()),
    };
    if log == LogFormat::Json {
        // nothing but JSON, for whoever collects both streams
        tracing::info!("listening on {}", app.url());
    } else {
        say(&format_args!("listening on {}", app.url()));
    }
    Box::pin(app.run_until(shutdown)).await;
    Ok(())
}

/// Open files beside those of clients: the database's connections and what the system has.
#[cfg(unix)]
const OTHER_FILES: u64 = 256;

/// Raises the limit of open files as far as it goes, and warns if that is too little for
/// the most connections there may be.
#[cfg(unix)]
fn raise_open_files(config: &Config) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let most = u64::try_from(config.http.max_connections).unwrap_or(u64::MAX);
    let need = most.saturating_add(OTHER_FILES);
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        Ok(soft.max(hard))
    });
    match raised {
        Ok(limit) if limit < need => tracing::warn!(
            limit,
            need,
            "fewer files may be open than CHATZZ_MAX_CONNECTIONS needs; raise the limit, such as \
             LimitNOFILE= of systemd, or lower the number of connections"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the limit of open files could not be raised"
        ),
    }
}

#[cfg(all(feature = "dev", unix))]
async fn dev(args: &DevArgs, config: Config) -> anyhow::Result<()> {
    let mut shutdown = Box::pin(shutdown()?);
    let progress = |line: &str| say(&line);
    let dev = tokio::select! {
        built = dev::Dev::build(args, config, &progress) => built?,
        () = &mut shutdown => return Ok(()),
    };
    if let Some(call) = dev.first_call() {
        say(&format_args!(
            "\nThe HTTP API for your back end (docs/back-end.md). Alice writes to Bob:\n  {call}"
        ));
    }
    say(&dev.greeting());
    Box::pin(dev.run_until(shutdown, |line| say(&line))).await;
    Ok(())
}

#[cfg(all(feature = "dev", not(unix)))]
async fn dev(_: &DevArgs, _: Config) -> anyhow::Result<()> {
    anyhow::bail!("`chatzz dev` needs a Unix system; `chatzz serve` runs everywhere")
}

async fn test_hooks(config: &Config) -> anyhow::Result<()> {
    let tried = try_hooks(config).await.map_err(anyhow::Error::msg)?;
    for Tried {
        hook,
        took,
        outcome,
    } in &tried
    {
        let said = outcome.as_ref().unwrap_or_else(|why| why);
        say(&format_args!("{} ({took:.0?}): {said}", hook.as_str()));
    }
    if tried.iter().any(|one| one.outcome.is_err()) {
        anyhow::bail!("not every hook gives a verdict");
    }
    Ok(())
}

async fn migrate(dry_run: bool, config: &Config) -> anyhow::Result<()> {
    let store = Store::connect(config).await?;
    let plan: Plan = if dry_run {
        store.plan().await?
    } else {
        store.migrate().await?
    };
    say(&format_args!(
        "{}{plan}",
        match (plan.is_empty(), dry_run) {
            (true, _) => "",
            (false, true) => "would do:\n",
            (false, false) => "done:\n",
        }
    ));
    store.close().await;
    Ok(())
}

async fn adopt(args: AdoptArgs, mut config: Config) -> anyhow::Result<()> {
    let shutdown = shutdown()?;
    let from = config.mongodb.database.clone();
    if let Some(into) = args.into {
        if into == from {
            let itself =
                format!("--into {into} is the database of chatzz 1.x itself: leave it out");
            return Err(Usage(itself).into());
        }
        config.mongodb.database = into;
    }
    let store = Store::connect(&config).await?;
    let adoption = Adoption::new(store, &from, &config);
    let adoption = adoption.map_err(|clash| Usage(clash.to_string()))?;
    let bar = Bar::of_messages();
    let options = adopt::Options {
        dry_run: args.dry_run,
        progress: Arc::new(move |progress| bar.show(progress.messages, progress.all)),
        ..adopt::Options::default()
    };
    let stop = options.stop.clone();
    tokio::spawn(async move {
        shutdown.await;
        stop.cancel();
    });
    let report = if args.undo {
        adopt::undo(&adoption, &options).await
    } else {
        adopt::run(&adoption, &options).await
    };
    drop(options);
    let report = report?;
    if args.json {
        say(&serde_json::to_string(&report)?);
    } else {
        say(&report);
    }
    adoption.store.close().await;
    Ok(())
}

/// Exit code of `verify`: findings are a failure, and a database that cannot be checked is another.
async fn check(args: VerifyArgs, config: &Config) -> ExitCode {
    match try_check(args, config).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format_args!("{error:#}"));
            ExitCode::from(USAGE)
        }
    }
}

async fn try_check(args: VerifyArgs, config: &Config) -> anyhow::Result<bool> {
    let shutdown = shutdown()?;
    let store = Store::connect(config).await?;
    let options = verify::Options {
        repair: args.repair,
        state: args.state,
        progress: Arc::new({
            let bar = Bar::of_messages();
            move |progress: verify::Progress| {
                bar.show(progress.checked.messages, progress.messages);
            }
        }),
        ..verify::Options::default()
    };
    let stop = options.stop.clone();
    tokio::spawn(async move {
        shutdown.await;
        stop.cancel();
    });
    let report = verify::run(&store, &options).await;
    drop(options);
    let report = report?;
    if args.json {
        say(&serde_json::to_string(&report)?);
    } else {
        say(&report);
    }
    store.close().await;
    Ok(report.is_clean())
}

/// Resolves at the first SIGTERM or Ctrl-C; a second one ends the process at once.
fn shutdown() -> std::io::Result<impl Future<Output = ()> + Send> {
    let mut signals = Signals::new()?;
    ignore_hangups()?;
    Ok(async move {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(1);
        });
    })
}

/// A terminal that closes, or an operator who expects a reload, does not end the process:
/// certificates and keys are read anew by themselves.
#[cfg(unix)]
fn ignore_hangups() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            tracing::info!("SIGHUP is ignored: certificates and keys are read anew by themselves");
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn ignore_hangups() -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // without a handler the system ends the process itself
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Prints one line for the person at the terminal; a closed terminal is not an error.
fn say(line: &impl Display) {
    print(&format_args!("{line}\n"));
}

fn print(text: &impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{text}");
    let _ = out.flush();
}

fn complain(error: &impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "chatzz: {error}");
}
