//! Lines of several services as one: by time, and each service's in its own order.

use crate::line::Line;
use std::{cmp::Reverse, collections::BinaryHeap};

/// Merges sources by time, the first of them first where times are the same. Within a source nothing changes its place, also when
/// its clock went back.
pub fn merge<I: Iterator<Item = Line>>(sources: Vec<I>) -> impl Iterator<Item = Line> {
    let mut sources = sources;
    let mut next: Vec<Option<Line>> = sources.iter_mut().map(Iterator::next).collect();
    let entry = |place: usize, line: &Line| Reverse((line.at, place));
    let mut order: BinaryHeap<_> =
        next.iter().enumerate().filter_map(|(at, it)| Some(entry(at, it.as_ref()?))).collect();
    std::iter::from_fn(move || {
        let Reverse((_, place)) = order.pop()?;
        let following = sources[place].next();
        order.extend(following.as_ref().map(|line| entry(place, line)));
        std::mem::replace(&mut next[place], following)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn line(service: usize, second: i64, text: usize) -> Line {
        let at = Timestamp::from_second(second).unwrap();
        Line::read(text.to_string().as_bytes(), &service.to_string(), at)
    }

    proptest! {
        /// S2.11: none lost, none twice, each service's in its order, and by time where every service's clock only goes forward.
        #[test]
        fn every_line_once_and_in_order(sources in proptest::collection::vec(proptest::collection::vec(0i64..50, 0..20), 0..5), sorted: bool) {
            let mut sources = sources;
            if sorted {
                sources.iter_mut().for_each(|times| times.sort_unstable());
            }
            let lines = |(service, times): (usize, &Vec<i64>)| {
                times.iter().enumerate().map(|(text, at)| line(service, *at, text)).collect::<Vec<_>>().into_iter()
            };
            let merged: Vec<_> = merge(sources.iter().enumerate().map(lines).collect()).collect();
            for (service, times) in sources.iter().enumerate() {
                let own: Vec<_> = merged.iter().filter(|line| line.service == service.to_string()).cloned().collect();
                prop_assert_eq!(own, lines((service, times)).collect::<Vec<_>>());
            }
            prop_assert!(!sorted || merged.is_sorted_by_key(|line| line.at));
        }
    }
}
