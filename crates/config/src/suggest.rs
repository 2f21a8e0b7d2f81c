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
}
