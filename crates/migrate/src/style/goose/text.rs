//! The sections of goose's files. Statements are found by us and not by the ends of lines, so `StatementBegin` and `StatementEnd`
//! change nothing; they are checked all the same, for goose is to go on reading the file.

use super::{annotation::Annotation, fill::fill};
use crate::style::{
    Flaw, Section, Sections,
    lines::{Line, lines},
};
use std::{collections::BTreeMap, ops::Range};

/// The sections of a file.
///
/// # Errors
/// What goose would refuse.
pub(super) fn read<'t>(text: &'t str, vars: &BTreeMap<String, String>) -> Result<Sections<'t>, Flaw> {
    let mut reader = Reader::new(vars);
    let mut annotated = Vec::new();
    for line in lines(text) {
        let annotation = Annotation::of(line)?;
        annotated.push((line, annotation));
        reader.fills |= annotation == Some(Annotation::Fill(true));
    }
    for (line, annotation) in annotated {
        match annotation {
            Some(annotation) => reader.annotation(annotation, line)?,
            None => reader.line(line)?,
        }
    }
    reader.end(text)
}

struct Reader<'v> {
    vars: &'v BTreeMap<String, String>,
    /// Does any line of the file have its variables filled in?
    fills: bool,
    /// The text so far, if so.
    filled: String,
    /// Are they filled in here?
    filling: bool,
    transaction: Option<bool>,
    up: Option<Range<usize>>,
    down: Option<Range<usize>>,
    /// The line `StatementBegin` that we are below.
    block: Option<Range<usize>>,
    /// The statement that has begun and not ended.
    open: Option<Range<usize>>,
}

impl<'v> Reader<'v> {
    fn new(vars: &'v BTreeMap<String, String>) -> Self {
        let (filled, up, down, block, open) = (String::new(), None, None, None, None);
        Self { vars, fills: false, filled, filling: false, transaction: None, up, down, block, open }
    }

    fn annotation(&mut self, annotation: Annotation, line: Line<'_>) -> Result<(), Flaw> {
        let start = self.here(line.start);
        self.put(line.text);
        let next = self.here(line.next);
        match annotation {
            Annotation::Up => self.begin_up(line, next),
            Annotation::Down => self.begin_down(line, start, next),
            Annotation::StatementBegin => self.begin_block(line),
            Annotation::StatementEnd => self.end_block(line),
            Annotation::NoTransaction => {
                self.transaction = Some(false);
                Ok(())
            }
            Annotation::Fill(filling) => {
                self.filling = filling;
                Ok(())
            }
        }
    }

    fn begin_up(&mut self, line: Line<'_>, next: usize) -> Result<(), Flaw> {
        match self.up.replace(next..next) {
            None => Ok(()),
            Some(_) => Err(flaw("there are two annotations `-- +goose Up`", "write one file for each", line.range())),
        }
    }

    fn begin_down(&mut self, line: Line<'_>, start: usize, next: usize) -> Result<(), Flaw> {
        if let Some(block) = self.block.take() {
            return Err(no_end(block));
        }
        self.ended()?;
        let Some(up) = &mut self.up else {
            let hint = "begin the file with `-- +goose Up`";
            return Err(flaw("`-- +goose Down` comes before `-- +goose Up`", hint, line.range()));
        };
        up.end = start;
        match self.down.replace(next..next) {
            None => Ok(()),
            Some(_) => Err(flaw("there are two annotations `-- +goose Down`", "put both into one", line.range())),
        }
    }

    fn begin_block(&mut self, line: Line<'_>) -> Result<(), Flaw> {
        if self.up.is_none() {
            let hint = "begin the file with `-- +goose Up`";
            return Err(flaw("`-- +goose StatementBegin` comes before `-- +goose Up`", hint, line.range()));
        }
        match self.block.replace(line.range()) {
            None => Ok(()),
            Some(block) => Err(no_end(block)),
        }
    }

    fn end_block(&mut self, line: Line<'_>) -> Result<(), Flaw> {
        let (message, hint) = match (self.block.take(), self.open.take()) {
            (Some(_), Some(_)) => return Ok(()),
            (None, _) => (
                "`-- +goose StatementEnd` has no `-- +goose StatementBegin`",
                "put it before the statement, or take this one out",
            ),
            // goose would swallow the line after it.
            (Some(_), None) => ("there is no statement above `-- +goose StatementEnd`", "take both annotations out"),
        };
        Err(flaw(message, hint, line.range()))
    }

    fn line(&mut self, line: Line<'_>) -> Result<(), Flaw> {
        if self.open.is_none() && line.is_idle() {
            self.put(line.text);
            return Ok(());
        }
        if self.up.is_none() {
            let hint = "begin the file with `-- +goose Up`";
            return Err(flaw("SQL stands before `-- +goose Up`", hint, line.range()));
        }
        let text = self.fill(line)?;
        let open = self.open.take().map_or(line.range(), |open| open.start..line.range().end);
        self.open = (self.block.is_some() || !ends(&text)).then_some(open);
        self.put(&text);
        Ok(())
    }

    fn fill(&self, line: Line<'_>) -> Result<String, Flaw> {
        if !self.filling {
            return Ok(line.text.to_owned());
        }
        fill(line.text, self.vars).map_err(|complaint| Flaw {
            message: format!("its variables cannot be filled in: {complaint}"),
            hint: "set the variable, write `$$` for a dollar sign, or put `-- +goose ENVSUB OFF` before the line"
                .to_owned(),
            range: line.range(),
        })
    }

    /// Where something of the file's text stands in what is run.
    fn here(&self, at: usize) -> usize {
        if self.fills { self.filled.len() } else { at }
    }

    fn put(&mut self, line: &str) {
        if self.fills {
            self.filled.push_str(line);
            self.filled.push('\n');
        }
    }

    fn ended(&mut self) -> Result<(), Flaw> {
        let hint = "end it with `;`; or, if `;` stands within it, write `-- +goose StatementBegin` before and \
                    `-- +goose StatementEnd` after it";
        self.open.take().map_or(Ok(()), |open| Err(flaw("a statement is not ended", hint, open)))
    }

    fn end(mut self, text: &str) -> Result<Sections<'_>, Flaw> {
        if let Some(block) = self.block.take() {
            return Err(no_end(block));
        }
        self.ended()?;
        let end = self.here(text.len());
        let Some(mut up) = self.up else {
            let first = lines(text).next().map_or(0..0, |line| line.range());
            return Err(flaw("there is no annotation `-- +goose Up`", "begin the file with it", first));
        };
        self.down.as_mut().unwrap_or(&mut up).end = end;
        let section = |range| vec![Section { range, transaction: self.transaction }];
        Ok(Sections {
            text: if self.fills { self.filled.into() } else { text.into() },
            up: section(up),
            down: self.down.map(section),
        })
    }
}

/// Does the line end a statement: is `;` the end of its last word before a comment?
fn ends(line: &str) -> bool {
    line.split_whitespace().take_while(|word| !word.starts_with("--")).last().is_some_and(|word| word.ends_with(';'))
}

fn no_end(block: Range<usize>) -> Flaw {
    flaw("the end of this statement is missing", "write `-- +goose StatementEnd` after it", block)
}

fn flaw(message: &str, hint: &str, range: Range<usize>) -> Flaw {
    Flaw { message: message.to_owned(), hint: hint.to_owned(), range }
}
