//! The pages: every link leads somewhere, the first page is short, its badges are true, and the
//! index and the page about metrics leave nothing out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::support::places;

fn read(file: &str) -> String {
    let path = places::repository().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn is_page(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "md")
}

/// The pages of a folder and of those in it, as paths from the repository.
fn pages_in(folder: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(places::repository().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // what is below `src` is a part of a page, such as the notes of the benchmark
        let is_own = !["target", "node_modules", "build", "src"].contains(&name.as_str());
        let path = match folder {
            "" => name,
            _ => format!("{folder}/{name}"),
        };
        // a link, such as the one of chatzz-dev to the clients, shows the same pages again
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && is_own && !path.starts_with('.') {
            pages_in(&path, found);
        } else if kind.is_file() && is_page(&path) {
            found.push(path);
        }
    }
}

/// All pages of the repository.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    pages_in("", &mut found);
    assert!(found.len() > 25, "{found:?}");
    found
}

/// The lines of a page that are not within fences.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The text of a heading as people see it: without the targets of its links.
fn seen(title: &str) -> String {
    let mut parts = title.split("](");
    let first = parts.next().unwrap_or_default().to_owned();
    let others = parts.map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    first + &others.collect::<String>()
}

/// The anchors of a page: those that GitHub makes of its headings, and those that it has of its own.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in prose(text) {
        let own = line.split("<a id=\"").skip(1);
        found.extend(own.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        let title = line.trim_start_matches('#');
        if title == line || !title.starts_with(' ') {
            continue;
        }
        let title = seen(title.trim()).to_lowercase();
        let kept = title.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        });
        let slug: String = kept.collect();
        // the second heading of one text has a number
        let numbered = (1..).map(|number| format!("{slug}-{number}"));
        let mut names = std::iter::once(slug.clone()).chain(numbered);
        let free = names.find(|name| !found.contains(name));
        found.extend(free);
    }
    found
}

/// The targets of the links and pictures of a page, also where a link breaks over two lines.
fn links(text: &str) -> Vec<String> {
    // what is between backticks is code: `[x](y)` is no link
    let text = prose(text).collect::<Vec<_>>().join("\n");
    let text: String = text.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let targets = text.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

/// Where a link of a page leads, as a path from the repository; `None` if that is outside.
fn target(page: &str, link: &str) -> Option<String> {
    let folder = Path::new(page).parent()?;
    let mut path = PathBuf::new();
    for part in folder.join(link).components() {
        match part {
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    Some(path.to_str()?.to_owned())
}

/// What is wrong with a link; `None` if it leads somewhere.
fn fault(page: &str, link: &str) -> Option<String> {
    const OURS: &str = "https://github.com/chatzz/chatzz/blob/main/";
    // the packages on npm name this repository by its address
    let (link, is_whole) = match link.strip_prefix(OURS) {
        Some(link) => (link, true),
        None if link.contains("://") || link.starts_with("mailto:") => return None,
        None => (link, false),
    };
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let file = match file {
        "" => Some(page.to_owned()),
        _ if is_whole => Some(file.to_owned()),
        _ => target(page, file),
    };
    let Some(file) = file else {
        return Some(format!("{page}: {link} leads out of the repository"));
    };
    let path = places::repository().join(&file);
    if !path.exists() {
        return Some(format!("{page}: there is no {file}"));
    }
    let is_there = anchor.is_empty() || is_page(&file) && anchors(&read(&file)).contains(anchor);
    (!is_there).then(|| format!("{page}: {file} has no #{anchor}"))
}

#[test]
fn every_link_of_every_page_leads_to_a_file_and_a_heading_that_are_there() {
    let mut checked = 0;
    let mut broken = Vec::new();
    for page in pages() {
        for link in links(&read(&page)) {
            checked += 1;
            broken.extend(fault(&page, &link));
        }
    }
    assert!(checked > 300, "{checked}");
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn a_link_that_leads_nowhere_is_noticed() {
    let text = "# One `two`: three\n\n## One two three\n\n```\n# no heading [no](link.md)\n```\n<a id=\"own\"></a>\
                A [link\nover lines](there.md#x), `[none](code.md)`.\n";
    assert_eq!(links(text), ["there.md#x"]);
    let expected = ["one-two-three", "one-two-three-1", "own"].map(str::to_owned);
    assert_eq!(anchors(text), BTreeSet::from(expected));
    for link in [
        "no-such-page.md",
        "protocol.md#no-such-heading",
        "#no-such-heading",
        "../docs/no-such-page.md",
        "../../README.md",
        "https://github.com/chatzz/chatzz/blob/main/docs/protocol.md#no-such-heading",
    ] {
        assert!(fault("docs/README.md", link).is_some(), "{link}");
    }
    for link in [
        "protocol.md#errors",
        "../README.md#roadmap",
        "../deploy",
        "https://example.org",
    ] {
        assert_eq!(fault("docs/README.md", link), None, "{link}");
    }
}

#[test]
fn the_first_page_has_at_most_180_lines() {
    let lines = read("README.md").lines().count();
    assert!(
        lines <= 180,
        "README.md has {lines} lines: move some to a page in docs"
    );
}

#[test]
fn the_badges_say_what_the_package_says() {
    let version = env!("CARGO_PKG_VERSION");
    let (minor, _) = version.rsplit_once('.').unwrap();
    let front = read("README.md");
    for (file, words) in [("status", minor), ("licence", env!("CARGO_PKG_LICENSE"))] {
        let badge = format!("docs/badges/{file}.svg");
        let of_page = front.lines().find(|line| line.contains(&badge));
        let of_page = of_page.unwrap_or_else(|| panic!("README.md does not show {badge}"));
        assert!(
            of_page.contains(words),
            "the text for {badge} does not say {words}"
        );
        let picture = read(&badge);
        assert_eq!(
            picture.matches(words).count(),
            3,
            "{badge} does not say {words}"
        );
        assert!(
            !picture.contains("href"),
            "{badge} needs nothing of the network"
        );
    }
}

#[test]
fn the_index_names_every_page() {
    let index = links(&read("docs/README.md"));
    let named: BTreeSet<String> = index
        .iter()
        .filter_map(|link| target("docs/README.md", link.split('#').next()?))
        .collect();
    let missing: Vec<String> = pages()
        .into_iter()
        .filter(|page| page != "docs/README.md")
        .filter(|page| !named.contains(page))
        .collect();
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "docs/README.md is the index by reader"
    );
}

/// What is between backticks in the first cells of the tables of a page.
fn first_cells(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" |").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}

#[test]
fn the_page_about_metrics_lists_those_of_the_program() {
    let catalog = read("src/http/metrics/catalog.rs");
    let quoted = catalog.split('"').skip(1).step_by(2);
    let declared: BTreeSet<String> = quoted
        .filter(|text| text.starts_with("chatzz_"))
        .map(str::to_owned)
        .collect();
    assert!(declared.len() > 40, "{declared:?}");
    let mut listed = first_cells(&read("docs/metrics.md"));
    listed.retain(|name| name.starts_with("chatzz_"));
    assert_eq!(listed, declared);
}
