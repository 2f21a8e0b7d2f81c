//! "did you mean": the nearest of the known words.

/// The known word that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&word, &known.to_lowercase());
    let (distance, known) = known.into_iter().map(|known| (distance(known), known)).min_by_key(|(it, _)| *it)?;
    let allowed = match word.chars().count() {
        0..=3 => 1,
        4..=7 => 2,
        _ => 3,
    };
    (distance <= allowed).then_some(known)
}

/// Words of other tools (Compose, systemd, supervisord, pm2, Procfile, Kamal, Kubernetes), and ours for the same.
const ELSEWHERE: [(&[&str], &str); 14] = [
    (&["jobs", "cron", "crons", "timers", "tasks"], "schedule"),
    (&["processes", "programs", "apps", "web", "units"], "services"),
    (&["database", "db"], "databases"),
    (&["environment", "variables", "vars"], "env"),
    (&["env_file", "dotenv", "environment_file"], "env_files"),
    (&["ready", "readiness", "readiness_probe", "liveness", "liveness_probe", "healthcheck", "check"], "health"),
    (&["exclusive", "singleton"], "handover"),
    (&["depends_on", "depends", "after", "requires", "wants", "wait_for"], "needs"),
    (&["cmd", "exec", "execstart", "run", "program", "script", "entrypoint"], "command"),
    (&["working_dir", "workdir", "working_directory", "directory", "dir"], "cwd"),
    (&["restart_policy", "autorestart"], "restart"),
    (&["stop_signal", "stop_grace_period", "stopsignal", "kill_signal", "kill_timeout"], "stop"),
    (&["interval", "period"], "every"),
    (&["tz", "zone", "time_zone"], "timezone"),
];

/// Our key for what another tool calls `word`, if it can stand among the `known` ones.
fn elsewhere<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    let (_, ours) = ELSEWHERE.iter().find(|(words, _)| words.contains(&word.as_str()))?;
    known.into_iter().find(|known| known == ours)
}

/// ``did you mean `command`?``, or nothing: the nearest of the keys, or the one for what other tools call `word`.
pub(crate) fn key_for<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    match elsewhere(word, known.clone()) {
        Some(ours) => Some(format!("what others call `{word}` is `{ours}` here")),
        None => did_you_mean(word, known),
    }
}

/// ``did you mean `command`?``, or nothing.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|known| format!("did you mean `{known}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["command", "listen", "health"];
        assert_eq!(nearest("comand", known), Some("command"));
        assert_eq!(nearest("Helath", known), Some("health"));
        assert_eq!(nearest("schedule", known), None);
    }

    #[test]
    fn words_of_other_tools_are_known_where_ours_can_stand() {
        let known = ["services", "schedule", "logs"];
        assert_eq!(key_for("jobs", known), Some("what others call `jobs` is `schedule` here".to_owned()));
        assert_eq!(key_for("shedule", known), Some("did you mean `schedule`?".to_owned()));
        assert_eq!(key_for("depends-on", ["needs"]), Some("what others call `depends-on` is `needs` here".to_owned()));
        assert_eq!(key_for("depends_on", known), None, "`needs` cannot stand there");
        let words: Vec<&str> = ELSEWHERE.iter().flat_map(|(words, _)| words.iter().copied()).collect();
        assert!(words.iter().all(|word| !ELSEWHERE.iter().any(|(_, ours)| ours == word)), "none is a key of ours");
    }
}
