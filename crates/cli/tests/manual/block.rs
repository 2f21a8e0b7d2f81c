//! A page of Markdown, as far as it is tested: fenced blocks, and directions in comments.

/// What a page is made of, in its order.
#[derive(Debug)]
pub(crate) enum Piece {
    /// `<!-- test: … -->`
    Direction(String),
    /// A fenced block.
    Block(Block),
    /// A line that is indented like a block, with its number.
    Indented(usize),
}

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// What stands after the fence.
    pub(crate) language: String,
    /// Its first line in the page, counted from 0; the fence is the line before.
    pub(crate) start: usize,
    /// Its lines.
    pub(crate) lines: Vec<String>,
}

impl Block {
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// The pieces of a page.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let lines: Vec<_> = text.lines().collect();
    let (mut pieces, mut at) = (Vec::new(), 0);
    while let Some(line) = lines.get(at) {
        let (piece, taken) = if let Some(language) = line.strip_prefix("```") {
            fenced(language, &lines, at)
        } else if let Some(comment) = line.strip_prefix("<!-- test: ") {
            direction(comment, &lines[at + 1..])
        } else {
            (indented(&lines, at), 1)
        };
        pieces.extend(piece);
        at += taken;
    }
    pieces
}

fn fenced(language: &str, lines: &[&str], at: usize) -> (Option<Piece>, usize) {
    let inside: Vec<_> =
        lines[at + 1..].iter().take_while(|line| **line != "```").map(|line| (*line).to_owned()).collect();
    let taken = inside.len() + 2;
    (Some(Piece::Block(Block { language: language.to_owned(), start: at + 1, lines: inside })), taken)
}

/// Its text may go over several lines.
fn direction(first: &str, rest: &[&str]) -> (Option<Piece>, usize) {
    let mut text = first.to_owned();
    let mut taken = 1;
    while !text.trim_end().ends_with("-->") && taken <= rest.len() {
        text = format!("{text}\n{}", rest[taken - 1]);
        taken += 1;
    }
    (Some(Piece::Direction(text.trim_end().trim_end_matches("-->").trim_end().to_owned())), taken)
}

/// Four blanks after an empty line make a block, unless a list goes on.
fn indented(lines: &[&str], at: usize) -> Option<Piece> {
    let before = lines[..at].iter().rev().find(|line| !line.is_empty() && !line.starts_with(' '));
    let in_list = before.is_some_and(|line| line.starts_with("- ") || line.starts_with(|c: char| c.is_ascii_digit()));
    let block = lines[at].starts_with("    ") && at > 0 && lines[at - 1].is_empty();
    (block && !in_list).then_some(Piece::Indented(at))
}
