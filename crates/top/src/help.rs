//! What the keys do, for people.

/// Keys, and what they do; a heading has no key.
pub(crate) const HELP: &[(&str, &str)] = &[
    ("", "Services and jobs"),
    ("Up Down j k", "the row above, below"),
    ("PgUp PgDn g G", "a page; the first, the last row"),
    ("Enter", "why the service is as it is"),
    ("r", "restart it (y or n is asked for)"),
    ("s", "stop it (y or n is asked for); start it when it does not run"),
    ("n", "run the job now (y or n is asked for)"),
    ("f", "only the services with this in their name"),
    ("m", "mark it: the lines of all that are marked are shown together"),
    ("", "Lines"),
    ("l", "those of the selected service, of all, a pane for each, none"),
    ("/", "only the lines with this in them; capitals make case count"),
    ("v", "all lines, or those of level info, warn, error and above"),
    ("p Space", "stand still, go on"),
    ("Tab", "the keys that go up and down mean the lines, the services"),
    ("g G", "(there) the oldest line; the newest, and go on"),
    ("e E", "the error before, the error behind"),
    ("Left Right", "the rest of long lines"),
    ("", "All"),
    ("Esc", "back: takes back filters and marks, one after the other"),
    ("Ctrl-L", "draw everything anew"),
    ("?", "this help"),
    ("q Ctrl-C", "quit; the application goes on"),
];
