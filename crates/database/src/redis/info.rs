//! The answer to `INFO`: lines of `name:value`.

use std::time::Duration;

/// The answer to `INFO`, possibly empty when it is not allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Info<'a>(pub(super) &'a str);

impl<'a> Info<'a> {
    /// The value of `name`.
    pub(super) fn get(self, name: &str) -> Option<&'a str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    /// The value of `name`, as a number.
    pub(super) fn number(self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// How far loading has come: `61.5 % loaded, 3 s left`.
    pub(super) fn loading(self) -> Option<String> {
        let share = self.get("loading_loaded_perc").filter(|_| self.get("loading") == Some("1"))?;
        let left = self
            .number("loading_eta_seconds")
            .map(|left| format!(", {} left", report::seconds(Duration::from_secs(left))));
        Some(format!("{share} % loaded{}", left.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read() {
        let info = Info(
            "# Persistence\r\nloading:1\r\nasync_loading:0\r\nloading_loaded_perc:61.50\r\nloading_eta_seconds:3\r\n",
        );
        assert!(info.loading().unwrap().starts_with("61.50 % loaded, 3"), "{:?}", info.loading());
        assert_eq!(Info("loading:0\r\n").loading(), None);
        assert_eq!(Info("").get("loading"), None);
    }
}
