//! Why a service is as it is.

use super::pen::Pen;
use crate::{look::Tone, model::Detail};

pub(super) fn detail(detail: &Detail, pen: &mut Pen<'_>) {
    pen.put(&format!(" why {}", detail.service), Tone::Head);
    pen.put(" ", Tone::Plain);
    pen.rule(Tone::Quiet);
    let Some(text) = &detail.text else {
        pen.next_line();
        pen.put(" asking", Tone::Quiet);
        return;
    };
    for line in text.iter().skip(detail.top).take(pen.height().saturating_sub(1)) {
        pen.next_line();
        pen.skip(1);
        match line.split_once(": ").filter(|(head, _)| !head.starts_with(' ') && !head.contains('`')) {
            Some((head, rest)) => {
                pen.put(&format!("{head}: "), Tone::Head);
                pen.put(rest, Tone::Plain);
            }
            None => pen.put(line, Tone::Plain),
        }
    }
}
