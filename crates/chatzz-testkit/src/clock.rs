//! Programs whose clock is wrong, by libfaketime.

use std::path::{Path, PathBuf};

/// What a program needs in its environment so that its clock is wrong by so many seconds.
/// Only the wall clock is: timers are none the wiser.
///
/// # Panics
/// Panics when libfaketime is not installed.
pub fn wrong_by(seconds: i64) -> [(&'static str, String); 3] {
    [
        ("LD_PRELOAD", library().display().to_string()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("FAKETIME", format!("{seconds:+}s")),
    ]
}

/// The library that moves the clock of a program.
fn library() -> PathBuf {
    let machine = std::env::consts::ARCH;
    let folders = [
        format!("/usr/lib/{machine}-linux-gnu/faketime"),
        "/usr/lib64/faketime".to_owned(),
        "/usr/lib/faketime".to_owned(),
    ];
    let files = folders.map(|folder| Path::new(&folder).join("libfaketimeMT.so.1"));
    let found = files.into_iter().find(|file| file.is_file());
    found.expect("no libfaketime: `apt-get install libfaketime`")
}
