//! What the terminal can show, and how things look there.

use ratatui_core::style::{Color, Modifier, Style};
use std::collections::BTreeMap;

/// What the terminal can show. Nothing is told by colour or by a special character alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Colours; the terminal's own sixteen.
    pub color: bool,
    /// More than ASCII.
    pub unicode: bool,
}

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Plain,
    /// Of less interest.
    Quiet,
    /// Good, and worth to be said.
    Good,
    /// On its way, or not whole.
    Warning,
    /// Wrong.
    Bad,
    /// A heading.
    Head,
}

impl Look {
    /// By the environment: `NO_COLOR` (<https://no-color.org>), and the locale (POSIX, chapter 8.2). Nothing when the terminal
    /// cannot move its cursor, or does not say what it is.
    pub fn of(env: &BTreeMap<String, String>) -> Option<Self> {
        let set = |name: &str| env.get(name).map(String::as_str).filter(|value| !value.is_empty());
        set("TERM").filter(|term| *term != "dumb")?;
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
        let unicode = locale.contains("utf-8") || locale.contains("utf8");
        Some(Self { color: set("NO_COLOR").is_none(), unicode })
    }

    pub(crate) fn style(self, tone: Tone) -> Style {
        let style = Style::new();
        let colored = |color: Color| if self.color { style.fg(color) } else { style };
        match tone {
            Tone::Plain => style,
            // A dark grey is not to be read on every terminal; dimmed text is.
            Tone::Quiet => style.add_modifier(Modifier::DIM),
            Tone::Good => colored(Color::Green),
            Tone::Warning => colored(Color::Yellow).add_modifier(Modifier::BOLD),
            Tone::Bad => colored(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Head => style.add_modifier(Modifier::BOLD),
        }
    }

    /// Stands for what was cut off.
    pub(crate) fn ellipsis(self) -> char {
        if self.unicode { '…' } else { '~' }
    }

    /// A horizontal rule.
    pub(crate) fn rule(self) -> &'static str {
        if self.unicode { "─" } else { "-" }
    }

    /// Between two things on one line.
    pub(crate) fn between(self) -> &'static str {
        if self.unicode { " · " } else { " - " }
    }

    /// From the lowest to the highest.
    pub(crate) fn bars(self) -> &'static [char; 8] {
        const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        const ASCII: [char; 8] = ['_', '.', ',', '-', '=', '+', '*', '#'];
        if self.unicode { &BLOCKS } else { &ASCII }
    }

    pub(crate) fn arrows(self) -> &'static str {
        if self.unicode { "↑↓" } else { "jk" }
    }
}

/// The tone of a service's state.
pub(crate) fn tone_of(service: &control::Service) -> Tone {
    match service.state.as_str() {
        "active" if service.ready => Tone::Plain,
        "failed" => Tone::Bad,
        "active" | "parked" => Tone::Warning,
        "activating" if matches!(service.fine.as_str(), "backoff") => Tone::Bad,
        "activating" | "deactivating" => Tone::Warning,
        // Done, or stopped: nobody has to look.
        _ => Tone::Quiet,
    }
}

/// The tone of a dependency's state.
pub(crate) fn tone_of_need(need: &control::Dependency) -> Tone {
    match (need.verdict.as_str(), need.state.as_str()) {
        ("fail", _) if need.required => Tone::Bad,
        ("pass", "ready") => Tone::Plain,
        ("skipped", _) => Tone::Quiet,
        _ => Tone::Warning,
    }
}

/// The tone of a word for health.
pub(crate) fn tone_of_health(health: &str) -> Tone {
    match health {
        "ok" => Tone::Good,
        "critical" => Tone::Bad,
        _ => Tone::Warning,
    }
}

/// The outer word, with the finer one where that says more.
pub(crate) fn state_of(service: &control::Service) -> String {
    match (service.state.as_str(), service.fine.as_str()) {
        ("active", _) if !service.ready => "active (unhealthy)".to_owned(),
        ("active", "running") => service.state.clone(),
        (word, fine) if word == fine || fine.is_empty() => service.state.clone(),
        (word, fine) => format!("{word} ({fine})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S4.7: no colour and no special character are needed.
    #[test]
    fn the_environment_says_what_can_be_shown() {
        let look = |env: &[(&str, &str)]| {
            Look::of(&env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let all = Some(Look { color: true, unicode: true });
        let plain = Some(Look { color: true, unicode: false });
        assert_eq!(look(&[("TERM", "xterm"), ("LANG", "en_US.UTF-8")]), all);
        assert_eq!(look(&[("TERM", "xterm"), ("LANG", "C"), ("LC_CTYPE", "C.utf8")]), all);
        assert_eq!(look(&[("TERM", "xterm"), ("LANG", "C.UTF-8"), ("LC_ALL", "C")]), plain);
        assert_eq!(look(&[("TERM", "screen"), ("NO_COLOR", "")]), plain);
        let nothing = Some(Look { color: false, unicode: false });
        assert_eq!(look(&[("TERM", "screen"), ("NO_COLOR", "1")]), nothing);
        assert_eq!((look(&[("TERM", "dumb")]), look(&[("TERM", "")]), look(&[])), (None, None, None));
    }
}
