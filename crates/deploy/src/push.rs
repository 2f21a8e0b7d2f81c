//! What a push has moved, as git tells its hooks (githooks(5), `post-receive`).

/// A name that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The commit before; zeros alone where there was none.
    pub old: String,
    /// The commit now; zeros alone where it was deleted.
    pub new: String,
    /// The whole name: `refs/heads/main`.
    pub name: String,
}

/// What follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follows {
    /// This commit is released.
    Release(String),
    /// Nothing, for this reason.
    Nothing(String),
}

/// All that were moved; lines that are none are passed over.
pub fn updates(text: &str) -> Vec<Update> {
    let update = |line: &str| {
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        Some(Update { old: words.next()?, new: words.next()?, name: words.next()? })
    };
    text.lines().filter_map(update).filter(|it| is_commit(&it.old) && is_commit(&it.new)).collect()
}

/// What follows where `branch` is the one that is released.
pub fn follows(update: &Update, branch: &str) -> Follows {
    let Some(pushed) = update.name.strip_prefix("refs/heads/") else {
        return Follows::Nothing(format!("`{}` is no branch: nothing is released", update.name));
    };
    if pushed != branch {
        return Follows::Nothing(format!("`{pushed}` is kept, and not released: that is `{branch}`"));
    }
    if update.new.bytes().all(|digit| digit == b'0') {
        return Follows::Nothing(format!("`{branch}` was deleted: what runs goes on"));
    }
    Follows::Release(update.new.clone())
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str, name: &str) -> Follows {
        let text = format!("{} {} {name}\n", old.repeat(40), new.repeat(40));
        follows(&updates(&text)[0], "main")
    }

    /// S4.4: the branch is released; other branches, tags and what is deleted are explained.
    #[test]
    fn only_the_branch_is_released() {
        assert_eq!(told("0", "a", "refs/heads/main"), Follows::Release("a".repeat(40)));
        assert_eq!(told("a", "b", "refs/heads/main"), Follows::Release("b".repeat(40)));
        let why = |follows| match follows {
            Follows::Nothing(why) => why,
            Follows::Release(commit) => panic!("{commit}"),
        };
        assert_eq!(why(told("a", "0", "refs/heads/main")), "`main` was deleted: what runs goes on");
        assert_eq!(why(told("0", "a", "refs/heads/x")), "`x` is kept, and not released: that is `main`");
        assert_eq!(why(told("0", "a", "refs/tags/main")), "`refs/tags/main` is no branch: nothing is released");
    }

    /// What is no line of git's is passed over.
    #[test]
    fn what_is_no_update_is_passed_over() {
        assert!(updates("\nmain\na b c\n--exec=sh --exec=sh refs/heads/main\n").is_empty());
    }
}
