//! The commands that call the HTTP API of a running server.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use chatzz::back_end::{
    BackEnd, CallError, Exported, Imported, NewMessage, NotImported, PulledEvent, Tail,
};
use chatzz::bar::Bar;
use chatzz::cli::{ApiArgs, ExportArgs, ImportArgs, SendArgs, TailArgs};
use chatzz::config;

use crate::{Usage, complain, say, shutdown};

/// Lines that one call imports.
const LINES_AT_ONCE: usize = 500;
/// Bytes that are, about.
const BYTES_AT_ONCE: usize = 8 * 1024 * 1024;

/// Exit code of a call that nobody answered.
const NO_ANSWER: u8 = 3;

/// The exit code of a command that calls the HTTP API; `chatzz send --help` lists them.
pub(crate) fn ended(done: anyhow::Result<()>) -> ExitCode {
    let no_answer = done.as_ref().is_err_and(|error| {
        let error = error.downcast_ref();
        matches!(error, Some(CallError::NoAnswer(_) | CallError::Nobody(_)))
    });
    let code = crate::ended(done);
    if no_answer {
        ExitCode::from(NO_ANSWER)
    } else {
        code
    }
}

/// The API that is to be called, with the key of the environment.
fn back_end(args: &ApiArgs) -> anyhow::Result<BackEnd> {
    let key = config::key_of_caller().map_err(Usage)?;
    let url = match &args.url {
        Some(url) => url.clone(),
        None => config::url_of_caller().map_err(Usage)?,
    };
    Ok(BackEnd::new(url, key, waits)?)
}

fn waits(error: &CallError) {
    complain(&format_args!("{error}; trying again"));
}

/// `chatzz send`: sends a message, and says under which key.
pub(crate) async fn send(args: &SendArgs) -> anyhow::Result<()> {
    let text = match args.text.as_str() {
        "-" => {
            let text = std::io::read_to_string(std::io::stdin())?;
            text.strip_suffix('\n').unwrap_or(&text).to_owned()
        }
        text => text.to_owned(),
    };
    let made = || format!("cli-{}", uuid::Uuid::new_v4().simple());
    let message = NewMessage {
        from: args.from.clone(),
        to: args.to.clone(),
        text,
        key: args.key.clone().unwrap_or_else(made),
    };
    let sent = match back_end(&args.api)?.send(&message).await {
        Err(error @ (CallError::NoAnswer(_) | CallError::Nobody(_))) => {
            complain(&format_args!("repeat it with --key {}", message.key));
            return Err(error.into());
        }
        sent => sent?,
    };
    if args.json {
        say(&sent.answer);
    } else {
        say(&sent);
    }
    Ok(())
}

/// `chatzz events tail`: prints events until Ctrl-C.
pub(crate) async fn tail(args: &TailArgs) -> anyhow::Result<()> {
    let shutdown = shutdown()?;
    let back_end = back_end(&args.api)?;
    let wanted = Tail {
        after: args.after.clone(),
        types: args.types.clone(),
    };
    let hears = |event: PulledEvent| {
        let mut out = std::io::stdout().lock();
        let written = if args.json {
            writeln!(out, "{}", event.0)
        } else {
            writeln!(out, "{event}")
        };
        // a pipe that was closed ends it
        written.and_then(|()| out.flush()).is_ok()
    };
    tokio::select! {
        ended = back_end.tail(wanted, hears) => Ok(ended?),
        () = shutdown => Ok(()),
    }
}

/// `chatzz export`: prints what is stored of a user, with a bar if it goes elsewhere than to
/// the terminal.
pub(crate) async fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let back_end = back_end(&args.api)?;
    let bar = (!std::io::stdout().is_terminal()).then(Bar::of_messages);
    let mut lost = None;
    let hears = |line: &str, done: Exported| {
        if let Some(bar) = &bar {
            bar.show(done.messages, done.messages);
        }
        // an export that is not whole must not look so
        lost = writeln!(std::io::stdout(), "{line}").err();
        lost.is_none()
    };
    back_end.export(&args.user, hears).await?;
    lost.map_or(Ok(()), Err)?;
    Ok(std::io::stdout().flush()?)
}

/// `chatzz import`: brings in the lines of a file, part by part, and says what became of them.
pub(crate) async fn import(args: &ImportArgs) -> anyhow::Result<()> {
    let back_end = back_end(&args.api)?;
    let named = || args.file.display().to_string();
    let mut file: Box<dyn BufRead + Send> = if args.file == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(&args.file).with_context(named)?))
    };
    let bar = Bar::of_messages();
    let mut all = Imported::default();
    loop {
        let part = next_part(&mut *file).with_context(named)?;
        if part.is_empty() {
            break;
        }
        all.add(back_end.import(part).await?);
        for NotImported { line, code, detail } in all.errors.drain(..) {
            complain(&format_args!("line {line}: {detail} ({code})"));
        }
        bar.show(all.lines, all.lines);
    }
    drop(bar);
    say(&all);
    let left = all.conflicts + all.refused;
    anyhow::ensure!(left == 0, "{left} lines were not stored");
    Ok(())
}

/// The next whole lines; empty at the end.
fn next_part(file: &mut dyn BufRead) -> std::io::Result<Vec<u8>> {
    let mut part = Vec::new();
    for _ in 0..LINES_AT_ONCE {
        if part.len() >= BYTES_AT_ONCE || file.read_until(b'\n', &mut part)? == 0 {
            break;
        }
    }
    Ok(part)
}
