//! The rules of the house that the compiler does not check.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Most lines of a source file.
const MAX_LINES: usize = 500;

/// The map in `src/lib.rs`: what each layer may use. The programs and the library's root
/// use everything.
fn layers() -> Vec<(String, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let text = std::fs::read_to_string(root).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | "));
    let cells = rows.map(|row| row.trim_end_matches(" |").split(" | ").collect::<Vec<_>>());
    let layers = cells.filter_map(|cells| match cells[..] {
        [name, _, uses] if name.contains('`') => {
            let name = name.trim_matches(['[', ']', '`']).to_owned();
            let uses = uses.split(' ').filter(|used| *used != "–");
            Some((name, uses.map(str::to_owned).collect()))
        }
        _ => None,
    });
    let layers: Vec<_> = layers.collect();
    assert!(layers.len() > 15, "the map is where it was: {layers:?}");
    layers
}

/// A source file: its path below `src`, and its text.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The top-level module it belongs to.
    fn layer(&self) -> String {
        let first = self.path.components().next().unwrap();
        let first = Path::new(first.as_os_str());
        first.file_stem().unwrap().to_str().unwrap().to_owned()
    }

    /// Its text without comments and unit tests.
    fn code(&self) -> String {
        let text = self.text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// The server's sources.
fn sources() -> Vec<Source> {
    let sources = sources_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(sources.len() > 50, "the sources are where they were");
    sources
}

/// The sources of the packages below `crates` that keep the server's rules.
fn sources_of_crates() -> Vec<Source> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let sources = ["chatzz-dev", "chatzz-testkit"]
        .iter()
        .flat_map(|package| sources_of(&packages.join(package).join("src")));
    let sources: Vec<Source> = sources.collect();
    assert!(sources.len() > 25, "the crates are where they were");
    sources
}

fn sources_of(root: &Path) -> Vec<Source> {
    let mut folders = vec![root.to_owned()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().to_owned();
                sources.push(Source { path, text });
            }
        }
    }
    sources
}

/// The layers that a text names after `crate::`, also in `use crate::{a, b}`.
fn used_layers(code: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let first_name = |text: &str| -> String { text.chars().take_while(|c| is_name(*c)).collect() };
    let mut used = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            used.insert(first_name(rest));
            continue;
        };
        let mut depth = 0;
        for part in group.split_inclusive([',', '{', '}']) {
            if depth == 0 {
                used.insert(first_name(part.trim_start()));
            }
            depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
            if depth < 0 {
                break;
            }
        }
    }
    used.remove("");
    used
}

/// The server's files outside `allowed` whose code holds one of the words.
fn outside(allowed: &[&str], words: &[&str]) -> Vec<String> {
    outside_of(sources(), allowed, words)
}

fn outside_of(sources: Vec<Source>, allowed: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let name = source.name();
        let code = source.code();
        let holds = words.iter().any(|word| code.contains(word));
        if holds && !allowed.iter().any(|allowed| name.starts_with(allowed)) {
            found.push(name);
        }
    }
    found
}

#[test]
fn layers_use_only_what_lies_below_them() {
    let layers = layers();
    let mut wrong = Vec::new();
    for source in sources() {
        let layer = source.layer();
        if ["main", "bin", "lib", "dev", "remote"].contains(&layer.as_str()) {
            continue;
        }
        let allowed = layers.iter().find(|(name, _)| *name == layer);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{layer} is not on the map"));
        for used in used_layers(&source.code()) {
            if used != layer && !allowed.contains(&used) {
                wrong.push(format!("{} uses {used}", source.name()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_layer_may_use_more_than_it_does() {
    let mut unused = Vec::new();
    for (layer, allowed) in layers() {
        let used: BTreeSet<String> = sources()
            .iter()
            .filter(|source| source.layer() == layer)
            .flat_map(|source| used_layers(&source.code()))
            .collect();
        let allowed = allowed.iter().filter(|name| !used.contains(*name));
        unused.extend(allowed.map(|name| format!("{layer} does not use {name}")));
    }
    assert_eq!(unused, Vec::<String>::new());
}

#[test]
fn the_layers_have_no_cycle() {
    let mut left = layers();
    while !left.is_empty() {
        let names: Vec<String> = left.iter().map(|(name, _)| name.clone()).collect();
        let before = left.len();
        left.retain(|(_, uses)| uses.iter().any(|used| names.contains(used)));
        assert!(left.len() < before, "a cycle among {names:?}");
    }
}

#[test]
fn uses_are_found_in_every_form() {
    let code =
        "use crate::id::X;\nuse crate::{config::Y, store::{A, B}, wire};\nlet a = crate::rooms::Z;";
    let used: Vec<String> = used_layers(code).into_iter().collect();
    assert_eq!(used, ["config", "id", "rooms", "store", "wire"]);
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let long: Vec<String> = [sources(), sources_of_crates()]
        .iter()
        .flatten()
        .filter(|source| source.text.lines().count() > MAX_LINES)
        .map(Source::name)
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn only_the_socket_layer_emits() {
    let words = [
        ".emit(",
        ".emit_with_ack(",
        "SocketRef",
        "Arc<Socket>",
        "Arc<Socket<",
    ];
    assert_eq!(outside(&["socket/"], &words), Vec::<String>::new());
    let library = outside(&["socket/", "app/"], &["socketioxide"]);
    assert_eq!(library, ["telemetry.rs"], "it caps the library's log lines");
}

#[test]
fn only_the_clock_reads_the_time_of_day() {
    let words = ["Utc::now", "SystemTime::now", "Local::now", "DateTime::now"];
    assert_eq!(outside(&["clock.rs"], &words), Vec::<String>::new());
    let of_crates = outside_of(sources_of_crates(), &[], &words);
    assert_eq!(of_crates, Vec::<String>::new());
}

#[test]
fn only_the_store_opens_collections() {
    let words = [
        ".collection::<",
        ".collection(",
        ".collection_with_options(",
    ];
    assert_eq!(outside(&["store/"], &words), Vec::<String>::new());
    // those play the application, whose users are its own, or look into it for a test
    let allowed = ["playground.rs", "database.rs", "server.rs"];
    let of_crates = outside_of(sources_of_crates(), &allowed, &words);
    assert_eq!(of_crates, Vec::<String>::new());
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let allowed = ["config/environment.rs"];
    let words = ["env::var", "env::vars"];
    assert_eq!(outside(&allowed, &words), Vec::<String>::new());
    // those look for programs on the machine of a developer, or prepare them for a test
    let allowed = ["mongod/", "binary.rs", "places.rs", "tools.rs"];
    let of_crates = outside_of(sources_of_crates(), &allowed, &words);
    assert_eq!(of_crates, Vec::<String>::new());
}

#[test]
fn no_file_is_named_after_nothing() {
    for source in sources().into_iter().chain(sources_of_crates()) {
        let stem = source
            .path
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        for word in ["util", "helper", "manager", "common", "misc"] {
            assert!(!stem.contains(word), "{}", source.name());
        }
    }
}
