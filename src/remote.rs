//! The commands that call the HTTP API of a running server.

use std::io::Write as _;
use std::process::ExitCode;

use chatzz::back_end::{BackEnd, CallError, NewMessage, PulledEvent, Tail};
use chatzz::cli::{ApiArgs, SendArgs, TailArgs};
use chatzz::config;

use crate::{Usage, complain, say, shutdown};

/// Exit code of a call that nobody answered.
const NO_ANSWER: u8 = 3;

/// The exit code of a command that calls the HTTP API; `chatzz send --help` lists them.
pub(crate) fn ended(done: anyhow::Result<()>) -> ExitCode {
    let no_answer = done.as_ref().is_err_and(|error| {
        let error = error.downcast_ref();
        matches!(error, Some(CallError::NoAnswer(_)))
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
    Ok(BackEnd::new(args.url.clone(), key, waits)?)
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
        Err(error @ CallError::NoAnswer(_)) if args.key.is_none() => {
            complain(&format_args!("repeat it with --key {}", message.key));
            return Err(error.into());
        }
        sent => sent?,
    };
    if args.api.json {
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
        let written = if args.api.json {
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
