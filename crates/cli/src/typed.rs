//! The leave of whoever sits at the terminal, given by a word that has to be typed.

use host::terminal::{Stream, is_terminal, read_line};
use report::Finding;

/// Was `word` typed? The question was told already. `elsewhere` is what is said where nobody can be asked; `otherwise` is what any other
/// answer is told.
pub(crate) fn typed(word: &str, elsewhere: &str, otherwise: &str) -> Result<(), Finding> {
    if !is_terminal(Stream::Input) {
        let finding = Finding::error("nobody is there to ask: standard input is no terminal");
        return Err(finding.hint(format!("nothing was changed; {elsewhere}")));
    }
    match read_line() {
        Ok(line) if line.trim() == word => Ok(()),
        _ => Err(Finding::error(otherwise).hint("nothing was changed")),
    }
}
