//! How deep JSON is nested.

/// Whether objects and arrays of valid JSON are nested at most this deep. Looks at each
/// byte once and stores nothing.
pub(super) fn is_within(json: &str, most: usize) -> bool {
    let mut depth = 0_usize;
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_open_at_the_same_time_counts() {
        assert!(is_within(r#"{"a":[],"b":[{}],"c":[[],[]]}"#, 3));
        assert!(!is_within(r#"{"a":[],"b":[{}],"c":[[],[]]}"#, 2));
        assert!(is_within("5", 0));
        assert!(!is_within(&"[".repeat(10_000), 16));
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        for text in [r#"{"[{[{":"[[[["}"#, r#"{"a":"\"[[[","b\\":"[["}"#] {
            assert!(is_within(text, 1), "{text}");
        }
        assert!(!is_within(r#"{"a\\":[]}"#, 1));
    }
}
