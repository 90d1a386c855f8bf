//! A progress bar on a terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Progress;

/// Draws the progress of a run on standard error, if that is a terminal. The bar
/// disappears when the returned closure is dropped.
pub fn bar() -> impl Fn(Progress) + Send + Sync + 'static {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    let template = "{elapsed} {bar:30} {human_pos}/{human_len} messages, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    let bar = Clearing(bar);
    move |progress| {
        bar.0
            .set_length(progress.messages.max(progress.checked.messages));
        bar.0.set_position(progress.checked.messages);
    }
}

struct Clearing(ProgressBar);

impl Drop for Clearing {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
