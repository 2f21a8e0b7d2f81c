//! Paths that nobody has a reason to ask for.

/// What is blocked when nothing else is said: repositories, secrets, and what only scanners look for in an application
/// that is not written in PHP.
pub const USUAL: &[&str] = &[
    ".git",
    ".svn",
    ".hg",
    ".env*",
    ".ht*",
    ".aws",
    ".ssh",
    ".DS_Store",
    "*.php",
    "*.php?",
    "*.asp",
    "*.aspx",
    "*.bak",
    "*.sql",
];

/// Patterns of paths. One with a `/` in front is the beginning of a path, by whole segments; one without is any one
/// segment. `*` stands for anything within a segment, `?` for one character. Letters are compared without their case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block(Vec<Vec<String>>);

impl Block {
    /// Reads patterns.
    ///
    /// # Errors
    /// When one is empty, or is neither a path nor one segment.
    pub fn new<T: AsRef<str>>(patterns: impl IntoIterator<Item = T>) -> Result<Self, String> {
        let all = patterns.into_iter().map(|pattern| config::path_pattern(pattern.as_ref()));
        all.collect::<Result<_, _>>().map(Self)
    }

    /// Is this path, as it stands in a request, blocked? It is looked at as the application would: decoded, also twice.
    pub fn hits(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        if !path.contains('%') {
            return self.matches(path);
        }
        let once = decoded(path);
        self.matches(path) || self.matches(&once) || (once.contains('%') && self.matches(&decoded(&once)))
    }

    fn matches(&self, path: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.as_slice() {
            // The first one is empty: the pattern began with a slash.
            [first, rest @ ..] if first.is_empty() => begins(path, rest),
            [one] => path.split(['/', '\\', ';']).any(|segment| glob(one.as_bytes(), segment.as_bytes())),
            _ => false,
        })
    }
}

/// Empty segments and `.` count for nothing, as servers of files see them.
fn begins(path: &str, pattern: &[String]) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty() && *segment != ".");
    pattern.iter().all(|wanted| segments.next().is_some_and(|it| glob(wanted.as_bytes(), it.as_bytes())))
}

/// `*` is tried shortest first; the place after the last one is remembered, so that time grows with the product at most.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(it) if it.eq_ignore_ascii_case(&text[t]) => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    (p, t) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|it| *it == b'*')
}

fn decoded(path: &str) -> String {
    let (bytes, mut at) = (path.as_bytes(), 0);
    let mut plain = Vec::with_capacity(bytes.len());
    while let Some(byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => (plain.push(byte), at += 3).1,
            None => (plain.push(*byte), at += 1).1,
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// S4.9: what nginx sites block.
    #[test]
    fn usual_paths_are_blocked_and_others_are_not() {
        let block = Block::new(USUAL).unwrap();
        for path in [
            "/index.php",
            "/a/b.PHP",
            "/wp-login.php/x",
            "/x.php5",
            "/.git",
            "/.git/config",
            "/x/.git/HEAD",
            "/.env",
            "/.env.local",
            "/%2egit/config",
            "/%252egit/config",
            "/.htaccess",
            "/dump.sql",
            "/a.php;x",
        ] {
            assert!(block.hits(path), "{path}");
        }
        for path in [
            "/",
            "/php",
            "/.well-known/acme-challenge/x",
            "/git",
            "/a.phpxx/../",
            "/environment",
            "/100%",
            "/%",
            "/a%2",
        ] {
            assert!(!block.hits(path), "{path}");
        }
    }

    #[test]
    fn paths_are_blocked_by_whole_segments() {
        let block = Block::new(["/admin/*/secret", "/internal"]).unwrap();
        for path in ["/internal", "/internal/x", "//internal", "/./internal/", "/INTERNAL", "/admin/a/secret/b"] {
            assert!(block.hits(path), "{path}");
        }
        for path in ["/internals", "/x/internal", "/admin/secret", "/admin"] {
            assert!(!block.hits(path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_looked_at_without_harm(path in ".{0,200}", pattern in "[a-z*?.]{1,12}") {
            let block = Block::new([pattern.as_str()]).unwrap();
            block.hits(&path);
            prop_assert!(Block::new(["*"]).unwrap().hits(&path));
        }
    }
}
