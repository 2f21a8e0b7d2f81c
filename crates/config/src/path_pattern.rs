//! Patterns of paths, as a proxy blocks them.

/// The segments of a pattern. The first one is empty where it is the beginning of a path, such as `/admin`; else it is one segment,
/// such as `.git` or `*.php`.
///
/// # Errors
/// When it is empty, or is neither a path nor one segment.
pub fn path_pattern(pattern: &str) -> Result<Vec<String>, String> {
    let pattern = pattern.trim();
    let segments: Vec<String> = pattern.trim_end_matches('/').split('/').map(str::to_owned).collect();
    let plain = !pattern.is_empty() && !pattern.contains([' ', '%', '#']);
    let fits = match segments.as_slice() {
        [first, rest @ ..] if first.is_empty() => !rest.is_empty() && rest.iter().all(|it| !it.is_empty()),
        [one] => !one.is_empty(),
        _ => false,
    };
    match plain && fits {
        true => Ok(segments),
        false => Err(format!("`{pattern}` is no pattern of a path: write `/admin`, `.git` or `*.php`")),
    }
}

#[cfg(test)]
mod tests {
    use super::path_pattern;

    /// S4.9: what is no pattern is refused.
    #[test]
    fn patterns_are_beginnings_of_paths_or_segments() {
        assert_eq!(path_pattern(" /admin/x/ "), Ok(vec![String::new(), "admin".to_owned(), "x".to_owned()]));
        assert_eq!(path_pattern("*.php"), Ok(vec!["*.php".to_owned()]));
        for text in ["", "/", "a/b", "//", "/a//b", "/a b", "%2e"] {
            assert!(path_pattern(text).is_err(), "{text}");
        }
    }
}
