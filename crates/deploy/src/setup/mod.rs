//! The first set-up of a server (S4.5): the texts of its files.

mod variables;

pub use variables::{Filled, fill};

use std::path::Path;

/// What marks a hook as ours, so that one of somebody else's is never replaced.
const MARK: &str = "# Made by `mainstay server init`";

/// The hook that runs after a push: releases are made of the site whose file is `config`.
pub fn hook(program: &Path, config: &Path) -> String {
    let (program, config) = (quoted(program), quoted(config));
    format!(
        "#!/bin/sh\n{MARK}: what is pushed to its branch is released.\nexec {program} hook post-receive --config {config}\n"
    )
}

/// Was this hook made by us?
pub fn is_ours(hook: &str) -> bool {
    hook.contains(MARK)
}

/// The file of a new site.
pub fn site_file(name: &str, branch: &str, repository: Option<&str>) -> String {
    // Escapes of JSON are those of TOML.
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let repository = repository.map(|url| format!("repository = {}\n", text(url))).unwrap_or_default();
    format!(
        "# Where releases come from. What is released describes itself in the mainstay.toml of its commit.\nname = {}\n\n[deploy]\nbranch = {}\n{repository}",
        text(name),
        text(branch),
    )
}

/// As a shell takes it for one word.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S4.4: any path is one word to the shell.
    #[test]
    fn the_hook_runs_us() {
        let hook = hook(Path::new("/opt/it's here/mainstay"), Path::new("/srv/shop/mainstay.toml"));
        assert!(
            hook.ends_with("exec '/opt/it'\\''s here/mainstay' hook post-receive --config '/srv/shop/mainstay.toml'\n")
        );
        assert!(hook.starts_with("#!/bin/sh\n") && is_ours(&hook) && !is_ours("#!/bin/sh\nexit 0\n"));
    }

    /// S4.5: whatever the names are, the file says them.
    #[test]
    fn the_file_says_what_was_asked_for() {
        let file = site_file("shop", "a\"b", Some("git@git.example:shop.git"));
        assert!(file.ends_with(
            "name = \"shop\"\n\n[deploy]\nbranch = \"a\\\"b\"\nrepository = \"git@git.example:shop.git\"\n"
        ));
    }
}
