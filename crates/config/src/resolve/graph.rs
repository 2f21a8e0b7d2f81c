//! Who needs whom: an order in which everybody comes after those they need, or the circle that makes it impossible.

use std::collections::BTreeSet;

/// The indexes of `names` in an order in which each comes after those it needs; otherwise in the order given. Or one
/// circle, beginning and ending with the same name.
pub(super) fn order(names: &[&str], after: impl Fn(usize) -> Vec<usize>) -> Result<Vec<usize>, Vec<String>> {
    let mut walk = Walk { after: &after, done: BTreeSet::new(), path: Vec::new(), order: Vec::new() };
    for index in 0..names.len() {
        if let Err(circle) = walk.visit(index) {
            return Err(circle.into_iter().map(|index| names[index].to_owned()).collect());
        }
    }
    Ok(walk.order)
}

struct Walk<'a, F> {
    after: &'a F,
    done: BTreeSet<usize>,
    path: Vec<usize>,
    order: Vec<usize>,
}

impl<F: Fn(usize) -> Vec<usize>> Walk<'_, F> {
    fn visit(&mut self, index: usize) -> Result<(), Vec<usize>> {
        if self.done.contains(&index) {
            return Ok(());
        }
        if let Some(start) = self.path.iter().position(|seen| *seen == index) {
            return Err(self.path[start..].iter().copied().chain([index]).collect());
        }
        self.path.push(index);
        for needed in (self.after)(index) {
            self.visit(needed)?;
        }
        self.path.pop();
        self.done.insert(index);
        self.order.push(index);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_circle_is_told_as_it_is_walked() {
        let after = |index: usize| vec![[1, 2, 1][index]];
        assert_eq!(order(&["a", "b", "c"], after), Err(vec!["b".into(), "c".into(), "b".into()]));
        assert_eq!(order(&["a"], |_| vec![0]), Err(vec!["a".into(), "a".into()]));
    }

    proptest! {
        #[test]
        fn everybody_comes_after_those_they_need(edges in prop::collection::vec((0usize..8, 0usize..8), 0..20)) {
            let names = ["0", "1", "2", "3", "4", "5", "6", "7"];
            let after = |from: usize| edges.iter().filter(|(it, _)| *it == from).map(|(_, to)| *to).collect::<Vec<_>>();
            match order(&names, after) {
                Ok(order) => {
                    let place = |index| order.iter().position(|it| *it == index).unwrap();
                    prop_assert_eq!(order.len(), 8);
                    prop_assert!(edges.iter().all(|(from, to)| place(*to) < place(*from)));
                }
                Err(circle) => {
                    prop_assert_eq!(circle.first(), circle.last());
                    let edge = |pair: &[String]| edges.contains(&(pair[0].parse().unwrap(), pair[1].parse().unwrap()));
                    prop_assert!(circle.windows(2).all(edge));
                }
            }
        }
    }
}
