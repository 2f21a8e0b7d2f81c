//! The files of Compose that make up a release: its own, and one of ours on top of it, which names the images of the release.

use crate::ReleaseId;
use serde_json::{Map, json};
use std::{
    io,
    path::{Path, PathBuf},
};

/// By which containers are known.
pub const LABEL: &str = "mainstay.release";
/// Where Compose looks for its file, in this order.
const USUAL: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// A file that a person writes is smaller.
const LARGEST: u64 = 4 << 20;

/// The files of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Where relative paths in them begin: the directory of the application's file. Absolute.
    pub dir: PathBuf,
    /// The release's own. Relative to `dir`.
    pub file: PathBuf,
    /// The variables of the release.
    pub env: PathBuf,
    /// Ours, where it is written.
    pub over: Option<PathBuf>,
}

impl Files {
    /// The file that is named, else the first that Compose would look for; nothing when none of them is there.
    pub fn find(dir: &Path, named: Option<&Path>) -> Option<PathBuf> {
        let usual = USUAL.map(PathBuf::from);
        let wanted = named.map_or(usual.to_vec(), |named| vec![named.to_owned()]);
        wanted.into_iter().find(|file| dir.join(file).is_file())
    }

    /// Writes ours: each service bears the mark of the release, and those in `built` use its image.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn write_over(
        &self,
        path: &Path,
        project: &str,
        id: ReleaseId,
        services: &[String],
        built: &[String],
    ) -> io::Result<()> {
        let text = host::fs::read_to_string(&self.dir.join(&self.file), LARGEST)?;
        let over = over(version_of(&text), project, id, services, built);
        host::fs::write_atomic(path, over.as_bytes(), 0o600)
    }
}

/// JSON is YAML too.
fn over(version: Option<&str>, project: &str, id: ReleaseId, services: &[String], built: &[String]) -> String {
    let labels = json!({ LABEL: id.to_string() });
    let of = |name: &String| match built.contains(name) {
        true => json!({ "image": image(project, name, id), "labels": labels }),
        false => json!({ "labels": labels }),
    };
    let services: Map<_, _> = services.iter().map(|name| (name.clone(), of(name))).collect();
    let mut file = Map::new();
    if let Some(version) = version {
        file.insert("version".to_owned(), json!(version));
    }
    file.insert("services".to_owned(), services.into());
    format!("{:#}\n", serde_json::Value::Object(file))
}

/// Files that say a version have to say the same one: docker-compose 1 refuses others.
fn version_of(text: &str) -> Option<&str> {
    let line = text.lines().find_map(|line| line.strip_prefix("version:"))?;
    let value = line.split(" #").next().unwrap_or(line).trim();
    Some(value.trim_matches(['"', '\''])).filter(|value| !value.is_empty())
}

/// The image of a service in a release.
pub fn image(project: &str, service: &str, id: ReleaseId) -> String {
    format!("{project}-{}:{id}", tidy(service))
}

/// The name of the project, of which only small letters, digits, `-` and `_` may be.
pub fn project(app: &str) -> String {
    let name = tidy(app);
    let name = name.trim_start_matches(['-', '_']);
    if name.is_empty() { "app".to_owned() } else { name.to_owned() }
}

fn tidy(name: &str) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(good).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 6, point 6: images bear the name of their release, whose version is the file's own.
    #[test]
    fn images_bear_the_name_of_their_release() {
        let id: ReleaseId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let both = ["api".to_owned(), "Mailer".to_owned()];
        let text = over(version_of("# shop\nversion: \"2.4\" # old\n"), "shop", id, &both, &both[..1]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["version"], "2.4");
        assert_eq!(value["services"]["api"]["image"], "shop-api:01ARZ3NDEKTSV4RRFFQ69G5FAV");
        assert!(value["services"]["Mailer"].get("image").is_none());
        assert_eq!(value["services"]["Mailer"]["labels"][LABEL], id.to_string());
        assert_eq!(version_of("services:\n  version: 3\n"), None);
    }

    /// Compose takes no other names.
    #[test]
    fn projects_have_tidy_names() {
        assert_eq!(
            (project("Shop.de"), project("_x"), project("ä")),
            ("shop-de".to_owned(), "x".to_owned(), "app".to_owned())
        );
    }

    /// Issue 6, point 6: the file that is named, else that which Compose would take.
    #[test]
    fn the_file_is_found_where_compose_finds_it() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Files::find(root.path(), None), None);
        for name in ["docker-compose.yml", "compose.yml"] {
            host::fs::write_atomic(&root.path().join(name), b"", 0o644).unwrap();
        }
        assert_eq!(Files::find(root.path(), None), Some("compose.yml".into()));
        assert_eq!(Files::find(root.path(), Some("docker-compose.yml".as_ref())), Some("docker-compose.yml".into()));
        assert_eq!(Files::find(root.path(), Some("prod.yml".as_ref())), None);
    }
}
