//! Patches that find their place by the text that is there, and not by line numbers.

use std::ops::Range;
use std::path::Path;

/// A patch: what it is about, and what it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Patch {
    /// The name of its file.
    pub(super) name: String,
    /// What stands above its first file.
    pub(super) about: String,
    /// Its changes.
    pub(super) hunks: Vec<Hunk>,
}

/// Lines of one file, and what is to stand there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hunk {
    /// The file, from the root of the package.
    pub(super) file: String,
    old: Vec<String>,
    new: Vec<String>,
}

/// Where a hunk changes a text.
struct Change<'a> {
    /// The lines that go, by their numbers; none where lines only come.
    lines: Range<usize>,
    /// The lines that come.
    new: &'a [String],
}

impl Patch {
    /// Reads the patch of this name.
    ///
    /// # Panics
    /// Panics when it is not there or cannot be read.
    pub(super) fn read(folder: &Path, name: &str) -> Self {
        let path = folder.join(format!("{name}.patch"));
        let text = std::fs::read_to_string(&path);
        let text = text.unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        Self::parse(name, &text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    }

    fn parse(name: &str, text: &str) -> Result<Self, String> {
        let (about, changes) = text.split_once("\n--- ").ok_or("it changes no file")?;
        let mut hunks = Vec::new();
        for of_file in changes.split("\n--- ") {
            let (file, of_file) = of_file.split_once("\n@@\n").ok_or("a file without @@")?;
            for hunk in of_file.split("\n@@\n") {
                hunks.push(Hunk::parse(file, hunk)?);
            }
        }
        Ok(Self {
            name: name.to_owned(),
            about: about.trim().to_owned(),
            hunks,
        })
    }
}

impl Hunk {
    fn parse(file: &str, text: &str) -> Result<Self, String> {
        let mut hunk = Self {
            file: file.to_owned(),
            ..Self::default()
        };
        // the empty line before the next file is not part of it
        for line in text.trim_end_matches('\n').lines() {
            let (sign, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
            if sign != "+" {
                hunk.old.push(rest.to_owned());
            }
            if sign != "-" {
                hunk.new.push(rest.to_owned());
            }
            if !["+", "-", " "].contains(&sign) {
                return Err(format!(
                    "a line that begins with none of +, - and space: {line}"
                ));
            }
        }
        if hunk.old.is_empty() || hunk.old == hunk.new {
            return Err(format!(
                "a hunk of {file} that has no place, or changes nothing"
            ));
        }
        Ok(hunk)
    }

    /// What it changes in a file of these lines, without the lines around.
    fn change(&self, lines: &[&str]) -> Result<Change<'_>, String> {
        let windows = lines.windows(self.old.len()).enumerate();
        let found = windows.filter(|(_, window)| *window == self.old);
        let found: Vec<usize> = found.map(|(start, _)| start).collect();
        let [start] = found[..] else {
            let (file, times) = (&self.file, found.len());
            let old = self.old.join("\n");
            return Err(format!(
                "{file} must have these lines once, and has them {times} times:\n{old}"
            ));
        };
        let before = common(self.old.iter(), self.new.iter());
        let (old, new) = (&self.old[before..], &self.new[before..]);
        let after = common(old.iter().rev(), new.iter().rev());
        let from = start + before;
        Ok(Change {
            lines: from..from + old.len() - after,
            new: &new[..new.len() - after],
        })
    }
}

/// How many items are the same from the beginning.
fn common<'a>(
    one: impl Iterator<Item = &'a String>,
    other: impl Iterator<Item = &'a String>,
) -> usize {
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

/// Applies the hunks of many patches to one file; each has the name of its patch beside
/// it, and its place in the text as it was.
pub(super) fn apply(text: &str, hunks: &[(&str, &Hunk)]) -> Result<String, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut changes = Vec::new();
    let mut wrong = Vec::new();
    for (name, hunk) in hunks {
        match hunk.change(&lines) {
            Ok(change) => changes.push((*name, change)),
            Err(why) => wrong.push(format!("{name}.patch does not fit: {why}")),
        }
    }
    // stable, so that what is inserted in one place keeps its order
    changes.sort_by_key(|(_, change)| (change.lines.start, change.lines.end));
    for pair in changes.windows(2) {
        let [(one, before), (other, after)] = pair else {
            continue;
        };
        if after.lines.start < before.lines.end {
            wrong.push(format!(
                "{one}.patch and {other}.patch change the same lines"
            ));
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    let mut whole: Vec<&str> = Vec::new();
    let mut done = 0;
    for (_, change) in changes {
        whole.extend(&lines[done..change.lines.start]);
        whole.extend(change.new.iter().map(String::as_str));
        done = change.lines.end;
    }
    whole.extend(&lines[done..]);
    Ok(whole.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::{Patch, apply};

    const TEXT: &str = "a\nb\n\nc\nd\nb\n";

    fn patched(patches: &[&str]) -> Result<String, String> {
        let patches = patches.iter().zip(["one", "two"]);
        let patches = patches.map(|(text, name)| Patch::parse(name, text).unwrap());
        let patches: Vec<Patch> = patches.collect();
        let hunks = patches
            .iter()
            .flat_map(|patch| patch.hunks.iter().map(|hunk| (patch.name.as_str(), hunk)));
        apply(TEXT, &hunks.collect::<Vec<_>>())
    }

    #[test]
    fn lines_are_added_replaced_and_removed() {
        let patch = "About.\n\n--- f\n@@\n a\n+new\n b\n\n@@\n-c\n+C\n@@\n-d\n b\n";
        assert_eq!(patched(&[patch]), Ok("a\nnew\nb\n\nC\nb\n".to_owned()));
    }

    #[test]
    fn patches_may_share_the_lines_around_their_changes() {
        let (one, two) = ("\n--- f\n@@\n c\n+1\n", "\n--- f\n@@\n+2\n d\n");
        assert_eq!(
            patched(&[one, two]),
            Ok("a\nb\n\nc\n1\n2\nd\nb\n".to_owned())
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let lost = patched(&["\n--- f\n@@\n a\n+x\n", "\n--- f\n@@\n-gone\n"]).unwrap_err();
        assert_eq!(
            lost,
            "two.patch does not fit: f must have these lines once, and has them 0 times:\ngone"
        );
        let twice = patched(&["\n--- f\n@@\n-b\n"]).unwrap_err();
        assert!(twice.contains("has them 2 times"), "{twice}");
        let both = patched(&["\n--- f\n@@\n-c\n+C\n", "\n--- f\n@@\n-c\n"]).unwrap_err();
        assert_eq!(both, "one.patch and two.patch change the same lines");
    }

    #[test]
    fn a_patch_has_files_places_and_signs() {
        for text in [
            "About.\n",
            "\n--- f\n",
            "\n--- f\n@@\n+x\n",
            "\n--- f\n@@\n a\n",
            "\n--- f\n@@\na\n",
        ] {
            assert!(Patch::parse("p", text).is_err(), "{text:?}");
        }
        let patch = "About.\n\nBreaks: I1\n\n--- f\n@@\n-a\n\n--- g\n@@\n-b\n";
        let patch = Patch::parse("p", patch).unwrap();
        assert_eq!(patch.about, "About.\n\nBreaks: I1");
        let files: Vec<&str> = patch.hunks.iter().map(|hunk| hunk.file.as_str()).collect();
        assert_eq!(files, ["f", "g"]);
    }
}
